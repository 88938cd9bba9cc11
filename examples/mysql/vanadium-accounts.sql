-- The database and the accounts that use it, for MariaDB 10.11 and later, MySQL 8.0 and later. As an administrator, on the server that takes
-- writes (replicas get accounts from it):
--
--   replace WRITER_PASSWORD, PURGE_PASSWORD, BACKUP_PASSWORD, SCRATCH_PASSWORD, ANALYST_PASSWORD, CANARY_PASSWORD and REPLICATION_PASSWORD by passwords in quotes: 'l0ng…'
--   mariadb < vanadium-accounts.sql        or: mysql < vanadium-accounts.sql
--
-- As it is the file is no SQL, and the client ends at the first account. May be run again: accounts that are there keep their passwords.
-- Where consumers run on another host than the server, write that in the place of localhost, and REQUIRE SSL behind the password. Where they
-- run on the same, no password is needed at all: the server asks the kernel who is at the other end of its socket. IDENTIFIED VIA
-- unix_socket says so in MariaDB, IDENTIFIED WITH auth_socket in MySQL.

CREATE DATABASE IF NOT EXISTS log CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE USER IF NOT EXISTS 'vanadium'@'localhost' IDENTIFIED BY WRITER_PASSWORD;
CREATE USER IF NOT EXISTS 'vanadium_purge'@'localhost' IDENTIFIED BY PURGE_PASSWORD;
CREATE USER IF NOT EXISTS 'vanadium_backup'@'localhost' IDENTIFIED BY BACKUP_PASSWORD;
CREATE USER IF NOT EXISTS 'vanadium_scratch'@'localhost' IDENTIFIED BY SCRATCH_PASSWORD;
CREATE USER IF NOT EXISTS 'analyst'@'%' IDENTIFIED BY ANALYST_PASSWORD;
CREATE USER IF NOT EXISTS 'canary'@'localhost' IDENTIFIED BY CANARY_PASSWORD;
CREATE USER IF NOT EXISTS 'replication_check'@'localhost' IDENTIFIED BY REPLICATION_PASSWORD;

-- The consumer. SELECT: its tables and positions, and duplicates. INSERT: rows. UPDATE: positions; and the clause that lets duplicates pass, which
-- changes nothing. CREATE, ALTER: tables, and columns that schemas gain. CREATE VIEW, SHOW VIEW: views of all revisions of a schema; DROP, because
-- replacing a view needs it. It never deletes anything, and no right reaches beyond the database: above all not SUPER, READ ONLY ADMIN or
-- ALL on *.*, with which the server would take rows while it is read-only.
GRANT SELECT, INSERT, UPDATE, CREATE, ALTER, CREATE VIEW, SHOW VIEW, DROP ON log.* TO 'vanadium'@'localhost';

-- vanadium purge (/etc/vanadium/purge.cnf). DELETE, UPDATE: what is old. INSERT, CREATE, ALTER: <Schema>_daily, and vanadium_purge, in which it notes how far it came. Not
-- DROP: nothing that it is told by mistake takes a table away. --dry-run and --prove need SELECT alone; the analysts' account will do.
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER ON log.* TO 'vanadium_purge'@'localhost';

-- vanadium backup run and verify (/etc/vanadium/backup.cnf). SELECT is all that mariadb-dump needs with --single-transaction.
GRANT SELECT ON log.* TO 'vanadium_backup'@'localhost';

-- vanadium backup rehearse (/etc/vanadium/scratch.cnf): makes and drops a database of its own, and sees no other.
GRANT ALL ON `vanadium\_scratch`.* TO 'vanadium_scratch'@'localhost';

-- People. They see vanadium_positions as well: names of instances and places in their inputs, nothing of events. In MariaDB,
-- ALTER USER 'analyst'@'%' WITH MAX_STATEMENT_TIME 3600; ends what runs for longer than an hour.
GRANT SELECT, SHOW VIEW ON log.* TO 'analyst'@'%';

-- vanadium check canary: reads the rows of its own events, and knows of no other table. The table comes with the first of them, and a right
-- to what is not there is only given together with that to make it; which is taken back at once, and SELECT stays.
GRANT SELECT, CREATE ON log.Canary_1 TO 'canary'@'localhost';
REVOKE CREATE ON log.Canary_1 FROM 'canary'@'localhost';

-- vanadium check lease, and vanadium lease: which of two hosts writes. The same account will do, and the tables come with the first lease as well.
GRANT SELECT, CREATE ON log.vanadium_leases TO 'canary'@'localhost';
REVOKE CREATE ON log.vanadium_leases FROM 'canary'@'localhost';
GRANT SELECT, CREATE ON log.vanadium_lease_members TO 'canary'@'localhost';
REVOKE CREATE ON log.vanadium_lease_members FROM 'canary'@'localhost';
-- vanadium drill failover asks for the lease back, in the name of its host's consumer. For whoever holds drills, once there is that table:
-- GRANT UPDATE (wanted_by) ON log.vanadium_leases TO 'canary'@'localhost';

-- vanadium check replication, on a replica, which gets the account from here: asks how far that is behind, and sees no data. Each server takes
-- the line that is for it.
/*M! GRANT REPLICA MONITOR ON *.* TO 'replication_check'@'localhost' */;
/*!80000 GRANT REPLICATION CLIENT ON *.* TO 'replication_check'@'localhost' */;

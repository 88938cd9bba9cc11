import t from 'tap'
import { ConfigError, StreamError } from '../../lib/errors.js'
import { classify, columnIn, type ErrorClass } from '../../lib/sql/errors.js'

function failure (fields: object): Error {
  return Object.assign(new Error('failed'), fields)
}

const examples: Record<ErrorClass, Array<[string, unknown]>> = {
  wait: [
    ['connection refused', failure({ code: 'ECONNREFUSED', errno: -111 })], ['connection reset', failure({ code: 'ECONNRESET', errno: -104 })],
    ['no socket', failure({ code: 'ENOENT', errno: -2 })], ['name server away', failure({ code: 'EAI_AGAIN' })],
    ['connection lost', failure({ code: 'PROTOCOL_CONNECTION_LOST', fatal: true })], ['closed connection', failure({ fatal: true })],
    ['too many connections', failure({ errno: 1040, sqlState: '08004' })], ['server shutdown', failure({ errno: 1053, sqlState: '08S01' })],
    ['lock wait timeout', failure({ errno: 1205 })], ['deadlock', failure({ errno: 1213, sqlState: '40001' })],
    ['read-only', failure({ errno: 1290 })], ['read-only mode', failure({ errno: 1836 })], ['disk full', failure({ errno: 1021 })], ['table full', failure({ errno: 1114 })],
    ['SQLite is locked', failure({ code: 'SQLITE_BUSY' })], ['SQLite disk full', failure({ code: 'SQLITE_FULL' })], ['SQLite I/O', failure({ code: 'SQLITE_IOERR_WRITE' })]
  ],
  operator: [
    ['password refused', failure({ errno: 1045, sqlState: '28000' })], ['no such database', failure({ errno: 1049, sqlState: '42000' })], ['no privilege', failure({ errno: 1142, sqlState: '42000' })],
    ['no trust in certificate', failure({ code: 'SELF_SIGNED_CERT_IN_CHAIN' })], ['server without TLS', failure({ code: 'HANDSHAKE_NO_SSL_SUPPORT' })],
    ['unknown error of a server', failure({ errno: 9999, sqlState: 'HY000' })], ['credentials file is gone', new ConfigError('bad-credentials', 'gone')],
    ['SQLite may not write', failure({ code: 'SQLITE_READONLY_DIRECTORY' })], ['SQLite file is damaged', failure({ code: 'SQLITE_CORRUPT' })]
  ],
  schema: [['no such table', failure({ errno: 1146, sqlState: '42S02' })], ['no such column', failure({ errno: 1054, sqlState: '42S22' })], ['SQLite cannot prepare', failure({ code: 'SQLITE_ERROR' })]],
  row: [
    ['too long', failure({ errno: 1406, sqlState: '22001' })], ['out of range', failure({ errno: 1264, sqlState: '22003' })], ['wrong value', failure({ errno: 1366, sqlState: 'HY000' })], ['bad date', failure({ errno: 1292 })], ['duplicate of a unique column', failure({ errno: 1062 })], ['check constraint', failure({ errno: 4025, sqlState: '23000' })],
    ['a trigger\'s signal', failure({ errno: 1644, sqlState: '45000' })], ['row too large', failure({ errno: 1118, sqlState: '42000' })],
    ['unknown data exception', failure({ errno: 9998, sqlState: '22999' })], ['unknown constraint', failure({ errno: 9997, sqlState: '23999' })], ['SQLite constraint', failure({ code: 'SQLITE_CONSTRAINT_CHECK' })]
  ],
  bug: [['our own mistake', new TypeError('x is not a function')], ['end of waiting', new StreamError('stopped', 'in vain')], ['no error', 'text'], ['nothing', undefined]]
}

for (const [kind, list] of Object.entries(examples)) {
  t.test(`errors of class ${kind} are told as such`, async t => {
    for (const [what, error] of list) t.equal(classify(error), kind, what)
  })
}

t.test('the column is found in what servers say', async t => {
  t.equal(columnIn("Data too long for column 'event_a' at row 3"), 'event_a')
  t.equal(columnIn("Out of range value for column 'event_a' at row 1"), 'event_a')
  t.equal(columnIn("Incorrect integer value: 'x' for column `log`.`Test_1`.`event_a` at row 1"), 'event_a')
  t.equal(columnIn('NOT NULL constraint failed'), undefined)
})

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runCheck } from '../../helpers/check-command.js'
import { lastReport, noteAll, startDrillPair, withOption } from '../../helpers/drill.js'
import { needsMariadb } from '../../helpers/mariadb.js'
import { needsNetwork } from '../../helpers/network.js'

t.test('a drill finds what is missing, doubled, or late, and that is an alarm', { skip: needsNetwork !== false ? needsNetwork : needsMariadb }, async t => {
  const pair = await startDrillPair(t)
  const { a } = pair.network.hosts
  await noteAll(pair)
  // as if the fifth canary were never stored, and the seventh twice, under two uuids
  await pair.server.query('CREATE TABLE wrong (n INT PRIMARY KEY)', pair.database)
  await pair.server.query(`CREATE TRIGGER wrong BEFORE INSERT ON Canary_1 FOR EACH ROW BEGIN
    IF NEW.event_front LIKE 'drill-%' THEN
      SET @seen = (SELECT COUNT(*) FROM noted WHERE front = NEW.event_front);
      IF @seen = 5 AND (SELECT COUNT(*) FROM wrong) = 0 THEN INSERT INTO wrong VALUES (5); SET NEW.event_front = 'lost'; END IF;
      IF @seen = 7 AND (SELECT COUNT(*) FROM wrong) = 1 THEN INSERT INTO wrong VALUES (7); SET NEW.event_sent = (SELECT MAX(sent) FROM noted WHERE front = NEW.event_front); END IF;
    END IF;
  END`, pair.database)

  const { code, stdout, stderr } = await a.vanadium(...withOption(pair.args, '--within', '0.001'), '--how', 'stop', '--yes', '--stay', '--settle', '5', '--no-mail', '--json')

  t.equal(code, 2, stderr)
  const report = lastReport(pair)
  t.strictSame(JSON.parse(stdout.slice(stdout.indexOf('{'))), report)
  t.match(report, { outcome: 'failed', stays: true, switchBack: null, isRestored: true, writer: 'a/mysql', failures: [/^take-over: the first row came after [\d.]+ s, more than 0\.001 s$/, /^2 of \d+ canaries are missing$/, /^1 canaries are doubled$/] })
  // the doubled one stands where another is missing
  t.strictSame([report.canaries.missing.length, report.canaries.doubled.length, report.canaries.sent - report.canaries.stored], [2, 1, 2])
  t.equal(await pair.holder(), 'b', 'it stays where it is')
  const [text = '', page = ''] = ['txt', 'html'].map(kind => readFileSync(join(pair.reports, readdirSync(pair.reports).find(name => name.endsWith(kind)) ?? ''), 'utf8'))
  t.match(text, /^vanadium: fail-over drill FAILED: take-over: the first row/)
  t.ok(text.includes(`missing, by when they were sent: ${report.canaries.missing.join(', ')}`))
  t.match(page, /<h2 [^>]*>fail-over drill FAILED: /)
  t.match(await runCheck('drill', '--reports', pair.reports), { code: 2, line: /^CRITICAL: 0 d ago: fail-over drill FAILED: take-over/, details: [/FAILED/, ...report.failures] })
})

import { existsSync, readFileSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { clickLine, processorFile } from '../../helpers/replay.js'
import { runSchema, writeFileIn, writeLines } from '../../helpers/schema-command.js'
import { projectRoot } from '../../helpers/shared.js'
import { shortDirectory } from '../../helpers/streams.js'

const clicks = readFileSync(join(projectRoot, 'schemas/DemoButtonClick/1.yaml'), 'utf8')
const format = '%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i'
const secret = 'sesame-4711'

// seen to fail when rotated logs are left out, when the filter is not applied, when the time range is that of the file, and when a revision is
// not taken for another
t.test('the raw logs of a host are found by its argument files, with what was rotated, and read as the live processor reads them', async t => {
  const directory = shortDirectory(t)
  const log = join(directory, 'log', 'client-side-events.log')
  const at = (n: number): object => ({ timestamp: Math.floor(Date.now() / 1000) - 3600 + n })
  const lines = Array.from({ length: 40 }, (_, n) => clickLine(n, { ...at(n), ...n < 4 ? { revision: 3 } : n === 4 ? { event: { button: secret, clicks: 1, label: secret } } : n === 5 ? { timestamp: 1_400_000_000 } : n < 10 ? { schema: 'Other' } : {} }, n < 12 ? 'Mozilla' : 'Googlebot'))
  writeFileIn(directory, 'log/x', '')
  writeLines(join(directory, 'log'), 'client-side-events.log', lines.slice(0, 8))
  writeLines(join(directory, 'log'), 'client-side-events.log-20140521.gz', [...lines.slice(8), clickLine(99, at(99)).replace('%7D;', ';')])
  utimesSync(writeLines(join(directory, 'log'), 'client-side-events.log.9', [clickLine(7, at(7))]), 0, 0)
  const plugIns = join(directory, 'plug-ins')
  writeFileIn(directory, 'plug-ins/bots.mjs', 'export default vanadium => { vanadium.fn("people", ({ text }) => !text.includes("Googlebot")) }')
  const processor = processorFile(join(directory), `--plugins ${plugIns}`, '--input filter:tcp://127.0.0.1:8432?as=client-side&function=people')
  writeFileIn(directory, 'vanadium.d/processors/client-side', readFileSync(processor, 'utf8'))
  writeFileIn(directory, 'vanadium.d/consumers/raw', `--input tcp://127.0.0.1:8432?as=raw\n--output opt-out:file://${log}\n`)
  writeFileIn(directory, 'vanadium.d/consumers/other', `--input tcp://127.0.0.1:8431?as=raw\n--output file://${join(directory, 'absent.log')}\n`)
  const registry = writeFileIn(directory, 'registry.yaml', `schemas:
  DemoButtonClick:
    sampling: { rate: 0.1 }
    retention: { days: 30, keep: [event.button, event.gone], anonymise: { event.label: hash } }
`)
  const { code, out, errors } = await runSchema(['preflight', writeFileIn(directory, 'DemoButtonClick/2.yaml', clicks), '--processor', join(directory, 'vanadium.d/processors/client-side'), '--registry', registry, '--most-invalid', '0.5'])

  t.match({ code, errors }, { code: 0, errors: [] })
  t.match(out, /^ {2}41 records were read, of \d+ s; 4 are of other schemas, 28 are dropped by the filter of the live processor, 1 are of another time$/m)
  t.match(out, /^ {2}8 are of DemoButtonClick; revisions that they name: 3 \(4\), 1 \(4\)$/m)
  t.match(out, /^ +75 % would pass \(6\)\n +25 % pass today +\(2\); 0 of them would fail, 4 that fail would pass$/m)
  t.match(out, /^ +1 +\/event\/button +one of "save", "cancel", "help" +a string of 11 characters$/m)
  t.match(out, /^ +1 +the whole line +a line that can be read \(bad-json\)$/m)
  t.match(out, /^ +4 +\/revision +a revision that is published +3$/m)
  t.notMatch(out, secret, 'nothing of what somebody sent')
  t.match(out, /^ +[\d,]+ rows, .* a day \(about \d+ B a row, with its indexes\); reckoned from \d+ s only\n +[\d,]+ rows, .* a day after sampling: 10 % are kept$/m)
  t.match(out, /^Purge, 30 days after an event; [\d,]+ rows, .* until then\n {2}set to NULL: webHost, wiki, userAgent, clientIp, event_clicks, .*\n {2}kept: uuid, timestamp, samplingRate, event_button\n {2}kept, but changed: event_label\n {2}the registry names fields that this revision does not have: event\.gone$/m)
})

t.test('a capsule that refuses what old clients still send is found out by the events of all schemas', async t => {
  const directory = shortDirectory(t)
  const capsule = readFileSync(join(projectRoot, 'schemas/EventCapsule/1.yaml'), 'utf8')
  const raw = writeLines(directory, 'raw.log', Array.from({ length: 50 }, (_, n) => clickLine(n, n % 2 === 0 ? { webHost: 'en.example.org' } : {})))
  const file = writeFileIn(directory, 'EventCapsule/2.yaml', capsule.replace(/ {2}webHost:\n.*\n.*\n/, ''))
  const { code, out } = await runSchema(['preflight', file, '--raw', raw, '--format', format])

  t.equal(code, 2)
  t.match(out, /^- 50 % of the events of all schemas \(25 of 50\) would not validate, more than 5 %; all of them pass today, 25 that pass today would fail$/m)
  t.match(out, /^ +25 +\/webHost +one of the fields /m)
})

t.test('event errors and events of a log are taken, too; and only those of a revision, if that is asked for', async t => {
  const directory = shortDirectory(t)
  const event = { schema: 'DemoButtonClick', revision: 1, wiki: 'w', recvFrom: 'h', timestamp: 1_400_664_601, uuid: '0'.repeat(32), event: { button: 'save', clicks: 1 } }
  const error = { ...event, schema: 'EventError', revision: 14035058, event: { rawEvent: clickLine(1, { revision: 2 }), message: 'there is no schema', code: 'validation', schema: 'DemoButtonClick', revision: 2 } }
  const raw = writeLines(directory, 'all-events.log', [event, error].map(record => JSON.stringify(record)))
  const file = writeFileIn(directory, 'DemoButtonClick/2.yaml', clicks)

  t.match(await runSchema(['preflight', file, '--raw', raw, '--format', format]), { code: 0, out: /^ {2}2 are of DemoButtonClick; revisions that they name: 1 \(1\), 2 \(1\)\n +100 % would pass \(2\)\n +50 % pass today/m })
  t.match(await runSchema(['preflight', file, '--raw', raw, '--format', format, '--only-revision']), { code: 0, out: /^ {2}1 are of DemoButtonClick; revisions that they name: 2 \(1\)$/m })
})

t.test('what cannot be looked at is answered with the reason', async t => {
  const directory = shortDirectory(t)
  const raw = writeLines(directory, 'raw.log', [clickLine(1)])
  const file = writeFileIn(directory, 'DemoButtonClick/2.yaml', clicks)
  const bad = writeFileIn(directory, 'DemoButtonClick/3.yaml', clicks.replace('type: boolean', 'type: bool'))
  t.match(await runSchema(['preflight', bad, '--raw', raw, '--format', format]), { code: 2, out: /^- DemoButtonClick\/3 cannot be used: \/properties\/isAnon\/type: "bool" is no type/m })
  for (const [args, message] of [
    [[file, '--raw', raw], /^--raw is given with 0 times --processor; say how its lines are read/],
    [[file, '--format', '%j'], /^--format is given without --raw/],
    [[file, '--raw', raw, '--format', format, '--most-invalid', '5'], /^--most-invalid 5: give a share, 0 to 1$/],
    [[writeFileIn(directory, 'click.yaml', clicks), '--raw', raw, '--format', format], /click\.yaml does not tell its schema; call it <Name>\/<revision>\.yaml, or give --as/],
    [[file, '--raw', join(directory, 'absent.log'), '--format', format], /absent\.log: ENOENT: .*; name a file that this user can read$/],
    ...existsSync('/etc/vanadium.d') ? [] : [[[file], /^no raw lines were found: there is no \/etc\/vanadium\.d\/processors; name files with --raw$/] as const]
  ] as const) {
    const { code, out, errors } = await runSchema(['preflight', ...args])
    t.match({ code, out, error: errors.at(-1) }, { code: 78, out: '', error: message }, message.source)
  }
})

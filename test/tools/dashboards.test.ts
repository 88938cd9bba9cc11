import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { executable } from '../helpers/daemon.js'
import { needsGraphite, startGraphite, type Graphite, type Point } from '../helpers/graphite.js'
import { projectRoot } from '../helpers/shared.js'

interface Saved {
  readonly name: string
  readonly graphs: Array<[string, { target: string[], title: string }, string]>
}

interface Panel {
  readonly id: number
  readonly title: string
  readonly gridPos: { readonly x: number, readonly y: number, readonly w: number, readonly h: number }
  readonly targets: Array<{ refId: string, target: string }>
}

/** Those that come with vanadium, but for the two that no event is counted for. */
const shipped = readdirSync(join(projectRoot, 'schemas')).filter(name => !['EventCapsule', 'EventError'].includes(name))

/** Of a repository with Clicks and With.dots, and a registry with owners. */
function write (t: Test, { owners = ['ann@example.org', 'a.b@example.org', 'a_b@example.org'], output = join(t.testdirName, 'out') } = {}): string {
  const directory = t.testdirName
  writeFileSync(join(directory, 'registry.yaml'), JSON.stringify({ schemas: { Clicks: { owners }, Views: { owners: owners.slice(0, 1) } } }))
  execFileSync(process.execPath, [executable, 'dashboards', '--output', output, '--schemas', join(directory, 'schemas'), '--registry', join(directory, 'registry.yaml'), '--state', join(directory, 'state')])
  return output
}

function prepare (t: Test): void {
  const definition = JSON.stringify({ type: 'object', properties: { n: { type: 'integer' } } })
  t.testdir({ schemas: { Clicks: { '1.json': definition }, 'With.dots': { '1.json': definition, '2.json': definition } } })
}

function read<T> (file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T
}

t.test('there is a page of all, one of each owner, and one of each schema of repository and registry; the same each time', async t => {
  prepare(t)
  const output = write(t)
  const first = readdirSync(join(output, 'graphite')).map(file => [file, readFileSync(join(output, 'graphite', file), 'utf8')])

  t.strictSame(first.map(([file]) => file), [
    'vanadium-overview.json', 'vanadium-owner-a_b_example_org-2.json', 'vanadium-owner-a_b_example_org.json', 'vanadium-owner-ann_example_org.json',
    ...[...shipped, 'Clicks', 'Views', 'With_dots'].sort().map(name => `vanadium-schema-${name}.json`)
  ])
  t.strictSame(readdirSync(join(output, 'grafana')), first.map(([file]) => file))
  write(t)
  t.strictSame(readdirSync(join(output, 'graphite')).map(file => [file, readFileSync(join(output, 'graphite', file), 'utf8')]), first)
  const ann = read<Saved>(join(output, 'graphite', 'vanadium-owner-ann_example_org.json'))
  t.strictSame(ann.graphs.map(([, { title }]) => title), ['Clicks: valid and invalid', 'Views: valid and invalid'])
})

t.test('pages of owners that are gone are removed, and no other files', async t => {
  prepare(t)
  const output = write(t)
  writeFileSync(join(output, 'graphite', 'mine.json'), '{}')

  write(t, { owners: ['ann@example.org'] })

  t.notOk(readdirSync(join(output, 'grafana')).some(file => file.includes('a_b')))
  t.ok(readdirSync(join(output, 'graphite')).includes('mine.json'))
})

t.test('pages for Grafana have what its model asks for, and the targets of those for Graphite', async t => {
  prepare(t)
  const output = write(t)
  const uids = new Set<string>()

  for (const file of readdirSync(join(output, 'grafana'))) {
    const page = read<{ uid: string, title: string, panels: Panel[] }>(join(output, 'grafana', file))
    const graphite = read<Saved>(join(output, 'graphite', file))

    t.match(page, { id: null, uid: /^[A-Za-z0-9_-]{1,40}$/, title: /^vanadium: ./, schemaVersion: Number, tags: ['vanadium'], time: { from: String, to: 'now' }, templating: { list: [{ name: 'datasource', type: 'datasource', query: 'graphite' }] }, annotations: { list: [] } }, file)
    t.strictSame(page.panels.map(({ targets }) => targets.map(({ target }) => target)), graphite.graphs.map(([, { target }]) => target), 'the same targets')
    t.equal(new Set(page.panels.map(({ id }) => id)).size, page.panels.length, 'ids differ')
    t.equal(new Set(page.panels.map(({ gridPos: { x, y } }) => `${x} ${y}`)).size, page.panels.length, 'no panel is on another')
    t.ok(page.panels.every(({ gridPos: { x, w } }) => x + w <= 24))
    t.ok(page.panels.every(({ targets }) => new Set(targets.map(({ refId }) => refId)).size === targets.length))
    uids.add(page.uid)
  }
  t.equal(uids.size, readdirSync(join(output, 'grafana')).length)
})

t.test('the real graphite-web keeps each page, gives it back, and draws a line for each target', { skip: needsGraphite }, async t => {
  prepare(t)
  const output = write(t)
  const graphite = await startGraphite({ retentions: '60s:15d' })
  t.teardown(async () => { await graphite.stop() })
  const names = [...shipped, 'Clicks', 'Views', 'With_dots']
  await graphite.write(points(names))
  for (const name of names) await graphite.untilMetric(`eventlogging.schema.${name}.inserted.rate`)
  await graphite.untilMetric('eventlogging.consumer.mysql.dead_letter.rate')

  for (const file of readdirSync(join(output, 'graphite'))) {
    const page = read<Saved>(join(output, 'graphite', file))
    const saved = await fetch(`${graphite.url}/dashboard/save/${page.name}`, { method: 'POST', body: new URLSearchParams({ state: JSON.stringify(page) }) })
    const loaded = await fetch(`${graphite.url}/dashboard/load/${page.name}`)

    t.strictSame(await saved.json(), { success: true }, file)
    t.strictSame(await loaded.json(), { state: page })
    for (const [key, { target }, url] of page.graphs) {
      t.strictSame(new URLSearchParams(key).getAll('target'), target)
      for (const one of target) t.ok(await valuesOf(graphite, one) > 0, `${file}: ${one}`)
      const picture = await fetch(`${graphite.url}${url}`)
      t.equal(picture.headers.get('content-type'), 'image/png', url)
      await picture.body?.cancel()
    }
  }
  const page = await fetch(`${graphite.url}/dashboard/vanadium-overview`)
  t.equal(page.status, 200, 'it is a page to look at')
  t.match(await page.text(), 'Raw, valid, invalid')
})

/** A quarter of an hour, and the same a week ago, of each metric that daemons send. */
function points (schemas: readonly string[]): Point[] {
  const metrics = [
    ...['raw', 'valid', 'invalid', 'inserted'].map(name => `eventlogging.overall.${name}.rate`),
    ...['raw', 'valid', 'invalid'].map(name => `eventlogging.client-side.${name}.rate`),
    ...schemas.flatMap(schema => ['', '.invalid', '.inserted'].map(kind => `eventlogging.schema.${schema}${kind}.rate`)),
    ...['lag', 'lag_seconds', 'lost.rate', 'dead_letter.rate'].map(name => `eventlogging.consumer.mysql.${name}`)
  ]
  const now = Date.now() / 1000
  return [0, 7 * 86_400].flatMap(before => Array.from({ length: 15 }, (_, minute) => metrics.map((metric): Point => [metric, 5, now - before - minute * 60])).flat())
}

async function valuesOf (graphite: Graphite, target: string): Promise<number> {
  return (await graphite.series(target, { from: '-20min' })).length
}

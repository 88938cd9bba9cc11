import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { commonOptions } from '../lib/cli/options.js'
import { check } from '../tools/check.js'
import { notify } from '../tools/notify.js'
import { services } from '../tools/notify/services.js'
import { checkIcinga, needsIcinga } from './helpers/icinga.js'
import { projectRoot } from './helpers/shared.js'

const folder = join(projectRoot, 'etc', 'icinga2')
const names = ['commands', 'dependencies', 'notifications', 'services']
const files = names.map(name => join(folder, `vanadium-${name}.conf`))
const text = files.map(file => readFileSync(file, 'utf8')).join('\n')
/** Of every host that has everything. */
const host = `object Host "vanadium1" {
  check_command = "dummy"
  vars.vanadium = true
  vars.vanadium_canary_read = "mysql:///log"
  vars.vanadium_replication_read = "mysql:///log"
  vars.vanadium_lease_read = "mysql:///log"
  vars.vanadium_lease = "events"
  vars.vanadium_backup = true
  vars.vanadium_drill = true
}`

t.test('Icinga takes the shipped files, and every service of a host comes of them', { skip: needsIcinga }, async t => {
  const printed = await checkIcinga({ include: [join(folder, 'vanadium-*.conf')], before: host })

  const wanted = Object.keys(services).length - 1
  t.match(printed, `Instantiated ${wanted} Services.`)
  t.match(printed, `Instantiated ${wanted + 1} Notifications.`)
  t.notMatch(printed, /warning|critical/)
})

t.test('a host that opts out of a service has it not, nor what depends on it', { skip: needsIcinga }, async t => {
  const printed = await checkIcinga({ include: files, before: host.replace('vars.vanadium = true', 'vars.vanadium = true\n  vars.vanadium_without = [ "vanadium-jobs", "vanadium-inserted" ]') })

  t.match(printed, `Instantiated ${Object.keys(services).length - 3} Services.`)
})

// seen to fail with a misspelt option
t.test('commands give only options that the checks, and notify, have', async t => {
  const common = Object.keys(commonOptions)
  const allowed = new Map([...check.commands, notify].map(({ name, options }) => [name, [...common, ...Object.keys(options)]]))
  const templates = new Map(objects('template (?:CheckCommand|NotificationCommand)').map(({ name, body }) => [name, body]))
  const whole = (body: string): string => [...body.matchAll(/import "([^"]+)"/g)].map(([, name = '']) => whole(templates.get(name) ?? '')).join('') + body

  const commands = objects('object (?:CheckCommand|NotificationCommand)')
  t.ok(commands.length >= 15, 'commands were found')
  for (const { name, body } of commands) {
    const words = [...(/command = VanadiumCommand \+ \[(.*?)\]/.exec(body)?.[1] ?? '').matchAll(/"([^"]+)"/g)].map(([, word = '']) => word).join(' ')
    const options = [...whole(body).matchAll(/"--([\w-]+)" =/g)].map(([, option = '']) => option)

    t.ok(options.length > 0, name)
    t.strictSame(options.filter(option => allowed.get(words)?.includes(option) !== true), [], `${name}: vanadium ${words}`)
  }
})

// seen to fail without one of them
t.test('what a host sets for its checks holds for its mails', async t => {
  const shared = { endpoint: 'endpoint', prefix: 'prefix', graphite: 'graphite_url', registry: 'registry', state: 'state' }
  const [mail = ''] = objects('template NotificationCommand').map(({ body }) => body)

  t.strictSame(Object.entries(shared).filter(([option, variable]) => !mail.includes(`"--${option}" = { value = "$vanadium_${variable}$"`)), [])
})

t.test('what others have written is one argument of notify, whatever it begins with', async t => {
  for (const { name, body } of objects('(?:template|object) NotificationCommand')) {
    const values = body.split('\n').filter(line => /"--[\w-]+" =/.test(line))

    t.ok(values.length > 0, name)
    t.strictSame(values.filter(line => !line.includes('separator = "="')), [], name)
  }
})

t.test('carbon keeps what StatsD sends, as often as it sends', async t => {
  const { flushInterval } = runInNewContext(`config = ${readFileSync(join(projectRoot, 'examples', 'statsd', 'config.js'), 'utf8')}`) as { flushInterval: number }
  const schemas = readFileSync(join(projectRoot, 'examples', 'graphite', 'storage-schemas.conf'), 'utf8')

  const finest = [...schemas.matchAll(/^retentions = (\d+)s:/gm)].map(([, seconds]) => Number(seconds) * 1000)
  t.strictSame(finest, [flushInterval, flushInterval])
})

/** Blocks of the files, by what begins them. */
function objects (kind: string): Array<{ name: string, body: string }> {
  return [...text.matchAll(new RegExp(`^${kind} "([^"]+)" \\{\\n([^]*?)^\\}`, 'gm'))].map(([, name = '', body = '']) => ({ name, body }))
}

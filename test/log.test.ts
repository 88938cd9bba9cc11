import { Writable } from 'node:stream'
import fc from 'fast-check'
import t from 'tap'
import { createLog, logLevels, type Log, type LogOptions } from '../lib/log.js'
import { until } from './helpers/wait.js'

interface Line { time: string, level: string, message: string, [field: string]: unknown }

function logInMemory (options: LogOptions = {}): { log: Log, text: () => string, lines: () => Line[] } {
  let text = ''
  const stream = new Writable({
    write (chunk: Buffer, _encoding, done) {
      text += chunk.toString()
      done()
    }
  })
  return {
    log: createLog({ stream, ...options }),
    text: () => text,
    lines: () => text.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as Line)
  }
}

t.test('a line is one JSON object: time, level, message, the fields of the process, those of the line', async t => {
  const { log, text, lines } = logInMemory({ fields: { daemon: 'consumer', name: 'mysql-m2' } })

  log.info('ready', { port: 8600 })

  t.match(text(), /^\{.*\}\n$/)
  const [line] = lines()
  t.strictSame(Object.keys(line ?? {}), ['time', 'level', 'message', 'daemon', 'name', 'port'])
  t.match(line, { level: 'info', message: 'ready', daemon: 'consumer', name: 'mysql-m2', port: 8600 })
  t.equal(new Date(line?.time ?? '').toISOString(), line?.time)
})

t.test('what is below the level is not written, nothing is made of its fields, and enabled says so', async t => {
  for (const [i, level] of logLevels.entries()) {
    const { log, lines } = logInMemory({ level })
    let read = 0

    for (const each of logLevels) log[each]('a message', { get field () { return read++ } })

    t.strictSame(lines().map(line => line.level), logLevels.slice(0, i + 1))
    t.equal(read, i + 1)
    t.strictSame(logLevels.filter(each => log.enabled(each)), logLevels.slice(0, i + 1))
  }
})

t.test('an Error keeps its name, message, code, stack and causes', async t => {
  const { log, lines } = logInMemory()
  const cause = Object.assign(new TypeError('deep down'), { code: 'ECONNREFUSED' })

  log.error('the store is away', { error: new Error('on top', { cause }), nested: [{ error: cause }] })

  t.match(lines()[0], {
    message: 'the store is away',
    error: { name: 'Error', message: 'on top', stack: /^Error: on top\n.*log\.test/s, cause: { name: 'TypeError', message: 'deep down', code: 'ECONNREFUSED', stack: /log\.test/ } },
    nested: [{ error: { message: 'deep down' } }]
  })
})

t.test('an AggregateError keeps what it is made of', async t => {
  const { log, lines } = logInMemory()

  log.error('cannot connect', { error: new AggregateError([new Error('IPv6'), new Error('IPv4')]) })

  t.match(lines()[0], { error: { name: 'AggregateError', errors: [{ message: 'IPv6' }, { message: 'IPv4' }] } })
})

t.test('integers beyond 2^53 keep their digits', async t => {
  const { log, lines } = logInMemory()

  log.info('seen', { value: 9007199254740993n })

  t.equal(lines()[0]?.value, '9007199254740993')
})

t.test('a message that looks like a printf format keeps its text and its fields', async t => {
  const { log, lines } = logInMemory()

  log.error('--format "%q %d %j %s": wrong', { code: 'bad-format' })

  t.match(lines()[0], { message: '--format "%q %d %j %s": wrong', code: 'bad-format' })
})

t.test('a field does not replace time, level, message or a field of the process', async t => {
  const { log, lines } = logInMemory({ fields: { name: 'mysql-m2' } })

  log.warn('the message', { time: 0, level: 'debug', message: 'another', name: 'mallory', stack: 'mine' })

  t.match(lines()[0], { time: /^\d{4}-/, level: 'warn', message: 'the message', name: 'mysql-m2', stack: 'mine' })
})

t.test('what JSON cannot hold is written all the same', async t => {
  const { log, lines } = logInMemory({ fields: { name: 'mysql-m2' } })
  const circle: Record<string, unknown> = { word: 'round' }
  circle.self = circle
  const itself = new Error('its own cause')
  itself.cause = itself

  log.error('a circle', { circle })
  log.error('an error that is its own cause', { error: itself })
  log.error('a getter that throws', { get field () { throw new Error('no') } })

  t.match(lines(), [
    { level: 'error', message: 'a circle', name: 'mysql-m2', fields: /round/ },
    { message: 'an error that is its own cause', fields: /its own cause/ },
    { message: 'a getter that throws', name: 'mysql-m2' }
  ])
})

t.test('whatever the message and the fields, it is one line with that level and message', async () => {
  fc.assert(fc.property(
    fc.constantFrom(...logLevels),
    fc.string({ unit: 'binary' }),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('message', 'level', 'time', 'stack', 'cause', 'splat', '__proto__', 'toJSON')), fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true })),
    (level, message, fields) => {
      const { log, text } = logInMemory({ level: 'debug' })

      log[level](message, fields)

      const line = JSON.parse(text()) as Line
      return text().indexOf('\n') === text().length - 1 && line.level === level && line.message === message
    }
  ), { numRuns: 300 })
})

t.test('warnings and errors that repeat are held back, and counted when the window ends', async t => {
  const { log, lines } = logInMemory({ burst: 3, windowMs: 30 })

  for (let i = 0; i < 10; i++) log.error('it repeats', { i })
  log.error('it does not')
  log.warn('it repeats')

  t.strictSame(lines().map(({ level, message, i }) => [level, message, i]), [
    ['error', 'it repeats', 0], ['error', 'it repeats', 1], ['error', 'it repeats', 2], ['error', 'it does not', undefined], ['warn', 'it repeats', undefined]
  ])
  const count = await until('the count is written', () => lines()[5])
  t.match(count, { level: 'error', message: 'it repeats', repeated: 7, in_seconds: 0.03 })
  log.error('it repeats', { i: 'again' })
  t.equal(lines()[6]?.i, 'again')
  t.equal(lines().length, 7)
})

t.test('flush writes the counts at once', async t => {
  const { log, lines } = logInMemory({ burst: 1 })
  for (let i = 0; i < 5; i++) log.warn('it repeats')
  for (let i = 0; i < 4; i++) log.error('it repeats')

  log.flush()
  log.flush()

  t.strictSame(lines().filter(line => 'repeated' in line).map(({ level, repeated }) => [level, repeated]), [['error', 3], ['warn', 4]])
})

t.test('life-cycle and debug lines are never held back', async t => {
  const { log, lines } = logInMemory({ level: 'debug', burst: 1 })

  for (let i = 0; i < 20; i++) {
    log.info('it repeats')
    log.debug('it repeats')
  }

  t.equal(lines().length, 40)
})

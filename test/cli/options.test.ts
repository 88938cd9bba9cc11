import t from 'tap'
import { defineCommand } from '../../lib/cli/command.js'
import { commonOptions, flushing, parseOptions, type ParsedOptions } from '../../lib/cli/options.js'

const copier = defineCommand({
  name: 'copier',
  summary: 'Copies.',
  examples: [['vanadium copier --input a --output b', 'copy a to b']],
  options: {
    input: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'Sources' },
    output: { type: 'string', demandOption: true, requiresArg: true, description: 'Target' },
    count: { type: 'boolean', default: false, description: 'Numbers them' },
    'max-line': { type: 'number', default: 100, requiresArg: true, description: 'Longest line' }
  },
  prepare: () => async () => {}
})

const least = ['--input', 'a', '--output', 'b']

type Parsed = ParsedOptions<typeof copier.options>

function parsed (...args: string[]): Parsed {
  const result = parseOptions(copier, args, 100)
  if (typeof result === 'string') throw new Error(result)
  return result
}

t.test('options have their values, and the others their defaults', async t => {
  const { common, own } = parsed('--input', 'tcp://a:1', 'tcp://b:1', '--output', 'stdout://', '--count', '--name', 'x', '--log-level', 'debug', '--interval', '2.5')

  t.match(own, { input: ['tcp://a:1', 'tcp://b:1'], output: 'stdout://', count: true, 'max-line': 100 })
  t.match(common, { name: 'x', 'log-level': 'debug', interval: 2.5, prefix: 'eventlogging', state: '/var/lib/vanadium', 'config-check': false, schemas: [], plugins: [] })
  t.equal(common.statsd, undefined)
})

t.test('an option that takes several may be given several times', async t => {
  t.strictSame(parsed('--input', 'a', '--output', 'b', '--input', 'c', 'd').own.input, ['a', 'c', 'd'])
})

t.test('values are text as they came: numbers, empty, dots, spaces, equals signs', async t => {
  t.equal(parsed('--input', 'a', '--output', '%q %h\t x').own.output, '%q %h\t x')
  t.equal(parsed('--input', 'a', '--output=a=b&c').own.output, 'a=b&c')
  t.equal(parsed(...least, '--name', '007').common.name, '007')
  t.equal(parsed(...least, '--prefix', 'a.b').common.prefix, 'a.b')
  t.strictSame(parsed('--input', '1e3', '--output', 'b').own.input, ['1e3'])
})

const refused: ReadonlyArray<readonly [string, string[], RegExp]> = [
  ['an unknown option', [...least, '--ouput', 'c'], /unknown argument.*ouput/],
  ['a missing option', ['--input', 'a'], /^--output is missing; copier takes --input/],
  ['several missing options', [], /^--input and --output are missing; copier takes --input/],
  ['a misspelt option, which is not called a missing one', ['--input', 'a', '--ouput', 'b'], /unknown argument.*ouput/],
  ['an option without its value', ['--output', 'b', '--input'], /not enough arguments following: input/],
  ['an option whose value is the next option', ['--input', '--output', 'b'], /not enough arguments following: input/],
  ['an option given twice', [...least, '--output', 'c'], /--output is given 2 times \(b, c\); give it once/],
  ['a common option given twice', [...least, '--name', 'x', '--name', 'y'], /--name is given 2 times \(x, y\)/],
  ['a number that is a word', [...least, '--max-line', 'long'], /--max-line is ".*"; give a number/],
  ['a number without end', [...least, '--interval', '1e999'], /--interval is "Infinity"; give a number/],
  ['a level that there is not', [...least, '--log-level', 'verbose'], /log-level.*verbose.*error.*warn.*info.*debug/],
  ['an argument that belongs to nothing', ['stray', ...least], /unexpected argument "stray"/]
]

for (const [what, args, message] of refused) {
  t.test(`${what} is refused, with what is allowed`, async t => {
    t.throws(() => parsed(...args), { name: 'ConfigError', code: 'bad-option', message })
  })
}

t.test('an unknown option is answered with all that there are', async t => {
  const names = Object.keys({ ...copier.options, ...commonOptions }).map(name => `--${name}`).join(' ')

  t.throws(() => parsed(...least, '--ouput', 'c'), { message: new RegExp(`; copier takes ${names}$`) })
})

t.test('messages are in English whatever the locale of the machine', async t => {
  const before = process.env['LC_ALL']
  process.env['LC_ALL'] = 'de_DE.UTF-8'
  t.teardown(() => {
    if (before === undefined) delete process.env['LC_ALL']
    else process.env['LC_ALL'] = before
  })

  t.throws(() => parsed(...least, '--ouput', 'c'), { message: /unknown argument/ })
})

t.test('help lists every option with its description and default, and the examples', async t => {
  const help = parseOptions(copier, ['--help'], 100)

  t.type(help, 'string')
  for (const [name, { description }] of Object.entries({ ...copier.options, ...commonOptions })) {
    t.match(help, `--${name}`)
    t.ok(String(help).replace(/\s+/g, ' ').includes(description.slice(0, 20)), name)
  }
  t.match(help, 'vanadium copier --input a --output b')
  t.match(help, /\[default: 100\]/)
  t.ok(String(help).split('\n').every(line => line.length <= 100))
})

const finder = defineCommand({
  name: 'finder',
  summary: 'Finds.',
  examples: [['vanadium finder a', 'find a']],
  options: { thing: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'What to find' } },
  operands: { option: 'thing', usage: 'THING…' },
  prepare: () => async () => {}
})

// seen to fail with greedy arrays, and with numbers parsed
t.test('a command may take arguments without an option, before and behind options', async t => {
  const found = (...args: string[]): unknown => {
    const result = parseOptions(finder, args, 100)
    return typeof result === 'string' ? result : { thing: result.own.thing, schemas: result.common.schemas }
  }

  t.strictSame(found('a', 'b'), { thing: ['a', 'b'], schemas: [] })
  t.strictSame(found('--schemas', 'x', 'a', '--schemas', 'y', '1e3'), { thing: ['a', '1e3'], schemas: ['x', 'y'] })
  t.strictSame(found('a', '--thing', 'b', '--', '--c'), { thing: ['b', 'a', '--c'], schemas: [] })
  t.match(found('--help'), /Usage: vanadium finder THING… \[options\]/)
  t.throws(() => found('--schemas', 'x'), { name: 'ConfigError', message: /^the argument THING… is missing; finder takes/ })
})

t.test('help is help, whatever else is wrong', async t => {
  t.type(parseOptions(copier, ['--help', '--ouput', 'c'], 100), 'string')
})

t.test('the interval of flushing is a number of seconds above 0', async t => {
  t.strictSame(flushing(parsed(...least).common), { flushIntervalMs: 800 })
  t.strictSame(flushing(parsed(...least, '--flush-interval', '0.25').common), { flushIntervalMs: 200 })
  for (const seconds of ['0', '-1']) {
    t.throws(() => flushing(parsed(...least, `--flush-interval=${seconds}`).common), { name: 'ConfigError', message: `--flush-interval ${seconds}: give seconds, more than 0` })
  }
})

t.test('-h is --help; -V and --version tell the version, whatever else is missing', async t => {
  t.equal(parseOptions(copier, ['-h'], 100), parseOptions(copier, ['--help'], 100))
  for (const option of ['-V', '--version']) t.match(parseOptions(copier, [option], 100), /^\d+\.\d+\.\d+$/)
})

t.test('a light command takes common options that mean nothing to it, and does not list them', async t => {
  const light = { ...copier, light: true }
  const help = String(parseOptions(light, ['--help'], 100))

  t.match(help, /--registry/)
  t.notMatch(help, /--plugins|--fsync|Stream URIs/)
  t.match(parseOptions(light, [...least, '--plugins', 'x'], 100), { common: { plugins: ['x'] } })
  t.throws(() => parseOptions(light, [...least, '--ouput', 'c'], 100), { message: /--registry --state --prefix --config-check$/ })
})

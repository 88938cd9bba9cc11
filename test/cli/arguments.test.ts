import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { expandArguments, messageWithPlace, placeOf, readArguments } from '../../lib/cli/arguments.js'
import { about, ConfigError } from '../../lib/errors.js'

/** What an argument file with this text becomes. */
function expanded (t: Test, text: string): string[] {
  return expandArguments([`@${join(t.testdir({ file: text }), 'file')}`])
}

t.test('arguments that name no file stay as they are', async t => {
  const args = ['--input', 'tcp://127.0.0.1:8600', '--format', '%q %h', '--count', '@', 'me@example.org', '--key=@x', '']

  t.strictSame(expandArguments(args), args)
  t.strictSame(expandArguments([]), [])
})

t.test('a file has one argument a line, or an option and its value', async t => {
  t.strictSame(expanded(t, [
    '# client-side events',
    '--input',
    'tcp://127.0.0.1:8422',
    '--format %q %{recvFrom}s %{seqId}d %t %h %{userAgent}i',
    '  --output\ttcp://127.0.0.1:8522  ',
    '',
    '   # indented comment',
    '--invalid=tcp://127.0.0.1:8522?x=a b',
    '--count',
    '--name  client-side#1'
  ].join('\n')), [
    '--input', 'tcp://127.0.0.1:8422',
    '--format', '%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i',
    '--output', 'tcp://127.0.0.1:8522',
    '--invalid=tcp://127.0.0.1:8522?x=a b',
    '--count',
    '--name', 'client-side#1'
  ])
})

t.test('files from Windows, with a byte order mark and without a newline at the end, are read', async t => {
  t.strictSame(expanded(t, '\uFEFF--input udp://0.0.0.0:8421\r\n\r\n# comment\r\n--count'), ['--input', 'udp://0.0.0.0:8421', '--count'])
})

t.test('an empty file, or one of comments, adds nothing', async t => {
  t.strictSame(expanded(t, ''), [])
  t.strictSame(expanded(t, '\n\n# nothing\n   \n'), [])
})

t.test('files stand where they are named, and may name others', async t => {
  const directory = t.testdir({ common: '--state /var/lib/vanadium\n--statsd 127.0.0.1:8125', inputs: '--input\ntcp://a:1\ntcp://b:1' })
  writeFileSync(join(directory, 'main'), `--name main\n@${join(directory, 'common')}\n@${join(directory, 'inputs')}\n`)

  t.strictSame(expandArguments(['--count', `@${join(directory, 'main')}`, '--log-level', 'debug']), [
    '--count', '--name', 'main', '--state', '/var/lib/vanadium', '--statsd', '127.0.0.1:8125', '--input', 'tcp://a:1', 'tcp://b:1', '--log-level', 'debug'
  ])
})

t.test('files that name each other in a circle are refused', async t => {
  const directory = t.testdir()
  writeFileSync(join(directory, 'one'), `--count\n@${join(directory, 'two')}\n`)
  writeFileSync(join(directory, 'two'), `@${join(directory, 'one')}\n`)

  t.throws(() => expandArguments([`@${join(directory, 'one')}`]), { name: 'ConfigError', code: 'bad-option', message: /^@.*: argument files name each other more than 8 deep; take out the circle$/ })
})

t.test('a chain of files that is no circle is followed', async t => {
  const directory = t.testdir({ 0: '--count' })
  for (let i = 1; i < 8; i++) writeFileSync(join(directory, String(i)), `@${join(directory, String(i - 1))}`)

  t.strictSame(expandArguments([`@${join(directory, '7')}`]), ['--count'])
})

t.test('a file that cannot be read is named', async t => {
  const directory = t.testdir()

  t.throws(() => expandArguments([`@${directory}/none`]), { name: 'ConfigError', code: 'bad-option', message: /^@.*\/none: ENOENT.*; name an argument file that can be read$/ })
  t.throws(() => expandArguments([`@${directory}`]), { name: 'ConfigError', message: /EISDIR/ })
  t.throws(() => expandArguments(['@a\0b']), { name: 'ConfigError' })
})

// seen to fail without the look at the argument before
t.test('what follows a verbatim option is no file, in a file either', async t => {
  const file = `@${join(t.testdir({ file: '--warning @10:20\n' }), 'file')}`

  t.strictSame(expandArguments(['-w', '@10:20', file], ['-w', '--warning']), ['-w', '@10:20', '--warning', '@10:20'])
  t.throws(() => expandArguments(['-c', '@10:20'], ['-w', '--warning']), { name: 'ConfigError' })
})

t.test('files that multiply, and a file that is none of arguments, are refused', async t => {
  const directory = t.testdir({ large: '#'.repeat((1 << 20) + 1), none: '' })
  const [many, more] = [join(directory, 'many'), join(directory, 'more')]
  writeFileSync(many, `@${more}\n`.repeat(1000))
  writeFileSync(more, `@${join(directory, 'none')}\n`.repeat(1000))

  t.throws(() => expandArguments([`@${many}`]), { name: 'ConfigError', code: 'bad-option', message: /none: more than 1000 argument files are named; name fewer$/ })
  t.throws(() => expandArguments([`@${join(directory, 'large')}`]), { name: 'ConfigError', message: /has 1048577 bytes, at most 1048576 are read/ })
})

// seen to fail with lines counted without comments, and with the file that names another
t.test('each argument knows where it stands, also in a file that another names', async t => {
  const directory = t.testdir({ inner: '\n--statsd\n127.0.0.1:8125\n' })
  const [main, inner] = [join(directory, 'main'), join(directory, 'inner')]
  writeFileSync(main, `# first\n--input tcp://a:1\n@${inner}\n`)

  t.strictSame(readArguments(['--count', `@${main}`]), [
    { text: '--count', place: null },
    { text: '--input', place: { file: main, line: 2 } },
    { text: 'tcp://a:1', place: { file: main, line: 2 } },
    { text: '--statsd', place: { file: inner, line: 2 } },
    { text: '127.0.0.1:8125', place: { file: inner, line: 3 } }
  ])
  writeFileSync(inner, '\n\n@/nonexistent\n')
  t.throws(() => readArguments([`@${main}`]), { name: 'ConfigError', place: { file: inner, line: 3 } })
})

t.test('an error is at the last of the arguments that it is about, with an equals sign or without', async t => {
  const at = (text: string, line: number): { text: string, place: { file: string, line: number } } => ({ text, place: { file: 'x', line } })
  const args = [at('--name', 1), at('a', 1), at('--name=b', 2), at('--input', 3), at('tcp://a:1', 3), at('--input=tcp://a:2', 4), { text: '--count', place: null }]
  const errorAbout = (subject: string): unknown => {
    try {
      return about(subject, () => { throw new ConfigError('bad-option', 'it is wrong') })
    } catch (error) {
      return error
    }
  }

  t.equal(placeOf(errorAbout('--name'), args)?.line, 2)
  t.equal(placeOf(errorAbout('tcp://a:1'), args)?.line, 3)
  t.equal(placeOf(errorAbout('tcp://a:2'), args)?.line, 4)
  t.equal(placeOf(errorAbout('--count'), args), null)
  t.equal(placeOf(errorAbout('--other'), args), null)
  t.equal(placeOf(new TypeError('a bug'), args), null)
  t.equal(messageWithPlace(errorAbout('--name'), args), 'x:2: it is wrong')
  t.equal(messageWithPlace(errorAbout('--count'), args), 'it is wrong')
})

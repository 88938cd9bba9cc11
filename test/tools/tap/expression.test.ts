import fc from 'fast-check'
import t from 'tap'
import { ConfigError } from '../../../lib/errors.js'
import { compileExpression } from '../../../tools/tap/expression.js'

const event = JSON.parse('{"schema":"Edit","revision":3,"wiki":"enwiki","event":{"action":"init","duration":150.5,"isAnon":true,"isBot":false,"nothing":null,"list":[1,{"a":2}],"odd name":"x","quote":"a\\"b","__proto__":{"a":1}}}') as object

function holds (text: string): boolean {
  return compileExpression('--where', text)(event)
}

t.test('what an expression says holds of an event', async t => {
  const right = [
    'event.action == "init"', 'event.action == \'init\' && event.duration > 100', 'event.duration >= 150.5', 'event.duration < 1e3', 'revision != 2',
    'event.isAnon', '!event.isBot', 'event.isAnon == true', 'event.nothing == null', 'exists event.nothing', '!exists event.missing', 'exists event.list',
    'event.list[0] == 1', 'event.list.length == 2', 'event.list[1].a == 2', 'event["odd name"] == "x"', 'event.quote == "a\\"b"', 'wiki ~ "^en"', 'wiki !~ "^de"', '"a" < "b"',
    'revision == 1 || wiki == "enwiki"', '!(revision == 1 || wiki == "dewiki")', 'revision == 1 && revision == 2 || revision == 3', '100 < event.duration',
    'event.missing != 5', 'event.__proto__.a == 1', 'event.duration == 150.5 && (wiki == "x" || wiki == "enwiki") && !(schema == "y")', '-1 < revision'
  ]
  const wrong = [
    'event.missing', 'event.missing == null', 'event.missing > 1', 'event.missing < 1', 'event.action', 'event.action > 1', 'revision == "3"', 'event.isBot',
    'revision ~ "3"', 'exists event.missing.deeper', 'exists event.toString', 'exists constructor', '!exists wiki', '!!event.isBot',
    'event.list == 1', 'event.missing == event.missing'
  ]

  for (const text of right) t.equal(holds(text), true, text)
  for (const text of wrong) t.equal(holds(text), false, text)
})

t.test('a mistake is shown where it is', async t => {
  const mistakes: ReadonlyArray<readonly [text: string, caret: number, message: RegExp]> = [
    ['', 0, /something is missing here/],
    ['event.action = "init"', 13, /write ==/],
    ['event.action ==', 15, /something is missing here/],
    ['event.action == "init', 16, /does not end/],
    ['(revision == 1', 14, /a \) is missing/],
    ['revision == 1)', 13, /"\)" is one too many/],
    ['a == 1 b == 2', 7, /"b" is one too many/],
    ['a == 1 & b == 2', 7, /write && for/],
    ['"init"', 0, /alone says nothing/],
    ['a ~ b', 4, /a pattern in quotes/],
    ['wiki ~ "(?=x)"', 7, /linear time/],
    ['exists "a"', 7, /exists wants a field/],
    ['a == exists', 5, /exists stands before a field/],
    ['a == == b', 5, /a field or a value must stand here/],
    ['a == #', 5, /nothing can begin with "#"/],
    ['wiki.constructor("x")', 16, /"\(" is one too many/]
  ]

  for (const [text, caret, message] of mistakes) {
    t.throws(() => compileExpression('--where', text), { message }, text)
    try {
      compileExpression('--where', text)
    } catch (error) {
      t.equal((error as Error).message.split('\n').at(-1)?.indexOf('^'), caret + 2, text)
    }
  }
  t.throws(() => compileExpression('--where', 'a'.repeat(2001)), { message: /2001 characters; give 2000/ })
})

t.test('whatever is written, it is an expression or a mistake', async t => {
  const piece = fc.constantFrom('event.a', 'b', '"c"', '1', 'true', 'exists', '==', '!=', '<', '~', '!', '&&', '||', '(', ')', ' ', '[', '"', '=', 'event["', '😀')
  fc.assert(fc.property(fc.array(piece, { maxLength: 60 }), fc.anything({ withNullPrototype: true }), (pieces, value) => {
    try {
      const condition = compileExpression('--where', pieces.join(''))
      return typeof condition({ event: { a: value }, b: value }) === 'boolean'
    } catch (error) {
      return error instanceof ConfigError
    }
  }), { numRuns: 2000 })
  t.pass()
})

t.test('the deepest expression is no more than the stack takes', async t => {
  t.equal(holds(`${'('.repeat(990)}revision == 3${')'.repeat(990)}`), true)
  t.equal(holds(`${'!'.repeat(1900)}event.isAnon`), true)
})

import { compileExpression } from '../../../tools/tap/expression.js'
import type { Target } from '../harness.js'
import { anyJson, mutateText } from '../mutate.js'

const seeds = ['event.action == "edit"', 'wiki ~ "^(en|de)wiki$" && event.n > 3', '!(event["odd name"] != 5) || exists event.list[0]', 'event.list.length >= 2', 'event.a !~ "x+" && (true == event.b)', '((((event.a))))', 'event.constructor.name == "x"']

interface Input { readonly expression: string, readonly event: unknown }

/** What `vanadium tap --where` takes. */
export const expressions: Target<Input> = {
  name: 'expression',
  open: async () => await Promise.resolve({
    generate: random => ({ expression: mutateText(random, random.pick(seeds), seeds, 4000), event: { event: anyJson(random), wiki: anyJson(random, 1) } }),
    run: ({ expression, event }) => { compileExpression('--where', expression)(event as object) }
  })
}

import { _, type Ajv, type KeywordCxt } from 'ajv'
import ucs2length from 'ajv/dist/runtime/ucs2length.js'
import { costKeyword, type Cost } from './counted-schema.js'
import type { Effort } from './effort.js'
import { isObject } from './subschemas.js'

/** Instead of ajv's `uniqueItems`, which compares every item with every other. */
export function addUniqueItems (ajv: Ajv, { spend }: Pick<Effort, 'spend'> = { spend: () => {} }): void {
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    errors: false,
    validate: (asked: boolean, items: unknown[]) => !asked || new Set(items.map(item => identity(item, spend))).size === items.length
  })
}

/** The keywords by which a validator knows what it does: `counted` puts them in. */
export function addCosts (ajv: Ajv, { spend }: Pick<Effort, 'spend'>): void {
  ajv.addKeyword({
    keyword: costKeyword,
    // before all that leads on to other schemas
    before: '$ref',
    schemaType: 'object',
    errors: false,
    validate ({ steps, stepsAField }: Cost, value: unknown) {
      spend(steps)
      if (stepsAField > 0 && isObject(value)) spend(Object.keys(value).length * stepsAField)
      return true
    }
  })
  const lengthOf = (text: string): number => {
    spendOnText(text, spend)
    return ucs2length.default(text)
  }
  for (const [keyword, fails] of [['maxLength', _`>`], ['minLength', _`<`]] as const) {
    ajv.removeKeyword(keyword)
    ajv.addKeyword({
      keyword,
      type: 'string',
      schemaType: 'number',
      code (cxt: KeywordCxt) {
        const length = cxt.gen.scopeValue('func', { ref: lengthOf })
        cxt.fail(_`${length}(${cxt.data}) ${fails} ${cxt.schemaCode}`)
      }
    })
  }
}

/** Characters of a text whose length costs nothing beside its check. */
const shortText = 256
/** Characters that cost as much as a step. */
const charactersAStep = 8

function spendOnText (text: string, spend: Effort['spend']): void {
  if (text.length > shortText) spend(text.length / charactersAStep)
}

/** The same for values that are equal in JSON, whatever the order of their fields, and for no others. */
function identity (value: unknown, spend: Effort['spend']): unknown {
  spend(1)
  if (typeof value === 'string') {
    spendOnText(value, spend)
    return `"${value}`
  }
  if (typeof value !== 'object' || value === null) return value
  return JSON.stringify(value, (_key, inner: unknown) => {
    // takes several times as long as a step
    spend(stepsOfIdentity)
    if (typeof inner === 'string') spendOnText(inner, spend)
    return isObject(inner) ? { fields: Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1) } : inner
  })
}

const stepsOfIdentity = 20

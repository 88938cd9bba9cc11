import { Ajv, type Options } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Ajv2020 } from 'ajv/dist/2020.js'

/** Which keywords a schema in modern form uses, and what they mean. */
export type Dialect = 'draft-07' | '2019-09' | '2020-12'

export function createAjv (dialect: Dialect, options: Options): Ajv {
  switch (dialect) {
    case 'draft-07': return new Ajv(options)
    case '2019-09': return new Ajv2019(options)
    case '2020-12': return new Ajv2020(options)
  }
}

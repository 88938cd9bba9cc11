import { join } from 'node:path'
import { shippedSchemas, type SchemaOptions } from '../event/schema-repository.js'
import type { Log } from '../log.js'
import type { CommonOptions } from './options.js'

/** The schemas that the common options lead to. */
export function schemaOptions (common: CommonOptions, log: Log): SchemaOptions {
  return {
    directories: [...common.schemas, shippedSchemas()],
    ...(common['schemas-url'] === undefined ? {} : { remote: { template: common['schemas-url'], cacheDir: join(common.state, 'schemas') } }),
    log
  }
}

import { classify } from '../../lib/sql/errors.js'

/** A server that is away, or does not let us, is no bug. */
export function isOfDatabase (error: unknown): boolean {
  return ['wait', 'operator'].includes(classify(error))
}

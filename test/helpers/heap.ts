import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Bytes of the JavaScript heap that are in use, garbage collected. */
export function heapUsed (): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}

/** A text of a megabyte, as batches are, that repeats `content`. It is in the heap: of longer ones Node keeps the bytes outside. */
export function batchText (content: string): string {
  return Buffer.alloc(1_000_000, content).toString('latin1')
}

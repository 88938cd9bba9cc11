/**
 * How many values there were of about which size: a histogram whose buckets grow by a constant factor (as in DDSketch, Masson et al., VLDB
 * 2019). Sketches are merged by adding, in any order; a percentile is within 1 % of a value of that rank. Magnitudes below 1e-9 count as 0
 * and those above 1e19 as that, so that one has at most 6,500 buckets; about 10 bytes each as text.
 */
export type Sketch = Map<number, number>

const accuracy = 0.01
const logGamma = Math.log((1 + accuracy) / (1 - accuracy))
const smallest = 1e-9
const largest = 1e19
const lowest = Math.ceil(Math.log(smallest) / logGamma)

/** Buckets of negative numbers are below 0, that of zero is 0, those of positive numbers are above. */
function bucketOf (value: number): number {
  const magnitude = Math.min(Math.abs(value), largest)
  if (magnitude < smallest) return 0
  return Math.sign(value) * (Math.ceil(Math.log(magnitude) / logGamma) - lowest + 1)
}

function valueOf (bucket: number): number {
  if (bucket === 0) return 0
  return Math.sign(bucket) * Math.exp((Math.abs(bucket) + lowest - 1) * logGamma) * (1 - accuracy)
}

export function addTo (sketch: Sketch, value: number): void {
  const bucket = bucketOf(value)
  sketch.set(bucket, (sketch.get(bucket) ?? 0) + 1)
}

export function mergeInto (sketch: Sketch, other: Sketch): void {
  for (const [bucket, count] of other) sketch.set(bucket, (sketch.get(bucket) ?? 0) + count)
}

/** The value below or at which that many percent of all are, as near as is known. Null of an empty one. */
export function percentile (sketch: Sketch, percent: number): number | null {
  const buckets = [...sketch].sort(([one], [other]) => one - other)
  const rank = (percent / 100) * (buckets.reduce((sum, [, count]) => sum + count, 0) - 1)
  let below = 0
  for (const [bucket, count] of buckets) {
    below += count
    if (below > rank) return valueOf(bucket)
  }
  return null
}

/** `bucket:count`, sorted, joined by blanks. */
export function sketchText (sketch: Sketch): string {
  return [...sketch].sort(([one], [other]) => one - other).map(([bucket, count]) => `${bucket}:${count}`).join(' ')
}

export function parseSketch (text: string): Sketch {
  return new Map(text.split(' ').filter(part => part !== '').map(part => part.split(':').map(Number) as [number, number]))
}

/** So many neighbours are put in order one by one before they are merged. */
const stretch = 16

/** Sorts numbers of records by what columns have of them. Its memory is its own and used again: eight bytes a record. */
export class IndexSort {
  #from: Uint32Array
  #to: Uint32Array

  constructor (capacity: number) {
    this.#from = new Uint32Array(capacity)
    this.#to = new Uint32Array(capacity)
  }

  /**
   * The numbers from 0 to `count` - 1, by the first column, and where that is the same by the next, and so on. They are there until the next call. Much faster than
   * `Array.sort` with a function, most of all when they nearly are in order, as lines of a log are.
   */
  sorted (columns: readonly Float64Array[], count: number): Uint32Array {
    const first = columns[0] as Float64Array
    const others = columns.slice(1)
    const isAfter = (a: number, b: number): boolean => {
      const [x, y] = [first[a] as number, first[b] as number]
      if (x !== y) return x > y
      for (const column of others) if (column[a] !== column[b]) return (column[a] as number) > (column[b] as number)
      return false
    }
    for (let i = 0; i < count; i++) this.#from[i] = i
    for (let start = 0; start < count; start += stretch) insertInOrder(this.#from, start, Math.min(start + stretch, count), isAfter)
    for (let width = stretch; width < count; width *= 2) {
      for (let start = 0; start < count; start += 2 * width) mergeInOrder(this.#from, this.#to, start, Math.min(start + width, count), Math.min(start + 2 * width, count), isAfter)
      const sorted = this.#to
      this.#to = this.#from
      this.#from = sorted
    }
    return this.#from.subarray(0, count)
  }
}

type IsAfter = (a: number, b: number) => boolean

function insertInOrder (numbers: Uint32Array, start: number, end: number, isAfter: IsAfter): void {
  for (let i = start + 1; i < end; i++) {
    const number = numbers[i] as number
    let at = i
    for (; at > start && isAfter(numbers[at - 1] as number, number); at--) numbers[at] = numbers[at - 1] as number
    numbers[at] = number
  }
}

function mergeInOrder (from: Uint32Array, to: Uint32Array, start: number, middle: number, end: number, isAfter: IsAfter): void {
  let [left, right] = [start, middle]
  if (middle === end || !isAfter(from[middle - 1] as number, from[middle] as number)) {
    to.set(from.subarray(start, end), start)
    return
  }
  for (let at = start; at < end; at++) {
    const takesLeft = right === end || (left < middle && !isAfter(from[left] as number, from[right] as number))
    to[at] = from[takesLeft ? left++ : right++] as number
  }
}

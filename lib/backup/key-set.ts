/** Keys of rows, by 64 bits of each: 20 bytes a key, where a set of texts has over a hundred. */
export interface KeySet {
  readonly size: number
  add (key: bigint): void
  delete (key: bigint): void
  has (key: bigint): boolean
}

const [empty, there, gone] = [0, 1, 2]

/** For `most` different keys at most, those that are deleted included. Uuids are hashes: they need not be hashed again to be spread. */
export function createKeySet (most: number): KeySet {
  const slots = 2 ** Math.ceil(Math.log2(most * 2 + 2))
  const keys = new BigUint64Array(slots)
  const states = new Uint8Array(slots)
  let size = 0

  function slotOf (key: bigint): number {
    const wanted = BigInt.asUintN(64, key)
    let slot = Number(wanted & BigInt(slots - 1))
    while (states[slot] !== empty && keys[slot] !== wanted) slot = (slot + 1) % slots
    return slot
  }

  return {
    get size () { return size },
    add (key) {
      const slot = slotOf(key)
      if (states[slot] === there) return
      keys[slot] = BigInt.asUintN(64, key)
      states[slot] = there
      size++
    },
    delete (key) {
      const slot = slotOf(key)
      if (states[slot] !== there) return
      // whoever is behind it is to be found all the same
      states[slot] = gone
      size--
    },
    has: key => states[slotOf(key)] === there
  }
}

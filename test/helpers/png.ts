import { inflateSync } from 'node:zlib'

export interface Png {
  readonly width: number
  readonly height: number
  /** Rows of pixels, each after the byte of its filter. */
  readonly pixels: Buffer
}

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
/** By colour type. */
const channels: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }

/** Throws for what is no whole PNG (https://www.w3.org/TR/png/). */
export function decodePng (file: Buffer): Png {
  if (!file.subarray(0, 8).equals(signature)) throw new Error('no PNG: another signature')
  const parts = new Map<string, Buffer[]>()
  for (let at = 8; at < file.length;) {
    const length = file.readUInt32BE(at)
    const type = file.toString('latin1', at + 4, at + 8)
    parts.set(type, [...parts.get(type) ?? [], file.subarray(at + 8, at + 8 + length)])
    at += length + 12
  }
  const [header] = parts.get('IHDR') ?? []
  if (header === undefined || !parts.has('IEND')) throw new Error('no PNG: it has no header, or no end')
  const [width, height, depth, color] = [header.readUInt32BE(0), header.readUInt32BE(4), header.readUInt8(8), header.readUInt8(9)]
  const pixels = inflateSync(Buffer.concat(parts.get('IDAT') ?? []))
  const wanted = (1 + Math.ceil(width * depth * (channels[color] ?? 0) / 8)) * height
  if (pixels.length !== wanted) throw new Error(`no PNG: ${pixels.length} bytes of pixels for ${width} by ${height}`)
  return { width, height, pixels }
}

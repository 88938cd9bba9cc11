const unitsMs = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** `90m`, `36h`, `7d` in milliseconds; NaN for anything else. */
export function parseDuration (text: string): number {
  const [, number, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  return unit === undefined ? NaN : Number(number) * unitsMs[unit as keyof typeof unitsMs]
}

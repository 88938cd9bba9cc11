/** `3 s`, `5 min`, `2 h`, `9 d`: the largest unit of which there are two. */
export function durationText (ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}

export function numberText (number: number): string {
  return number.toLocaleString('en-US')
}

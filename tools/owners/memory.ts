import type { Episode, News } from './episodes.js'

/** Who has to be told what: news by schema, the latest of each. */
export interface Waiting {
  readonly news: Readonly<Record<string, News>>
  /** When it was tried to send it; 0 if never. */
  readonly triedMs: number
}

/** What a run tells the next one. As many schemas as monitors count, as many addresses as the registry has. */
export interface Memory {
  readonly episodes: Map<string, Episode>
  /** By address; under '' what the operators are told, under `operator ADDRESS` what one of them was not. */
  readonly waiting: Map<string, Waiting>
}

export function readMemory (text: string | null): Memory {
  const { episodes = {}, waiting = {} } = text === null ? {} : JSON.parse(text) as { episodes?: Record<string, Episode>, waiting?: Record<string, Waiting> }
  return { episodes: new Map(Object.entries(episodes)), waiting: new Map(Object.entries(waiting)) }
}

export function memoryText ({ episodes, waiting }: Memory): string {
  return JSON.stringify({ episodes: Object.fromEntries(episodes), waiting: Object.fromEntries(waiting) })
}

import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { mistakes, type Sampler } from './samples.js'
import { oneOf } from './sample-values.js'

export interface TrafficOptions {
  readonly port: number
  /** Events a second, on average; 0 for none. */
  readonly rate: number
  /** At least one. */
  readonly samplers: readonly Sampler[]
}

export interface Traffic {
  /** Events that were not answered with 204, or not at all. */
  readonly refused: number
  /** Sends events, and mistakes, until `signal` is aborted. One request at a time: a slow pipeline slows it. */
  run (signal: AbortSignal): Promise<void>
  close (): void
}

const mistakeShare = 0.05
const postShare = 0.3
const answerTimeoutMs = 5000
const catchUpMs = 1000

const userAgents = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (compatible; ExampleBot/1.0; +https://bot.example.org/)'
] as const

/** Sends sample events over http as clients do: most as a beacon's query, some as a body. */
export function createTraffic ({ port, rate, samplers }: TrafficOptions): Traffic {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  let refused = 0

  async function isAccepted (json: string): Promise<boolean> {
    const [method, path, body] = Math.random() < postShare
      ? ['POST', '/event.gif', json]
      : ['GET', `/event.gif?${encodeURIComponent(json)};`]
    return await new Promise(resolve => {
      const headers = { 'user-agent': oneOf(userAgents) }
      const asked = request({ host: '127.0.0.1', port, agent, method, path, headers, timeout: answerTimeoutMs }, answer => {
        answer.resume()
        answer.on('close', () => { resolve(answer.statusCode === 204) })
      })
      asked.on('timeout', () => { asked.destroy() })
      asked.on('error', () => { resolve(false) })
      asked.end(body)
    })
  }

  return {
    get refused () { return refused },
    async run (signal) {
      if (rate === 0) return
      let dueMs = Date.now()
      while (!signal.aborted) {
        const sampler = oneOf(samplers)
        const json = Math.random() < mistakeShare ? oneOf(mistakes)(sampler) : JSON.stringify(sampler.make())
        if (!await isAccepted(json)) refused++
        // intervals as of independent clients; what was late is caught up with, unless it is too much
        dueMs = Math.max(dueMs - Math.log(1 - Math.random()) * 1000 / rate, Date.now() - catchUpMs)
        await sleep(dueMs - Date.now(), undefined, { signal }).catch(() => {})
      }
    },
    close () { agent.destroy() }
  }
}

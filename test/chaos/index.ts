/** `make chaos`: kills everything, over and over, under load, and then compares event by event. `--help` lists the options. */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { needsMariadb } from '../helpers/mariadb.js'
import { progressLine, resultText } from './report.js'
import { runChaos } from './run.js'

const defaults = { events: 200_000, kills: 66, 'database-kills': 6, minutes: 10 }
const help = `Sends lines through raw forwarder, processor, multiplexing forwarder and consumers into MariaDB, SQLite and a file, all
on journaled streams, kills daemons and database meanwhile (SIGKILL), and compares what arrived with what was sent.

  --seed N            the schedule of an earlier run, which says its seed first [a random one]
  --events N          lines that are sent [${defaults.events}]
  --kills N           of daemons, spread over all of them [${defaults.kills}]
  --database-kills N  of MariaDB [${defaults['database-kills']}]
  --minutes N         a run that takes longer has failed [${defaults.minutes}]

Exits 0 when nothing is missing, repeated or out of order, and nobody logged an error or ended by itself; else 1.
`
/** Seconds between two lines that say how far it is. */
const interval = 5

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    seed: { type: 'string' },
    events: { type: 'string' },
    kills: { type: 'string' },
    'database-kills': { type: 'string' },
    minutes: { type: 'string' }
  }
})

function number (option: 'seed' | keyof typeof defaults, otherwise: number): number {
  const text = values[option]
  if (text !== undefined && !/^\d{1,10}$/.test(text)) throw new Error(`--${option} is "${text}"; give a whole number`)
  return Number(text ?? otherwise)
}

async function play (): Promise<boolean> {
  const [seed, events, kills] = [number('seed', randomInt(2 ** 31)), number('events', defaults.events), number('kills', defaults.kills)]
  const [databaseKills, minutes] = [number('database-kills', defaults['database-kills']), number('minutes', defaults.minutes)]
  const options = `--seed ${seed} --events ${events} --kills ${kills} --database-kills ${databaseKills}`
  process.stdout.write(`seed ${seed}; to repeat the run: node dist/test/chaos/index.js ${options}\n`)
  const since = Date.now()
  let told = 0
  const outcome = await runChaos({ seed, events, kills, databaseKills, minutes }, progress => {
    const seconds = Math.round((Date.now() - since) / 1000)
    if (seconds < told + interval) return
    told = seconds
    process.stdout.write(`${progressLine(seconds, progress)}\n`)
  })
  process.stdout.write(`\n${resultText(outcome)}, after ${Math.round((Date.now() - since) / 1000)} s\n`)
  return outcome.directory === null
}

// leaves no daemon behind: what runs is ended on exit
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { process.exit(1) })

if (values.help) {
  process.stdout.write(help)
} else if (needsMariadb !== false) {
  process.stdout.write(`not run: ${needsMariadb}\n`)
  process.exitCode = 1
} else {
  process.exitCode = await play() ? 0 : 1
}

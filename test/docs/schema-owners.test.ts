import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { executable } from '../helpers/daemon.js'
import { projectRoot } from '../helpers/shared.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const file = join(projectRoot, 'docs', 'schema-owners.md')
const needs = ['curl', 'sqlite3'].filter(program => spawnSync(program, ['--version']).error !== undefined)

interface Step {
  readonly commands: string
  /** What the page says that they print; null if it does not. */
  readonly printed: string | null
}

/** The way from an idea to rows; what comes after it needs a pipeline with traffic. */
const section = /^## From an idea to rows in a table\n.*?(?=^## )/ms

/** Each block of commands, with the block of text that follows it. */
function stepsIn (page: string): Step[] {
  return [...page.matchAll(/```sh\n(.*?)```\n(?:\n```text\n(.*?)```\n)?/gs)].map(([, commands = '', printed]) => ({ commands, printed: printed ?? null }))
}

interface Shell {
  readonly directory: string
  readonly env: NodeJS.ProcessEnv
  /** Of beacons. */
  port: number
}

/** A directory in which `vanadium` is a command. */
function shellIn (t: Test): Shell {
  const directory = shortDirectory(t)
  const [bin, work] = ['bin', 'work'].map(name => join(directory, name)) as [string, string]
  for (const made of [bin, work]) mkdirSync(made)
  writeFileSync(join(bin, 'vanadium'), `#!/bin/sh\nexec '${process.execPath}' '${executable}' "$@"\n`)
  chmodSync(join(bin, 'vanadium'), 0o755)
  return { directory: work, env: { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` }, port: 8080 }
}

async function run (commands: string, { directory, env, port }: Shell): Promise<{ code: number, text: string }> {
  return await new Promise(resolve => {
    execFile('sh', ['-e', '-c', commands.replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`)], { cwd: directory, env }, (error, out, errors) => {
      resolve({ code: error === null ? 0 : Number(error.code), text: out + errors })
    })
  })
}

/** Runs what ends with `&` until the test ends; resolves when it takes events. */
async function startRun (t: Test, commands: string, shell: Shell): Promise<void> {
  const child = spawn('sh', ['-c', `exec ${commands.trim().replace(/&$/, '')}`], { cwd: shell.directory, env: shell.env, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  const lines: string[] = []
  createInterface(child.stdout).on('line', line => { lines.push(line) })
  t.teardown(async () => {
    child.kill('SIGINT')
    await ended
  })
  const url = await until('the pipeline takes events', () => lines.map(line => /curl .*127\.0\.0\.1:(\d+)\//.exec(line)?.[1]).find(port => port !== undefined), 60_000)
  shell.port = Number(url)
}

// seen to fail when a command of the page ends with 2
t.test('the commands of docs/schema-owners.md do what it says, one after the other; UPDATE_DOCS=1 writes anew what they print', { skip: needs.length > 0 && `needs ${needs.join(', ')}` }, async t => {
  const shell = shellIn(t)
  const page = readFileSync(file, 'utf8')
  const steps = stepsIn(section.exec(page)?.[0] ?? '')
  let updated = page

  t.ok(steps.length > 8, 'commands were found')
  for (const { commands, printed } of steps) {
    if (commands.trim().endsWith('&')) {
      await startRun(t, commands, shell)
      continue
    }
    // an event is a row a moment later
    const isRow = commands.startsWith('sqlite3')
    const { code, text } = isRow
      ? await until(commands, async () => {
        const found = await run(commands, shell)
        return found.code === 0 && found.text !== '' ? found : null
      }, 60_000)
      : await run(commands, shell)
    t.equal(code, 0, `${commands}${code === 0 ? '' : text}`)
    if (printed === null) continue
    if (process.env['UPDATE_DOCS'] === '1') updated = updated.replace(`\`\`\`sh\n${commands}\`\`\`\n\n\`\`\`text\n${printed}`, () => `\`\`\`sh\n${commands}\`\`\`\n\n\`\`\`text\n${text}`)
    else t.equal(text, printed, commands)
  }
  if (updated !== page) writeFileSync(file, updated)
})

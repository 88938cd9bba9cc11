import { execFile, spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { projectRoot } from './shared.js'
import { until } from './wait.js'

const run = promisify(execFile)
const server = find('varnishd')
const shipped = join(projectRoot, 'etc', 'varnish')

/** What a test says when it is skipped for lack of Varnish. */
export const needsVarnish = server === undefined || find('varnishncsa') === undefined ? 'needs Varnish: Debian package varnish' : false

/** A Varnish of the test's own, with the VCL of `etc/varnish`. */
export interface Varnish {
  /** `http://127.0.0.1:port`. */
  readonly url: string
  /** Starts the shipped varnishncsa command. Resolves when it prints what is requested from now on. */
  follow (env?: NodeJS.ProcessEnv): Promise<BeaconLines>
  /** Ends both and removes what they wrote. */
  stop (): Promise<void>
}

/** Lines of varnishncsa, without newline, as they come; iterated once. They end after `stop`. */
export interface BeaconLines extends AsyncIterable<string> {
  stop (): Promise<void>
}

/** What a varnishncsa that has just started is asked to print, so that it is known to be listening. */
const probe = '?probe'

export async function startVarnish (vcl = 'vanadium-beacon-only.vcl'): Promise<Varnish> {
  if (server === undefined) throw new Error(String(needsVarnish))
  const directory = await mkdtemp(join(tmpdir(), 'varnish-'))
  const instance = join(directory, 'v')
  const args = ['-F', '-f', join(shipped, vcl), '-a', '127.0.0.1:0', '-n', instance, '-s', 'malloc,32m', '-p', 'vsl_reclen=8192', '-p', 'vsl_space=16m']
  const child = launch(server, args)
  const url = `http://127.0.0.1:${await portOf(child, instance)}`
  const followers: BeaconLines[] = []

  return {
    url,
    async follow (env = {}) {
      const follower = await follow(instance, url, env)
      followers.push(follower)
      return follower
    },
    async stop () {
      for (const follower of followers) await follower.stop()
      await end(child)
      await rm(directory, { recursive: true, force: true })
    }
  }
}

async function follow (instance: string, url: string, env: NodeJS.ProcessEnv): Promise<BeaconLines> {
  const child = launch(join(shipped, 'vanadium-varnishncsa'), ['-n', instance], env)
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  let first: IteratorResult<string> | undefined
  void lines.next().then(line => { first = line })
  await until('varnishncsa prints', async () => {
    if (child.exitCode !== null) throw new Error(`varnishncsa ended with ${child.exitCode}`)
    await fetch(`${url}/event.gif${probe}`)
    return first !== undefined
  })
  return {
    async * [Symbol.asyncIterator] () {
      for (let next = first ?? await lines.next(); next.done !== true; next = await lines.next()) {
        if (!next.value.startsWith(probe)) yield next.value
      }
    },
    stop: async () => { await end(child) }
  }
}

/** Starts a program that does not outlive the test. */
function launch (path: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcessByStdio<null, Readable, Readable> {
  const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  const killWithParent = (): void => { child.kill('SIGKILL') }
  process.once('exit', killWithParent)
  child.once('exit', () => { process.off('exit', killWithParent) })
  return child
}

async function end (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await gone
}

/** Resolves when varnishd takes requests; throws what it printed when it does not start. */
async function portOf (child: ChildProcessByStdio<null, Readable, Readable>, instance: string): Promise<number> {
  const printed: Buffer[] = []
  child.stdout.resume()
  child.stderr.on('data', (chunk: Buffer) => { printed.push(chunk) })
  child.once('error', error => { printed.push(Buffer.from(error.message)) })
  try {
    return await until('varnishd tells its port', async () => {
      if (child.exitCode !== null || child.pid === undefined) throw new Error(`varnishd did not start: ${Buffer.concat(printed).toString()}`)
      // it fails until varnishd has told where it can be asked
      const answer = await run('varnishadm', ['-n', instance, 'debug.listen_address']).catch(() => null)
      return answer === null ? null : Number(answer.stdout.trim().split(' ')[2])
    }, 60_000)
  } catch (error) {
    await end(child)
    throw error
  }
}

function find (name: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']
  return directories.map(directory => join(directory, name)).find(path => existsSync(path))
}

import { join } from 'node:path'
import { inspectRegistry } from '../../../lib/registry/registry.js'
import { projectRoot } from '../../helpers/shared.js'
import type { Target } from '../harness.js'
import { mutateText } from '../mutate.js'
import { textsIn } from './seeds.js'

interface Input { readonly main: string, readonly fragment: string }

const ownSeeds = [
  'operators: [ops@example.org]\nmail: { from: a@example.org, via: "smtp://me:secret@127.0.0.1:25" }\nschemas:\n  Edit: &e\n    owners: [ann@example.org, { name: Ben, mail: ben@example.org }]\n    sampling: { rate: 0.1, by: event.token }\n    retention: { days: 30, keep: [event.action], anonymise: { event.token: hash } }\n  Page: *e\n',
  'schemas:\n  Page:\n    thresholds: { invalid: { warning: 0.02, critical: 0.1 } }\n    retention: { days: 400, reason: x, until: 2030-02-30 }\n    user: event.userId\n'
]

/** Longest file, in characters: the time is in proportion to it, and is about 10 µs for each as long as nothing is compiled yet. */
const longest = 4000

/** A registry and one of its fragments. */
export const registries: Target<Input> = {
  name: 'registry',
  async open () {
    const seeds = [...ownSeeds, ...textsIn(join(projectRoot, 'etc', 'vanadium')).filter(text => text.includes('schemas:'))]
    return await Promise.resolve({
      generate: random => ({ main: mutateText(random, random.pick(seeds), seeds, longest), fragment: mutateText(random, random.pick(ownSeeds), seeds, longest) }),
      run ({ main, fragment }) {
        const { registry } = inspectRegistry('/nowhere/registry.yaml', new Map([['/nowhere/registry.yaml', main], ['/nowhere/registry.d/team.yaml', fragment]]))
        for (const name of registry.names.slice(0, 10)) registry.find(name)
      }
    })
  }
}

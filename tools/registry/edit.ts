import { defineCommand, type CommandContext } from '../../lib/cli/command.js'
import { ConfigError } from '../../lib/errors.js'
import { problemText } from '../../lib/registry/problem.js'
import { openHistory, type History } from '../../lib/registry/history.js'
import { inspectRegistry } from '../../lib/registry/registry.js'
import { numberText } from '../text.js'
import { openDraft, type Draft } from './draft.js'
import { runEditor, wantsToGoOn } from './editor.js'
import { checkMessage, messageOption, whoIsThere } from './who.js'

export const edit = defineCommand({
  name: 'registry edit',
  summary: 'Opens the registry, or a fragment of it, in an editor; installs what is good and records who changed what.',
  examples: [
    ['vanadium registry edit --message "Ann has left"', 'the registry itself, in $VISUAL, $EDITOR or vi'],
    ['vanadium registry edit --fragment performance-team', 'registry.d/performance-team.yaml, which need not be there yet']
  ],
  notes: 'What is wrong is not installed: on a terminal you are asked whether to go on, else nothing has changed and the exit code is 78. The file\n' +
    'keeps owner and mode. Daemons use it after a reload; checks and mails at once.\n\n',
  light: true,
  readsRegistry: true,
  options: {
    fragment: { type: 'string', requiresArg: true, description: 'Name of a file in the directory of fragments, without .yaml' },
    message: messageOption
  },
  defaults: { 'log-level': 'warn' },
  prepare ({ fragment, message }, _transports, { registry: path, state }) {
    checkMessage(message)
    if (fragment !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/.test(fragment)) {
      throw new ConfigError('bad-option', `--fragment "${fragment}": give a name of letters, digits and _ . -, without .yaml`)
    }
    return async ctx => {
      const history = openHistory(state)
      const draft = openDraft(path, fragment)
      try {
        await editing(draft, { history, path, message: message ?? null }, ctx)
      } finally {
        draft.close()
        history.close()
      }
    }
  }
})

interface Edit {
  readonly history: History
  readonly path: string | undefined
  readonly message: string | null
}

async function editing (draft: Draft, { history, path, message }: Edit, { stop }: CommandContext): Promise<void> {
  const before = inspectRegistry(path)
  const known = new Set(before.problems.map(problemText))
  for (;;) {
    runEditor(draft.copy)
    if (!draft.isChanged()) return say(`${draft.file}: nothing was changed`)
    const { registry, problems, expired } = inspectRegistry(path, draft.drafts())
    // what is wrong elsewhere is somebody else's, and must not keep this file from being corrected
    const wrong = problems.filter(problem => problem.file === draft.file || !known.has(problemText(problem)))
    for (const problem of [...problems, ...expired]) say(problemText(problem))
    if (wrong.length === 0) {
      if (before.problems.length === 0) history.record(before.registry, { who: 'unknown (found by registry edit)' })
      draft.install()
      if (problems.length > 0) return say(`${draft.file}: installed; daemons do not use it before the mistakes in other files are corrected`)
      const { length } = history.record(registry, { who: whoIsThere(), message })
      return say(`${draft.file}: installed; ${numberText(length)} change${length === 1 ? '' : 's'} recorded. Daemons use it after a reload: systemctl reload 'vanadium-*@*'`)
    }
    if (!await wantsToGoOn(stop)) throw new ConfigError('bad-registry', `${draft.file} was not installed: ${numberText(wrong.length)} mistake${wrong.length === 1 ? '' : 's'} in what was written; correct what is said above`)
  }
}

function say (text: string): void {
  process.stdout.write(`${text}\n`)
}

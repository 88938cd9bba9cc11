import { defineCommand } from '../../lib/cli/command.js'
import { openHistory } from '../../lib/registry/history.js'
import { numberText } from '../text.js'
import { checkMessage, messageOption } from './who.js'

export const record = defineCommand({
  name: 'registry record',
  summary: 'Records what has changed in the registry since it was recorded last, as a monitor does at its start and at SIGHUP.',
  examples: [
    ['vanadium registry record --message "deployment 4711"', 'for what puts the file there: who changed it is not known, why is']
  ],
  light: true,
  options: { message: messageOption },
  defaults: { 'log-level': 'warn' },
  prepare ({ message }, _transports, { state }) {
    checkMessage(message)
    return async ({ registry }) => {
      const history = openHistory(state)
      try {
        const { length } = history.record(registry, { who: 'unknown (found by registry record)', message: message ?? null })
        process.stdout.write(`${numberText(length)} change${length === 1 ? '' : 's'} recorded\n`)
      } finally {
        history.close()
      }
      await Promise.resolve()
    }
  }
})

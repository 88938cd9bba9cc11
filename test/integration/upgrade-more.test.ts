import t from 'tap'
import { needsMariadb } from '../helpers/mariadb.js'
import { archivesOfOlderBuilds, takeUpAll } from './upgrade-cases.js'

// the others: upgrade.test.ts
t.test('today\'s build takes up the state, the stores and the argument files of more of the older ones', { skip: needsMariadb }, async t => {
  await takeUpAll(t, archivesOfOlderBuilds().filter((_archive, at) => at % 2 === 1))
})

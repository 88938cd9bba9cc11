import t from 'tap'
import { agrees, needsNft, noteAll, startDrillPair } from '../../helpers/drill.js'
import { needsMariadb } from '../../helpers/mariadb.js'
import { needsNetwork } from '../../helpers/network.js'

t.test('a drill that cuts off, or freezes, the writer', { skip: needsNetwork !== false ? needsNetwork : needsNft !== false ? needsNft : needsMariadb }, async t => {
  const pair = await startDrillPair(t)
  const { a } = pair.network.hosts
  await noteAll(pair)

  for (const how of ['cut', 'freeze']) {
    await t.test(`${how}: the report agrees with what the test has counted, and all is as before`, async t => {
      const { code, stdout, stderr } = await a.vanadium(...pair.args, '--how', how, '--yes', '--again', '--no-mail')

      t.equal(code, 0, `${stdout}${stderr}`)
      await agrees(t, pair)
      t.equal(await pair.holder(), 'a')
      t.match(pair.consumers(), /^[SR]$/)
      t.equal((await a.run('nft', 'list', 'ruleset')).stdout, '')
      t.equal(pair.mails(), '')
    })
  }
})

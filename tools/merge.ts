import { resolve } from 'node:path'
import { defineCommand } from '../lib/cli/command.js'
import { ConfigError, StreamError } from '../lib/errors.js'
import { usualSizes } from './merge/held-lines.js'
import { merge as mergeFiles } from './merge/session.js'
import { hasGap, summaryText } from './merge/summary.js'

export const merge = defineCommand({
  name: 'merge',
  summary: 'Makes one JSON log file of those of two or more hosts: each event once, gaps of one filled from the others, sorted by time.',
  examples: [
    ['vanadium merge /srv/db1/all-events.log* /srv/db2/all-events.log* --output /srv/archive/all-events.log.gz', 'the logs of two hosts, each in a directory of its own'],
    ['vanadium merge \'db1=/srv/2015-05/db1/*.gz\' \'db1=/srv/2015-06/db1/*.gz\' \'db2=/srv/*-db2.log.gz\' --dry-run', 'what they have in common and what each lacks; which files are whose is said'],
    ['vanadium merge \'db1=/var/log/vanadium/all-events.log*\' \'db2=/srv/db2/all-events.log*\' --lacking db1 --output /var/log/vanadium/all-events.log-gap', 'only what the first host lacks, to be put beside its files'],
    ['vanadium merge /srv/db1/*.gz /srv/db2/*.gz --dry-run --check --json', 'for a program: exit code 2 if one has an event that another lacks'],
    ['vanadium merge /srv/db1/*.log /srv/db2/*.log | jq -r .schema', 'to standard output; the summary is on stderr']
  ],
  notes: 'Files of one directory are of one host; where all are in one directory, a log and what logrotate made of it are. NAME=FILE says it otherwise. Where hosts\n' +
    'say different things of one event, the line of the file that is named first is kept. Lines without a uuid, and torn ones, are kept by their bytes; those that tell\n' +
    'no time are last. Temporary files need as much room as all lines have, decompressed, and 100 bytes for each; above 8 GB up to twice that; for a dry run as well.\n' +
    'Exit codes besides the usual ones: 1, stopped, or something could not be read or written: there is no --output then, and what went to standard output\n' +
    'is not whole; 2, with --check, a host lacks events.\n\n',
  options: {
    file: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'Files of events, plain or .gz, each FILE or HOST=FILE; * and ? in the last part' },
    output: { type: 'string', requiresArg: true, description: 'File that is made, which must not be there yet; gzipped if its name ends with .gz [default: standard output]' },
    lacking: { type: 'string', requiresArg: true, description: 'Write only what this host lacks; a host as NAME=FILE calls it, or as the summary does [default: everything, of all hosts]' },
    temporary: { type: 'string', requiresArg: true, description: 'Directory for temporary files, which have no names [default: where the output is made; without one /var/tmp, or $TMPDIR]' },
    'dry-run': { type: 'boolean', default: false, description: 'Only print the summary' },
    check: { type: 'boolean', default: false, description: 'Exit with 2 if a host lacks an event that another one has' },
    json: { type: 'boolean', default: false, description: 'The summary as JSON' }
  },
  operands: { option: 'file', usage: 'FILE…' },
  prepare ({ file: operands, output, lacking = null, temporary, 'dry-run': isDryRun, check, json }) {
    if (output?.endsWith('/') === true) throw new ConfigError('bad-option', `--output ${output} is a directory; name a file in it`)
    const settings = {
      operands,
      lacking,
      output: output === undefined ? null : resolve(output),
      isDryRun,
      temporary,
      temporaryOfOthers: process.env['TMPDIR'] ?? '/var/tmp',
      sizes: usualSizes
    }

    return async ctx => {
      try {
        const summary = await mergeFiles(settings, ctx)
        const text = json ? `${JSON.stringify(summary)}\n` : summaryText(summary)
        if (output === undefined && !isDryRun) process.stderr.write(text)
        else process.stdout.write(text)
        if (check && hasGap(summary)) process.exitCode = 2
      } catch (error) {
        // `head` has got what it wanted: no failure of ours
        if (!(error instanceof StreamError && error.code === 'stopped') || ctx.stop.aborted) throw error
      }
    }
  }
})

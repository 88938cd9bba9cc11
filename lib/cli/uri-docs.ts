import type { Handler, Reader, Writer } from '../stream/contracts.js'
import type { Schemes } from '../stream/schemes.js'

const introduction = `# Stream URIs

Everything that a daemon reads or writes is a URI: \`scheme://host:port/path?option=value&option=value\`. Options are written as
in any URI, with \`%XX\` for what has a meaning of its own (\`&\` is \`%26\`, a space \`%20\`); an option without a value is \`true\`.
An unknown or wrong option ends the daemon at its start with exit code 78 and the list of what is allowed;
\`--config-check\` does so without starting anything. In a shell, quote URIs that have \`?\`, \`&\` or \`*\`. Passwords never belong
in a URI.

Plug-ins (\`--plugins DIR\`) add further schemes, and functions for \`map:\` and \`filter:\`;
[no-bots.mjs](../etc/vanadium/plugins/no-bots.mjs) shows how. What travels through \`tcp:\` and \`ipc:\` is described in
[protocol.md](protocol.md).

This page is generated from the code.
`

/** The reference of all schemes and their options, in Markdown. */
export function uriDocs (readers: Schemes<Reader>, writers: Schemes<Writer>): string {
  return [
    introduction,
    '## Inputs\n',
    ...readers.handlers().map(section),
    '## Outputs\n',
    ...writers.handlers().map(section)
  ].join('\n')
}

function section ({ schemes, summary, examples, params }: Handler<object, unknown>): string {
  const options = Object.entries(params.properties) as Array<[name: string, option: Option]>
  const required: readonly string[] = params.required ?? []
  return [
    `### ${schemes.map(scheme => `\`${scheme}:\``).join(', ')}`,
    '',
    summary,
    '',
    '```',
    ...examples,
    '```',
    '',
    ...options.length === 0 ? ['No options.'] : ['| option | value | default | |', '| --- | --- | --- | --- |'],
    ...options.map(([name, option]) => `| \`${name}\` | ${valueOf(option)} | ${defaultOf(option, required.includes(name))} | ${cell(option.description)} |`),
    ''
  ].join('\n')
}

interface Option {
  readonly type: string
  readonly description: string
  readonly [keyword: string]: unknown
}

function valueOf ({ type, enum: values, minimum, maximum, pattern }: Option): string {
  if (Array.isArray(values)) return values.map(value => `\`${String(value)}\``).join(', ')
  if (type === 'boolean') return '`true`, `false`'
  const what = { integer: 'whole number', number: 'number' }[type] ?? 'text'
  const least = minimum === undefined ? '' : `${maximum === undefined ? 'at least ' : ''}${String(minimum)}`
  const most = maximum === undefined ? '' : `${minimum === undefined ? 'at most' : ' to'} ${String(maximum)}`
  const shape = pattern === undefined ? '' : `\`${cell(String(pattern))}\``
  return [what, `${least}${most}`, shape].filter(part => part !== '').join(', ')
}

function defaultOf ({ default: value }: Option, isRequired: boolean): string {
  if (isRequired) return 'must be given'
  return value === undefined || value === '' ? '' : `\`${String(value)}\``
}

function cell (text: string): string {
  return text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ')
}

import { bold, entry, heading, italic, typed, verbatim } from './roff.js'

/** Lines of vanadium.d(5). */
export function argumentFilesPage (daemons: readonly string[]): string[] {
  return [
    heading('name'), `vanadium.d \\- ${typed('argument files: which instances of vanadium run on a host')}`,
    heading('synopsis'), ...daemons.flatMap((daemon, at) => [...at === 0 ? [] : ['.br'], `/etc/vanadium.d/${daemon}s/${italic('instance')}`]),
    heading('description'),
    typed('Each file defines an instance of a daemon, which is called as the file; the unit is vanadium-DAEMON@INSTANCE.service. The file has the options of the daemon, but for --name, which the unit gives.'),
    '.PP', typed('Left aside are files that editors and package managers leave: those that begin with . or #, or end with ~, .bak, .orig, .disabled, .dpkg-old and the like.'),
    heading('format'),
    typed('One argument a line. A line that begins with an option may have its value after white space; the value goes on to the end of the line. There are no quotes and no backslashes: what stands there is what the daemon gets.'),
    ...entry(bold('#'), 'At the start of a line: a comment.'),
    ...entry(`${bold('@')}${italic('path')}`, 'The arguments in that file, at most eight deep.'),
    '.PP', typed('An option that is given twice is refused if it takes one value. Secrets never stand in argument files, but in files that these name.'),
    heading('examples'),
    ...verbatim([
      '# lines of varnishncsa',
      '--format %q %{recvFrom}s %{seqId}d %t %h %{userAgent}i',
      '--input tcp://127.0.0.1:8432?as=client-side',
      '--output tcp://127.0.0.1:8542?journal=client-side-events&replay=8742&subscribers=all-events',
      '--output tcp://127.0.0.1:8522'
    ]),
    '.PP', 'What is wrong with a file, before it is used:',
    ...verbatim(['vanadium processor --config-check @/etc/vanadium.d/processors/client-side'])
  ]
}

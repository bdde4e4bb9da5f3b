/**
 * The manual page, made of the same rows as `--help`, so that the two cannot disagree. docs/man/ringvol.1.md is its
 * output; a test compares them.
 */
import type { Command } from './command.js'
import { commands } from './commands/index.js'
import { variableOf } from './config.js'
import { optionNames, options, type OptionRow } from './options.js'

const signature = (name: string, row: OptionRow): string => {
  const short = row.alias === undefined ? '' : `\`-${row.alias}\`, `
  const long = row.kind === 'value' || row.kind === 'list' ? `--${name} ${row.argument}` : `--${name}`
  const negated = row.kind === 'flag' && row.configurable !== false ? `, \`--no-${name}\`` : ''
  return `${short}\`${long}\`${negated}`
}

/** Lines of at most 118 columns, each behind `prefix`. */
const fold = (text: string, prefix = ''): string => {
  const lines: string[] = []
  let line = prefix
  for (const word of text.split(' ')) {
    const longer = line === prefix ? `${line}${word}` : `${line} ${word}`
    if (longer.length <= 118 || line === prefix) line = longer
    else {
      lines.push(line)
      line = `${prefix}${word}`
    }
  }
  return [...lines, line].join('\n')
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`

const optionEntry = (name: string, row: OptionRow): string => {
  const fallback = row.kind === 'value' ? (row.fallback ?? row.fallbackText) : undefined
  const parts = [
    sentence(row.describe),
    ...(fallback === undefined ? [] : [`Default: ${fallback}.`]),
    ...(row.detail === undefined ? [] : [row.detail]),
    ...(row.configurable === false ? [] : [`Environment: \`${variableOf(name)}\`.`]),
  ]
  return `${signature(name, row)}\n\n${fold(parts.join(' '), '> ')}\n`
}

const synopsis = (command: Command): string => {
  const words = ['ringvol', command.name, '[OPTION...]', command.positionals, command.rest ? `-- ${command.rest}` : '']
  return words.filter((word) => word !== '').join(' ')
}

const commandEntry = (command: Command): string => {
  const examples = command.examples.map(([line, meaning]) => `    ${line}    # ${meaning}\n`).join('')
  const names = command.options.map((name) => `\`--${name}\``).join(', ')
  return [
    `### ringvol ${command.name}\n`,
    `\`${synopsis(command)}\`\n`,
    `${sentence(command.summary)}\n`,
    ...command.details.map((paragraph) => `${fold(paragraph)}\n`),
    `${fold(`Options: ${names}.`)}\n`,
    examples,
  ].join('\n')
}

const exitStatus = `\
- 0: done
- 1: failed; one line on stderr says what failed, on what, why, and what to do
- 2: wrong usage
- 3: this machine lacks something; \`ringvol doctor\` names it
- 128 + n: ended by signal n
- \`run\` passes on the exit status of its command
`

const files = `\
- \`/run/ringvol/NAME/state.json\`: what the volume is and which process owns it
- \`/run/ringvol/NAME/control\`: socket of the daemon
- \`/run/ringvol/NAME/log\`: what a daemon in the background has to say
- \`/run/ringvol/NAME/mount\`: mountpoint of \`attach\` and \`run\`
`

const environment = `\
\`RINGVOL_RUN\` is used instead of /run/ringvol. \`RINGVOL_DEVICE\` and \`RINGVOL_VOLUME\` are set for the command of
\`run\`. Options have the variables that are named with them; arguments come before them, and they before \`--config\`.
\`RINGVOL_CONFIG\` names a file for \`--config\`. \`RINGVOL_TRACE\`, \`RINGVOL_WITHOUT\` and \`RINGVOL_ADDON\` are for
debugging: docs/debugging.md.
`

/** Markdown; a manual page of section 1. */
export const renderManual = (): string =>
  [
    '# ringvol(1) -- export a file, or your own backend, as a Linux block device\n',
    '## SYNOPSIS\n',
    ...commands.map((command) => `    ${synopsis(command)}`),
    '',
    '## DESCRIPTION\n',
    fold(
      'ringvol mounts a FUSE file system with one file, `volume`, whose blocks come from a source: an image file, a ' +
        'block device, memory, or a module of yours. A loop device over that file is a disk. stdout carries data ' +
        'only; everything else is said on stderr.',
    ),
    '',
    fold(
      'A source is a path, or `file:PATH`, `memory:SIZE`, `null:SIZE`, `module:FILE`. Sizes are written 512, 64K, ' +
        '10G, 1T (powers of 1024).',
    ),
    '',
    '## COMMANDS\n',
    ...commands.map(commandEntry),
    '## OPTIONS\n',
    ...optionNames.map((name) => optionEntry(name, options[name])),
    '## EXIT STATUS\n',
    exitStatus,
    '## ENVIRONMENT\n',
    environment,
    '## FILES\n',
    files,
    '## SEE ALSO\n',
    'losetup(8), mount.fuse3(8), fuse(4), io_uring(7)\n',
  ].join('\n')

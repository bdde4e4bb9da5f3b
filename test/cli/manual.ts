/** The manual page and docs/errors.md say what the program does, because they are compared with it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { commands } from '../../src/cli/commands/index.js'
import { renderManual } from '../../src/cli/manual.js'
import { optionNames } from '../../src/cli/options.js'
import { errorCodes, type ErrorCode } from '../../src/errors.js'

const document = (name: string): string => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url))

t.test('docs/man/ringvol.1.md is what the command and option tables give (TAP_SNAPSHOT=1 writes it)', (t) => {
  const path = document('man/ringvol.1.md')
  if (process.env['TAP_SNAPSHOT'] === '1') writeFileSync(path, renderManual())
  t.equal(readFileSync(path, 'utf8'), renderManual())
  t.end()
})

t.test('the manual has every command and every option', (t) => {
  const manual = renderManual()
  for (const { name } of commands) t.match(manual, new RegExp(`^### ringvol ${name}$`, 'm'), name)
  for (const name of optionNames) t.match(manual, new RegExp(`^.*\`--${name}[ \`].*\n\n> `, 'm'), name)
  t.end()
})

t.test('docs/errors.md has a heading, the exit status, a cause and a cure for every code, and no other', (t) => {
  const sections = readFileSync(document('errors.md'), 'utf8').split(/^## /m).slice(1)
  const byCode = new Map(sections.map((section) => [section.split('\n')[0] ?? '', section]))
  t.strictSame([...byCode.keys()].sort(), Object.keys(errorCodes).sort())
  for (const [code, section] of byCode) {
    t.match(section, new RegExp(`^Exit ${String(errorCodes[code as ErrorCode])}\\. \\S`, 'm'), code)
    // What only a programmer can do wrong is told instead of cured.
    if (code !== 'ERR_CLOSED') t.match(section, /^Cure: \S/m, code)
  }
  t.end()
})

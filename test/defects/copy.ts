/**
 * A copy of the tree to plant a defect in: only what one test file imports, with the types taken out, so that a copy is
 * made in a second.
 */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import type { Defect } from './table.js'

export const root = fileURLToPath(new URL('../..', import.meta.url))

const importsOf = (path: string, text: string): string[] =>
  [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)\.js'/g)].map(([, target = '']) =>
    normalize(join(dirname(path), `${target}.ts`)),
  )

/** Files that `entry` needs, itself included, by their path in the tree. */
const closure = (entry: string): Map<string, string> => {
  const files = new Map<string, string>()
  const queue = [entry]
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (files.has(path) || !existsSync(join(root, path))) continue
    const text = readFileSync(join(root, path), 'utf8')
    files.set(path, text)
    queue.push(...importsOf(path, text))
  }
  return files
}

/** Throws when the text is not there exactly once: then the row of the table is out of date. */
export const plant = (text: string, { name, file, before, after }: Omit<Defect, 'caughtBy' | 'cost'>): string => {
  const places = text.split(before).length - 1
  if (places === 1) return text.replace(before, () => after)
  throw new Error(`'${name}' can no longer be planted: its text stands in ${file} ${String(places)} times, not once`)
}

/** Writes what `entry` imports to `directory`, as JavaScript, with the defect if there is one. */
export const copyFor = (entry: string, directory: string, defect?: Defect): void => {
  const files = closure(entry)
  if (defect !== undefined && !files.has(defect.file)) throw new Error(`${entry} does not use ${defect.file}`)
  write(files, directory, defect)
  symlinkSync(join(root, 'build'), join(directory, 'build'))
}

/** Takes down what a test leaves that ended with its first failure. */
export const sweeper = 'test/support/sweep-abandoned.ts'

/** The same for a test that drives the built program: with what it was built from, and an addon built here. */
export const copyAndBuild = async (entry: string, directory: string, defect?: Defect): Promise<void> => {
  write(new Map([...closure(entry), ...closure(sweeper)]), directory)
  for (const path of ['dist', 'build', 'native', 'scripts', 'binding.gyp']) {
    cpSync(join(root, path), join(directory, path), { recursive: true, preserveTimestamps: true })
  }
  if (defect !== undefined) {
    const target = join(directory, defect.file)
    writeFileSync(target, plant(readFileSync(target, 'utf8'), defect))
  }
  const { code, output } = await run(['scripts/build-addon.sh'], { cwd: directory, deadline: 600_000 })
  if (code !== 0) throw new Error(`the addon does not build in a copy: ${output.slice(-2000)}`)
}

const write = (files: ReadonlyMap<string, string>, directory: string, defect?: Defect): void => {
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true }
  for (const [path, text] of files) {
    const source = defect?.file === path ? plant(text, defect) : text
    const target = join(directory, path.replace(/\.ts$/, '.js'))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, ts.transpileModule(source, { fileName: path, compilerOptions }).outputText)
  }
  cpSync(join(root, 'package.json'), join(directory, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
}

export interface Run {
  readonly code: number | null
  readonly output: string
}

/** Runs a program to its end or to the deadline, in milliseconds, after which its whole group is killed. */
export const run = (
  command: readonly string[],
  { cwd, environment = {}, deadline }: { cwd: string; environment?: NodeJS.ProcessEnv; deadline: number },
): Promise<Run> =>
  new Promise((resolve, reject) => {
    const [program = '', ...args] = command
    const env = { ...process.env, ...environment }
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
    const timer = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    }, deadline)
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ code, output: Buffer.concat(chunks).toString() })
    })
  })

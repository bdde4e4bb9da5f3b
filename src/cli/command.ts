/**
 * A command as data: what help, manual, completion and the parser need to know of it, and the function that does it.
 */
import type { Logger } from '../log.js'
import type { Given, OptionName, Settings } from './options.js'

export interface CommandContext {
  readonly settings: Settings
  readonly given: Given
  /** Positional arguments by name; a repeated one (`target..`) has all of its values. */
  readonly positionals: Readonly<Record<string, readonly string[]>>
  /** What stands behind `--`. */
  readonly rest: readonly string[]
  readonly logger: Logger
  /** Data, to stdout. */
  readonly print: (text: string) => void
  /** An error that does not end the command, as one line on stderr. */
  readonly report: (error: unknown) => void
  readonly environment: NodeJS.ProcessEnv
}

export interface Command {
  readonly name: string
  /** As yargs reads it: `<one>`, `[maybe]`, `[many..]`. */
  readonly positionals: string
  /** What stands behind `--`, for help; absent if nothing may. */
  readonly rest?: string
  readonly summary: string
  /** Paragraphs for the manual. */
  readonly details: readonly string[]
  readonly arguments: Readonly<Record<string, string>>
  readonly options: readonly OptionName[]
  readonly examples: readonly (readonly [command: string, meaning: string])[]
  /** Resolves to the exit status. */
  readonly run: (context: CommandContext) => Promise<number>
}

/** The first value of a positional argument that the parser has made sure of. */
export const argument = ({ positionals }: CommandContext, name: string): string => positionals[name]?.[0] ?? ''

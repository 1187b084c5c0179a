/** A line of code with the place in it marked, and mistakes of a configuration that have one. */
import type { Place, Problem } from '../model/failure.ts';
import { placeLine } from './words.ts';

/** As much of a line as is shown: some terminals are no wider. */
const WIDTH = 100;

/** Where it is, the line itself, and a mark below the column. */
export function frameLines(at: Place): string[] {
  const { line, column, source } = at;
  const place = `at ${placeLine(at)}`;
  if (source === undefined) return [place];
  const number = String(line);
  const whole = source.trimEnd();
  const indent = whole.length - whole.trimStart().length;
  const from = column !== undefined && column - indent > WIDTH ? column - WIDTH / 2 : indent;
  const shown = `  ${number} | ${whole.slice(from, from + WIDTH)}`;
  if (column === undefined || column <= from) return [place, shown];
  return [place, shown, `  ${' '.repeat(number.length)} | ${' '.repeat(column - 1 - from)}^`];
}

/** What is wrong, what would be right, and where it stands. */
export function problemLines({ path, message, near, known, hint, given, at }: Problem): string[] {
  const what = given === undefined ? path : `--set ${given}`;
  return [
    `${what}: ${message}${near ? `; did you mean "${near}"?` : ''}`,
    ...(known && known.length > 0 ? [`  known: ${known.join(', ')}`] : []),
    ...(hint ? [`  write: ${hint}`] : []),
    ...(at ? frameLines(at).map((line) => `  ${line}`) : []),
  ];
}

/** What the command line got wrong alone is no mistake of the file. */
export function blameOf(file: string, problems: readonly Problem[]): string {
  return problems.every(({ given }) => given !== undefined) ? 'the options of the command' : file;
}

/** What was thrown, with its place. */
export function thrownLines(message: string, at: Place | undefined): string[] {
  return [...message.split('\n'), ...(at ? frameLines(at) : [])];
}

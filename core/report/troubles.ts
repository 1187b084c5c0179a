/** Why bytes could not be had, and the end of what a command said. */
import type { Attempt, Failure, Trouble } from '../model/failure.ts';
import { counted } from './words.ts';

/** Lines of a command's error output that are shown; the log has all of them. */
const SHOWN = 12;

/** An address, and below it why it would not do. */
export function attemptLines({ url, trouble }: Attempt): string[] {
  return [url, ...troubleLines(trouble).map((line) => `  ${line}`)];
}

/** Why an address would not do; the first line stands for itself. */
export function troubleLines(trouble: Trouble): string[] {
  return TROUBLES[trouble.kind](trouble as never); // the table is typed by kind
}

const TROUBLES: { readonly [K in Trouble['kind']]: (trouble: Extract<Trouble, { kind: K }>) => string[] } = {
  corrupt: ({ expected, found }) => ['its bytes are others', `expected ${expected}`, `found    ${found}`],
  truncated: ({ expected, found }) => [`it ended after ${found} of ${expected} bytes`],
  'web-page': () => ['it sent a web page where a file was expected, as portals and pages to log in do'],
  'too-large': ({ limit }) => [`it sent more than ${limit} bytes`],
  idle: ({ seconds }) => [`nothing arrived for ${seconds} s`],
  refused: ({ status, text }) => [`the server answered ${status} ${text}`.trim()],
  broken: ({ why }) => lastLines(why),
};

/** With a mark before each, so that no line of a command passes for one of cc. */
export function lastLines(text: string, mark = ''): string[] {
  const lines = text
    .trimEnd()
    .split('\n')
    .filter((line) => line.trim() !== '');
  const hidden = lines.length - SHOWN;
  const shown = lines.slice(-SHOWN).map((line) => mark + line);
  return hidden > 0 ? [`… ${counted(hidden, 'line')} before, in the log`, ...shown] : shown;
}

/** Who says what the bytes of an artifact are. */
export const VOUCHERS: { readonly [B in Extract<Failure, { kind: 'digest-mismatch' }>['by']]: string } = {
  'cc.lock': 'cc.lock names',
  archive: "the archive's signed index names",
  sums: 'its makers publish sums of',
};

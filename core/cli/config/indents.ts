/** Finds a value by its path in YAML, by lines and indents; what stands in brackets is found as in JSON. */
import { type Found, foundIn } from './tokens.ts';

interface Line {
  /** Of its first character that is no white space. */
  readonly indent: number;
  readonly text: string;
  /** Where that character stands in the source. */
  readonly at: number;
}

export function foundInYaml(source: string, path: readonly string[]): Found | undefined {
  return found(linesOf(source), path, { key: 0, value: 0, depth: 0 }, source);
}

function linesOf(source: string): readonly Line[] {
  let at = 0;
  const lines: Line[] = [];
  for (const whole of source.split('\n')) {
    const text = whole.trimStart();
    const indent = whole.length - text.length;
    if (text !== '' && !/^(#|---|%)/.test(text)) lines.push({ indent, text, at: at + indent });
    at += whole.length + 1;
  }
  return lines;
}

/** `lines` are those of the value at hand. */
function found(
  lines: readonly Line[],
  path: readonly string[],
  above: Found,
  source: string,
): Found | undefined {
  const [name, ...rest] = path;
  if (name === undefined) return above;
  const indent = Math.min(...lines.map((line) => line.indent));
  const own = lines.filter((line) => line.indent === indent);
  const isList = /^-(\s|$)/.test(own[0]?.text ?? '');
  const matches = isList
    ? own
        .filter(({ text }) => text.startsWith('-'))
        .slice(Number(name))
        .slice(0, 1)
    : own.filter(({ text }) => keyOf(text) === name);
  const [match] = matches;
  if (!match || matches.length > 1) return { ...above, value: above.key };
  const head = isList ? /^-\s*/.exec(match.text)![0] : /^.*?:\s*/.exec(match.text)![0]; // as just matched
  const value = match.at + head.length;
  const next = { key: isList ? value : match.at, value, depth: above.depth + 1 };
  const text = match.text.slice(head.length);
  if (/^[[{]/.test(text)) return inBrackets(source, next, rest);
  const start = lines.indexOf(match);
  const end = lines.findIndex(
    (line, index) => index > start && line.indent <= indent && !isItem(line, match, isList),
  );
  const below = lines.slice(start + 1, end < 0 ? lines.length : end);
  const first = isList && text !== '' ? [{ indent: indent + head.length, text, at: value }] : [];
  const inside = [...first, ...below];
  if (rest.length === 0 || inside.length === 0)
    return rest.length === 0 ? next : { ...next, value: next.key };
  return found(inside, rest, next, source);
}

/** The items of a list may stand below the column of its name. */
function isItem(line: Line, match: Line, isList: boolean): boolean {
  return !isList && line.indent === match.indent && line.text.startsWith('-');
}

function inBrackets(source: string, next: Found, rest: readonly string[]): Found | undefined {
  const inner = foundIn(source.slice(next.value), rest);
  if (!inner || rest.length === 0) return next;
  return { key: next.value + inner.key, value: next.value + inner.value, depth: next.depth + inner.depth };
}

function keyOf(text: string): string | undefined {
  const [, , quoted, plain] = /^(?:(["'])(.*?)\1|([^\s:]+))\s*:(?:\s|$)/.exec(text) ?? [];
  return quoted ?? plain;
}

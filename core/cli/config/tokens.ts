/** Finds a value by its path in TypeScript, JavaScript or JSON, by words and brackets alone: a parser would be another package. */

interface Token {
  readonly kind: 'word' | 'text' | 'sign';
  /** Of a text what stands between its quotes. */
  readonly text: string;
  /** Where it begins in the source. */
  readonly at: number;
}

type Tokens = readonly Token[];

/** Where something stands, as offsets: the name of it, and its value. */
export interface Found {
  readonly key: number;
  readonly value: number;
  /** How much of the path was found; what is missing has no place of its own. */
  readonly depth: number;
}

const PATTERN =
  /(?<skip>\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<text>"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'|`(?:[^`\\]|\\[\s\S])*`)|(?<word>[\w$#][\w$#.-]*)|(?<sign>=>|\.\.\.|[\s\S])/gy;

function tokensOf(source: string): Tokens {
  return [...source.matchAll(PATTERN)].flatMap(({ groups = {}, index: at }): Tokens => {
    const { text, word, sign } = groups;
    if (text !== undefined) return [{ kind: 'text', text: text.slice(1, -1), at }];
    if (word !== undefined) return [{ kind: 'word', text: word, at }];
    return sign === undefined ? [] : [{ kind: 'sign', text: sign, at }];
  });
}

/** The value at a path below what a module exports, or below the whole of JSON; undefined where that is not certain. */
export function foundIn(source: string, path: readonly string[]): Found | undefined {
  const tokens = tokensOf(source);
  let entry: Entry = { key: rootOf(tokens), value: rootOf(tokens) };
  for (const [depth, name] of path.entries()) {
    const next = childOf(tokens, entry.value, name);
    if (next === 'missing') return placeOf(tokens, { key: entry.key, value: entry.key }, depth);
    if (next === 'uncertain') return undefined;
    entry = next;
  }
  return placeOf(tokens, entry, path.length);
}

/** Where a module waits at its top level. */
export function awaitsIn(source: string): readonly number[] {
  let depth = 0;
  return tokensOf(source).flatMap((token) => {
    if (isOpen(token)) depth += 1;
    if (isClosed(token)) depth -= 1;
    return depth === 0 && isWord(token, 'await') ? [token.at] : [];
  });
}

/** What a module names to import, but for what it computes. */
export function importsIn(source: string): readonly string[] {
  const tokens = tokensOf(source);
  return tokens.flatMap((token, index) => {
    const before = tokens[isSign(tokens[index - 1], '(') ? index - 2 : index - 1];
    const isNamed = before?.kind === 'word' && /^(from|import)$/.test(before.text);
    return token.kind === 'text' && isNamed ? [token.text] : [];
  });
}

function placeOf(tokens: Tokens, { key, value }: Entry, depth: number): Found | undefined {
  const [name, content] = [tokens[key], tokens[value]];
  return name && content && { key: name.at, value: content.at, depth };
}

/** What comes after `export default`, or the first bracket of data. */
function rootOf(tokens: Tokens): number {
  const exported = tokens.findIndex(
    (token, index) => isWord(token, 'default') && isWord(tokens[index - 1], 'export'),
  );
  return exported >= 0 ? exported + 1 : isOpen(tokens[0]) ? 0 : -1;
}

function childOf(tokens: Tokens, value: number, name: string): Entry | 'missing' | 'uncertain' {
  const start = bracketOf(tokens, value);
  if (start === undefined) return 'uncertain';
  const starts = startsIn(tokens, start);
  const isSpread = (index: number) => isSign(tokens[index], '...') || isSign(tokens[index], '[');
  if (isSign(tokens[start], '[')) {
    const at = starts.slice(0, Number(name) + 1);
    // What is spread into a list has any length.
    if (at.some((index) => isSign(tokens[index], '...'))) return 'uncertain';
    const index = at[Number(name)];
    return index === undefined ? 'missing' : { key: index, value: index };
  }
  // The last one counts, unless something that is spread or computed comes after it.
  const key = starts.findLast((index) => isSpread(index) || tokens[index]?.text === name);
  if (key === undefined) return 'missing';
  if (isSpread(key)) return 'uncertain';
  return { key, value: isSign(tokens[key + 1], ':') ? key + 2 : key };
}

/** The bracket that a value is, or is given: that of `recipe({`, or of the constant that a name stands for. */
function bracketOf(tokens: Tokens, value: number, followed = 0): number | undefined {
  const token = tokens[value];
  if (isSign(token, '{') || isSign(token, '[')) return value;
  if (isSign(token, '(')) return bracketOf(tokens, value + 1, followed);
  if (token?.kind !== 'word' || followed > tokens.length) return undefined;
  if (isSign(tokens[value + 1], '(')) return bracketOf(tokens, value + 2, followed + 1);
  const declared = tokens.flatMap((each, index) =>
    isWord(each, token.text) && isWord(tokens[index - 1], 'const') ? [index] : [],
  );
  const [name] = declared;
  if (name === undefined || declared.length > 1) return undefined;
  const equals = tokens.findIndex((each, index) => index > name && isSign(each, '='));
  return equals < 0 ? undefined : bracketOf(tokens, equals + 1, followed + 1);
}

/** The name and the value of an entry, as tokens. */
interface Entry {
  readonly key: number;
  readonly value: number;
}

/** The first token of each part between the commas of a bracket. */
function startsIn(tokens: Tokens, start: number): readonly number[] {
  const starts: number[] = [];
  let depth = 0;
  for (let index = start; index < tokens.length; index++) {
    const token = tokens[index];
    const isFirst = depth === 1 && (index === start + 1 || isSign(tokens[index - 1], ','));
    if (isFirst && !isClosed(token)) starts.push(index);
    if (isOpen(token)) depth += 1;
    if (isClosed(token)) depth -= 1;
    if (depth === 0) break;
  }
  return starts;
}

function isSign(token: Token | undefined, text: string): boolean {
  return token?.kind === 'sign' && token.text === text;
}

function isWord(token: Token | undefined, text: string): boolean {
  return token?.kind === 'word' && token.text === text;
}

function isOpen(token: Token | undefined): boolean {
  return token?.kind === 'sign' && '([{'.includes(token.text);
}

function isClosed(token: Token | undefined): boolean {
  return token?.kind === 'sign' && ')]}'.includes(token.text);
}

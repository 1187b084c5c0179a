/**
 * What was revealed in this process, taken out of whatever leaves it. The values are of the process, not of a run: nothing
 * that prints or keeps a text has to be handed them, and nothing can forget to.
 */
import type { Json } from './json.ts';

/** Shorter ones stand in other texts by chance. */
export const SHORTEST = 6;

/** The forms in which values may turn up, with what to show instead. */
const forms = new Map<string, string>();
let pattern: RegExp | undefined;
let longest = 0;

/** From here on a value is shown as this label wherever it stands, also encoded as programs often do. */
export function conceal(label: string, value: string): void {
  for (const form of formsOf(value))
    if (form.length >= SHORTEST && !forms.has(form)) forms.set(form, `<${label}>`);
  const sorted = [...forms.keys()].toSorted((a, b) => b.length - a.length);
  longest = sorted[0]?.length ?? 0;
  pattern = new RegExp(sorted.map((form) => form.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g');
}

/** Programs print what they were given line by line, in JSON, quoted for a shell, in addresses, and in headers of HTTP. */
function formsOf(value: string): readonly string[] {
  const lines = value.split(/\r?\n/).filter((line) => !/^-----[A-Z ]+-----$/.test(line));
  return [...new Set([value, ...lines])].flatMap((text) => {
    const url = encodeURIComponent(text);
    const json = JSON.stringify(text).slice(1, -1);
    return [
      text,
      json,
      JSON.stringify(json).slice(1, -1),
      text.replaceAll("'", `'\\''`),
      url,
      url.replaceAll('%20', '+'),
      url.replaceAll(/%../g, (sign) => sign.toLowerCase()),
      Buffer.from(text).toString('hex'),
      ...base64Of(text),
    ];
  });
}

/** Within a longer text three ways, by where it begins; digits that depend on what stands beside it are left out. */
function base64Of(text: string): readonly string[] {
  const whole = Buffer.from(text).toString('base64');
  const within = [0, 1, 2].map((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(text)]);
    const from = Math.ceil((before * 8) / 6);
    return bytes.toString('base64').slice(from, Math.floor((bytes.length * 8) / 6));
  });
  return [whole, ...within].flatMap((each) => [each, each.replaceAll('+', '-').replaceAll('/', '_')]);
}

/** A text without what was revealed. */
export function masked(text: string): string {
  return pattern ? text.replace(pattern, (form) => forms.get(form)!) : text; // the pattern is made of these
}

/** The same for all texts in data, also its keys. */
export function maskedData<Data>(data: Data): Data {
  return (pattern ? maskedIn(data as Json) : data) as Data; // texts stay texts, and all else stays as it is
}

function maskedIn(data: Json): Json {
  if (typeof data === 'string') return masked(data);
  if (typeof data !== 'object' || data === null) return data;
  if (Array.isArray(data)) return data.map(maskedIn);
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [
      masked(key),
      value === undefined ? undefined : maskedIn(value),
    ]),
  );
}

export interface Masking {
  /** What can be told of the text so far: what may yet become a value is held back. */
  add(piece: string): string;
  /** The rest, when nothing more comes. */
  end(): string;
}

/** A text that comes in pieces, whose borders may lie within a value. */
export function masking(): Masking {
  let held = '';
  return {
    add: (piece) => {
      const text = held + piece;
      const end = pattern ? decided(text, pattern) : text.length;
      held = text.slice(end);
      return masked(text.slice(0, end));
    },
    end: () => {
      const rest = masked(held);
      held = '';
      return rest;
    },
  };
}

/** What a program says on its two streams, without secrets, for one log. */
export function maskedOutput(log: (text: string) => void) {
  const streams = { stdout: masking(), stderr: masking() };
  const tell = (text: string) => {
    if (text !== '') log(text);
  };
  return {
    add: (text: string, stream: 'stdout' | 'stderr') => tell(streams[stream].add(text)),
    end: () => {
      for (const stream of Object.values(streams)) tell(stream.end());
    },
  };
}

/** How much of a text reads the same whatever follows. */
function decided(text: string, pattern: RegExp): number {
  const matches = [...text.matchAll(pattern)].map((match) => ({
    from: match.index,
    to: match.index + match[0].length,
  }));
  for (let at = Math.max(0, text.length - longest + 1); at < text.length; at += 1) {
    const rest = text.slice(at);
    if (![...forms.keys()].some((form) => form.length > rest.length && form.startsWith(rest))) continue;
    // A value that is whole and begins before counts; what begins within it does not.
    const over = matches.find(({ from, to }) => from < at && at < to);
    if (!over) return at;
  }
  return text.length;
}

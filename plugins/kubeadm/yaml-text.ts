/** Data as YAML that people can read: blocks, and quotes where a word might be taken for something else. */
import type { Json } from '../../core/mod.ts';

export function yamlOf(value: Json): string {
  return `${blockOf(value).join('\n')}\n`;
}

/** A value as lines; what is below a key or a dash is indented by who puts it there. */
function blockOf(value: Json): readonly string[] {
  if (isList(value) && value.length > 0)
    return value.flatMap((each) => {
      const [first = '', ...rest] = blockOf(each);
      return [`- ${first}`, ...rest.map((line) => `  ${line}`)];
    });
  const entries = typeof value === 'object' && value !== null && !isList(value) ? Object.entries(value) : [];
  if (entries.length === 0) return [scalarOf(value)];
  return entries.flatMap(([key, each]) => entryOf(scalarOf(key), each ?? null));
}

function entryOf(key: string, value: Json): readonly string[] {
  const lines = blockOf(value);
  const isBlock = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  if (!isBlock) return [`${key}: ${lines[0]}`];
  return [`${key}:`, ...lines.map((line) => (isList(value) ? line : `  ${line}`))];
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** Begins as no number does, and ends in no colon. */
const PLAIN = /^[A-Za-z/][\w./:@+=-]*(?<!:)$/;
/** What YAML 1.1 takes for something else than text. */
const WORD = /^(y|n|yes|no|true|false|on|off|null)$/i;

/** A text in quotes is JSON, which is YAML. */
function scalarOf(value: Json): string {
  return typeof value === 'string' && PLAIN.test(value) && !WORD.test(value) ? value : JSON.stringify(value);
}

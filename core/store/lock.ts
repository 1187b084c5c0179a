/** `cc.lock`: what artifacts must be, by name; read here, never written by a run. */
import { readFileSync } from 'node:fs';
import { asDigest, type Digest } from '../model/digest.ts';
import { codeOf, fail } from '../model/failure.ts';

export type Lock = ReadonlyMap<string, Digest>;

/**
 * Reads `{ "artifacts": { "<name>": { "sha256": "<hex>" } } }`; no file is an empty lock.
 * Fails with `lock-unreadable` rather than run without what it says.
 */
export function readLock(file: string): Lock {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return new Map();
    return fail({ kind: 'lock-unreadable', file, why: String(error) }, error);
  }
  return parsed(file, text);
}

function parsed(file: string, text: string): Lock {
  const unreadable = (why: string): never => fail({ kind: 'lock-unreadable', file, why });
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    return unreadable(String(error));
  }
  const artifacts = field(data, 'artifacts');
  if (typeof artifacts !== 'object' || artifacts === null || Array.isArray(artifacts)) {
    return unreadable('it has no "artifacts" by name');
  }
  return new Map(
    Object.entries(artifacts).map(([name, entry]) => {
      const digest = asDigest(String(field(entry, 'sha256') ?? ''));
      return [name, digest ?? unreadable(`"${name}" has no valid "sha256"`)];
    }),
  );
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

/** One thing to do to one host, as data, with the reason for it: what plans, journals, logs and tests print. */
import { type Artifact, artifact, origin } from './artifact.ts';
import { artifactsOf, type Command, command, open, secretWord, titled } from './command.ts';
import { sameData } from './digest.ts';
import { callable, choice, count, list, number, optional, plain, type Reader, variant } from './foreign.ts';
import type { Json } from './json.ts';
import { isSecret, type Secret, sealable, secretsIn, type Text } from './secret.ts';
import type { Script } from './shell.ts';
import type { UnitName } from './view.ts';

export type Change = { readonly why: string } & (
  | { readonly kind: 'run'; readonly command: Command }
  /** A text with secrets in it goes to a file that others cannot read. */
  | { readonly kind: 'write'; readonly path: string; readonly text: Text; readonly mode: number }
  /** An owner is `user` or `user:group`; what is not given stays as it is. */
  | { readonly kind: 'folder'; readonly path: string; readonly mode?: number; readonly owner?: string }
  | { readonly kind: 'place'; readonly path: string; readonly artifact: Artifact; readonly mode: number }
  /** Unpacks an archive into a folder that it replaces as a whole; `strip` leading path parts are dropped. */
  | {
      readonly kind: 'unpack';
      readonly path: string;
      readonly artifact: Artifact;
      readonly strip: number;
      /** What it may unpack to, in bytes, where it may be more than any other. */
      readonly sizeLimit?: number;
      /** Entries, by their path below `path`, that may be setuid, setgid or writable by everybody; others may not. */
      readonly unsafe?: readonly string[];
    }
  | { readonly kind: 'fetch'; readonly artifact: Artifact }
  /** Removes a file or folder, and puts back what cc replaced there. */
  | {
      readonly kind: 'remove';
      readonly path: string;
      /** It was made for what others put there: it goes with all that is in it only when everything is taken back. */
      readonly folder?: true;
    }
  | { readonly kind: 'unit'; readonly unit: UnitName; readonly state: 'started' | 'restarted' | 'stopped' }
  | { readonly kind: 'packages'; readonly names: readonly string[] }
  | { readonly kind: 'script'; readonly title: string; readonly script: Script }
);

/**
 * What takes something back, in a form that can be kept and done by whoever reads it later: a change that is data as a
 * whole, or the title of what only code of its plugin can do.
 */
export type Kept =
  | Extract<Change, { kind: 'run' | 'write' | 'folder' | 'remove' | 'unit' | 'packages' }>
  | { readonly kind: 'by-plugin'; readonly title: string; readonly why: string };

/** A change as a stamp keeps it: without what only code, the store or whoever has a secret can give. */
export function kept(change: Change): Kept {
  const { why } = change;
  const data = change.kind !== 'script' && change.kind !== 'fetch' && artifactsOfChange(change).length === 0;
  if (!data || secretsOfChange(change).length > 0) return { kind: 'by-plugin', title: describe(change), why };
  return change as Kept; // every kind that is left is data
}

/** Whether a change can be done from what a stamp keeps of it. */
export function isTold(change: Kept): change is Told {
  return change.kind !== 'by-plugin';
}

export type ByPlugin = Extract<Kept, { kind: 'by-plugin' }>;
export type Told = Exclude<Kept, ByPlugin>;

/** Whether a look shows that it was done; of others it is known that they ended well. */
export function isSeen({ kind }: Kept): boolean {
  return kind === 'remove' || kind === 'unit';
}

/** Whether two changes do the same, for whatever reason. */
export function isSame(a: Kept, b: Kept): boolean {
  return sameData(dataOf(a), dataOf(b));
}

export function titleOf(change: Kept): string {
  return isTold(change) ? describe(change) : change.title;
}

const dataOf = ({ why: _, ...what }: Kept): Json => what as unknown as Json; // a kept change is data

/** What takes back what these changes do, as far as they alone tell: files go, units stop. */
export function takingBack(changes: readonly Change[]): readonly Kept[] {
  return changes.flatMap((change): Kept[] => {
    const why = 'an interrupted task may have made it';
    if (change.kind === 'unit')
      return change.state === 'stopped' ? [] : [{ kind: 'unit', unit: change.unit, state: 'stopped', why }];
    const folder = change.kind === 'folder' ? ({ folder: true } as const) : {};
    return isPlacing(change) ? [{ kind: 'remove', path: change.path, ...folder, why }] : [];
  });
}

type Placing = Extract<Change, { kind: 'write' | 'folder' | 'place' | 'unpack' }>;

function isPlacing(change: Change): change is Placing {
  return ['write', 'folder', 'place', 'unpack'].includes(change.kind);
}

/** What a change does, in the words of a plan. */
export function describe(change: Change): string {
  return DESCRIBED[change.kind](change as never); // the table is typed by kind, so the pair always fits
}

const DESCRIBED: { readonly [K in Change['kind']]: (change: Extract<Change, { kind: K }>) => string } = {
  run: (change) => `run ${titled(change.command)}`,
  write: (change) => `write ${change.path}`,
  folder: (change) => `make the folder ${change.path}`,
  place: (change) => `place ${change.artifact.name} at ${change.path}`,
  unpack: (change) => `unpack ${change.artifact.name} into ${change.path}`,
  fetch: (change) => `fetch ${change.artifact.name} from ${origin(change.artifact)}`,
  remove: (change) => `remove ${change.path}`,
  unit: (change) => `have ${change.unit} ${change.state}`,
  packages: (change) => `install ${change.names.join(' ')}`,
  script: (change) => change.title,
};

const mode = number('a mode, as 0o644', (value) => Number.isInteger(value) && value >= 0 && value <= 0o7777);
const texts = list('a list of texts', open);
const path: Reader<string> = (value, at) => (isSecret(value) ? open(value, at) : absolute(value, at));
/** No system takes longer ones. */
const absolute = plain(
  'an absolute path',
  (value): value is string => typeof value === 'string' && value.startsWith('/') && value.length <= 4096,
);
const target = { why: open, path } as const;

/** Reads a change that anybody may have made. */
export const change: Reader<Change> = variant<Change>('a change', {
  run: { why: open, command },
  write: { ...target, text: sealable, mode },
  folder: { ...target, mode: optional(mode), owner: optional(open) },
  place: { ...target, artifact, mode },
  unpack: { ...target, artifact, strip: count, sizeLimit: optional(count), unsafe: optional(texts) },
  fetch: { why: open, artifact },
  remove: { ...target, folder: optional(choice(true)) },
  unit: { why: open, unit: open as Reader<UnitName>, state: choice('started', 'restarted', 'stopped') }, // systemd knows which there are
  packages: { why: open, names: texts },
  script: { why: open, title: open, script: callable },
});

/** The artifacts whose bytes a change needs in the store before it is performed. */
export function artifactsOfChange(change: Change): readonly Artifact[] {
  if (change.kind === 'run') return artifactsOf(change.command);
  return change.kind === 'place' || change.kind === 'unpack' ? [change.artifact] : [];
}

/** The secrets that are read before a change is performed. */
export function secretsOfChange(change: Change): readonly Secret[] {
  if (change.kind === 'run') return secretsIn([change.command.env, change.command.input]);
  return change.kind === 'write' ? secretsIn(change.text) : [];
}

/** What everybody on the host may do with a file. */
const OTHERS = 0o007;

/** Why the secrets of a change would not stay secret; undefined when they do. */
export function secretFault(change: Change): string | undefined {
  const [word] = change.kind === 'run' ? secretsIn(change.command.argv) : [];
  if (word) return secretWord(String(word));
  const [told] = change.kind === 'script' ? [] : secretsIn(change);
  if (!told) return undefined;
  if (secretsOfChange(change).length < secretsIn(change).length)
    return `the secret ${told} stands where cc shows what it does: hand it over by env, input or the text of a file`;
  if (change.kind === 'write' && (change.mode & OTHERS) !== 0) return readableFault(told, change.path);
  return undefined;
}

/** What is said of a secret in a file that others may read. */
export function readableFault(secret: Secret, path: string): string {
  return `${path} holds the secret ${secret}, so its mode must give others nothing, as 0600 does`;
}

/** A change as JSON, for events and `--json`. */
export function changeData(change: Change): Json {
  return { kind: change.kind, what: describe(change), why: change.why };
}

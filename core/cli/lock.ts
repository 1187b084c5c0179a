/** `cc lock`: writes down what the recipe's releases are, and refuses what changed behind an address. */
import { renameSync, writeFileSync } from 'node:fs';
import { nearest } from '../graph/near.ts';
import { type Source, sumsOf } from '../model/artifact.ts';
import { Failed, fail, type LockChange, unwritten } from '../model/failure.ts';
import { textOf } from '../report/visible.ts';
import { openStore, type Store } from '../store/bytes.ts';
import type { Fetching } from '../store/download.ts';
import {
  type Entries,
  type Entry,
  isDoubtful,
  LOCKED_FOR,
  type Lock,
  type Locked,
  type LockedFor,
  lockedIn,
  lockText,
  readEntries,
  readLocks,
  strengthOf,
} from '../store/lock.ts';
import { publishedSum, resolved, type Wish } from '../store/resolve.ts';
import { type Options, usage } from './args.ts';
import { forEach, reporterOf } from './fetching.ts';
import { type CliContext, openProject, type Project } from './project.ts';

/** The lock files that count, the configuration's own last. */
type Locks = { readonly [A in LockedFor]: readonly Lock[] };

/** What is known of a wish before anything is asked. */
interface Item extends Wish {
  readonly asked: boolean;
  readonly known: Locked | undefined;
}

interface Result extends Item {
  /** Undefined: it was not asked for, and is not locked. */
  readonly found: Locked | undefined;
}

export async function lock(names: readonly string[], options: Options, cli: CliContext): Promise<number> {
  if (options.accept && names.length === 0)
    usage('Cannot accept every change at once: name the artifacts', 'lock');
  const { project, wishes } = await wishesOf(options, cli);
  const unknown = names.find((name) => !wishes.some((wish) => wish.name === name));
  if (unknown !== undefined) {
    const near = nearest(
      unknown,
      wishes.map(({ name }) => name),
    );
    fail({ kind: 'unknown-name', what: 'artifact', name: unknown, ...(near ? { near } : {}) });
  }
  const file = project.locks.at(-1)!; // the configuration's own comes last
  const own = readEntries(file);
  const locks = Object.fromEntries(LOCKED_FOR.map((arch) => [arch, readLocks(project.locks, arch)])) as Locks;
  const items = wishes.map((wish) => {
    const known = lockedIn(locks[wish.arch], wish.name, wish.url);
    return { ...wish, asked: names.includes(wish.name), known: known?.url === wish.url ? known : undefined };
  });
  await agreed(
    items.filter(({ known, sums, asked }) => !known && !sums && (asked || names.length === 0)),
    options,
    cli,
  );
  const results = await resolvedAll(items, names.length === 0, project, cli);
  const refused = results.flatMap((item) => (options.accept && item.asked ? [] : changeOf(item)));
  if (refused.length > 0) fail({ kind: 'lock-changed', file, changes: refused });
  const next = entriesOf(results, locks, own);
  report(own, next, file, { doubts: doubtsIn(results), options, cli });
  return 0;
}

/** The releases of the recipe, for each processor that they are used on, and the images that it names by tag. */
export async function wishesOf(
  options: Options,
  cli: CliContext,
): Promise<{ project: Project; wishes: readonly Wish[] }> {
  const project = await openProject(options, cli);
  const wishes = new Map<string, Wish>();
  for (const { step, arch } of project.tasks) {
    for (const { name, source } of step.artifacts ?? [])
      if (source.kind === 'url')
        wishes.set(`${name} ${arch}`, { name, arch, url: source.url, ...said(source) });
  }
  for (const [name, url] of project.manifests) wishes.set(name, { name, arch: 'any', url, image: true });
  return { project, wishes: [...wishes.values()].toSorted((a, b) => (labelOf(a) < labelOf(b) ? -1 : 1)) };
}

/** What makers say of a release. */
function said(source: Extract<Source, { kind: 'url' }>): Pick<Wish, 'sums' | 'sigstore'> {
  const { sigstore } = source;
  const sums = sumsOf(source);
  return { ...(sums ? { sums } : {}), ...(sigstore ? { sigstore } : {}) };
}

/** Bytes that nobody vouches for are trusted because somebody says so, once for all of them. */
async function agreed(items: readonly Item[], options: Options, { ask }: CliContext): Promise<void> {
  if (items.length === 0 || options.firstUse) return;
  const list = items.map((item) => `  ${labelOf(item)}: ${item.url}`).join('\n');
  const yes = await ask(`Nobody publishes a digest of these:\n${list}\nTrust what arrives now? [y/N] `);
  if (!yes) fail({ kind: 'first-use', artifacts: items.map(({ name, url }) => ({ name, url })) });
}

async function resolvedAll(
  items: readonly Item[],
  everything: boolean,
  project: Project,
  cli: CliContext,
): Promise<readonly Result[]> {
  const store = openStore(project.paths, []);
  const stop = new AbortController();
  cli.onStop((signal) => stop.abort(new Failed({ kind: 'interrupted', signal })));
  const results: Result[] = [];
  await forEach(items, stop, async (item) => {
    const reporter = reporterOf(labelOf(item), cli);
    const fetching = { network: project.network, signal: stop.signal, reporter };
    results.push({ ...item, found: await foundOf(item, everything, store, fetching) });
  });
  return items.map((item) => results.find((result) => labelOf(result) === labelOf(item))!); // each has one
}

/**
 * What is locked already is compared with the sums where there are any; its bytes are fetched again when it is named. While
 * they are the same, the entry stays unless somebody better vouches for it now.
 */
async function foundOf(
  item: Item,
  everything: boolean,
  store: Store,
  fetching: Fetching,
): Promise<Locked | undefined> {
  if (!everything && !item.asked) return item.known;
  if (item.known && !item.asked && item.sums === undefined) return item.known;
  const { known } = item;
  const sum = await publishedSum(item, store, fetching);
  const same = sum?.sha256 === undefined || sum.sha256 === known?.sha256;
  if (known && !item.asked && same && sum && strengthOf(sum.said) <= strengthOf(known)) return known;
  const found = await resolved(item, sum, store, fetching);
  return known?.sha256 === found.sha256 && strengthOf(found) <= strengthOf(known) ? known : found;
}

/** Other bytes behind the same address. */
function changeOf({ name, arch, known, found }: Result): readonly LockChange[] {
  if (!known || !found || known.sha256 === found.sha256) return [];
  return [{ name, arch, url: known.url, from: known.sha256, to: found.sha256 }];
}

/** The configuration's own entries: what the base does not say already. */
function entriesOf(results: readonly Result[], locks: Locks, own: Entries): Entries {
  const next = new Map<string, Entry>();
  const used = new Set(results.map(({ name }) => name));
  const looked = new Set(results.map(({ arch }) => arch));
  // An entry for a processor that nobody here has is for somebody else who uses this recipe.
  for (const [name, entry] of own) {
    const others = Object.entries(entry).filter(([arch]) => !looked.has(arch as LockedFor));
    if (used.has(name) && others.length > 0) next.set(name, Object.fromEntries(others));
  }
  for (const { name, arch, found } of results) {
    if (!found) continue;
    const said = lockedIn(locks[arch].slice(0, -1), name, found.url);
    const same = said?.url === found.url && said.sha256 === found.sha256;
    if (same && strengthOf(said) >= strengthOf(found)) continue;
    next.set(name, { ...next.get(name), [arch]: found });
  }
  return next;
}

interface Saying {
  readonly doubts: ReturnType<typeof doubtsIn>;
  readonly options: Options;
  readonly cli: CliContext;
}

/** Shows what differs, and writes the file when something does. */
function report(own: Entries, next: Entries, file: string, { doubts, options, cli }: Saying): void {
  const text = lockText(next);
  const changes = differences(own, next);
  if (changes.length > 0) {
    try {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    } catch (error) {
      unwritten(file, error);
    }
  }
  for (const { name, arch, trust, from } of doubts)
    cli.say(textOf([`${name} ${arch}: its makers did not say so themselves (${trust}): ${from}`]));
  if (options.json) cli.out(`${JSON.stringify({ file, changes, doubts })}\n`);
  else {
    for (const { kind, name, arch, from, to } of changes)
      cli.out(textOf([`${MARKS[kind]} ${name} ${arch}: ${[from, to].filter(Boolean).join(' → ')}`]));
    cli.out(textOf([`${changes.length === 0 ? 'nothing to change in' : 'wrote'} ${file}`]));
  }
}

/** What others than the makers vouch for, whoever locked it. */
function doubtsIn(results: readonly Result[]) {
  return results.flatMap(({ name, arch, found }) =>
    found && isDoubtful(found) ? [{ name, arch, trust: found.trust, from: found.from }] : [],
  );
}

const MARKS = { added: '+', changed: '~', dropped: '-' } as const;

interface Difference {
  readonly kind: keyof typeof MARKS;
  readonly name: string;
  readonly arch: string;
  readonly from?: string;
  readonly to?: string;
}

function differences(own: Entries, next: Entries): readonly Difference[] {
  const names = [...new Set([...own.keys(), ...next.keys()])].toSorted();
  return names.flatMap((name) =>
    LOCKED_FOR.flatMap((arch): readonly Difference[] => {
      const [from, to] = [own.get(name)?.[arch], next.get(name)?.[arch]].map(shown);
      if (from === to) return [];
      if (from === undefined) return [{ kind: 'added', name, arch, to: to! }]; // they differ, so there is one
      return [
        to === undefined ? { kind: 'dropped', name, arch, from } : { kind: 'changed', name, arch, from, to },
      ];
    }),
  );
}

function shown(locked: Locked | undefined): string | undefined {
  return locked && `sha256 ${locked.sha256} (${trustOf(locked)}) ${locked.url}`;
}

/** Why a digest is believed, for people. */
function trustOf({ trust, from, signedBy }: Locked): string {
  if (signedBy !== undefined) return `${trust}, by ${signedBy}`;
  return trust === 'sums' && from === undefined ? 'sums, from nobody knows where' : trust;
}

export function labelOf({ name, arch }: Wish): string {
  return `${name} ${arch}`;
}

/** Stamps on a host that is not the controller, and beside them whose it is, and which machine. */
import type { Transport } from '../host/transport.ts';
import { fail, type SiteName } from '../model/failure.ts';
import type { TaskId } from '../model/task.ts';
import { isLocal, isOfSite, newIdentity, type Site } from './site.ts';
import { KEY, keyOf, type Stamps } from './stamp.ts';
import { parsed, text } from './stamp-text.ts';
import { turns } from './turns.ts';

/** The record that says whose the stamps are; it goes with the last of them. */
const SITE = 'site';
/** Records of the host itself, which stand beside the stamps. */
const BESIDE: readonly string[] = [SITE, KEY];
/** What the name of each stamp ends in. */
const STAMP = '.json';

/** Stamps on a host, with what they say of the host itself. */
export interface HostStamps extends Stamps {
  /** Reads all of them; with `sign` a host that an older cc left gets its identity. */
  enter(sign?: boolean): Promise<Entered>;
}

/** What the records of a host tell of it. */
export interface Entered {
  /** The identity of the machine; undefined where it has none yet. */
  readonly identity: string | undefined;
  /** The names under which it has stamps. */
  readonly names: ReadonlySet<string>;
}

/** Called with the identity of a machine as soon as it is known; fails where the host may not be worked on. */
type Meet = (identity: string) => void | Promise<void>;

/**
 * Stamps on a host, as root; all of them are read at once, when first asked for. Fails with `foreign-site` where they are of
 * another site.
 */
export function remoteStamps(transport: Transport, site?: Site, meet: Meet = () => {}): HostStamps {
  const { all, key, sign, put, forget } = signedRecords(transport, site, meet);
  const unread = async () => [...(await all())].filter(([file, body]) => !parsed(taskOf(file), body));
  return {
    enter: async (signing = false) => {
      const found = await all();
      const stamps = [...found.keys()].filter(isStamp).map(taskOf);
      if (signing && stamps.length > 0) await sign();
      return {
        identity: ownerOf(found.get(SITE))?.identity,
        names: new Set(stamps.map((task) => task.split('/')[0] ?? '')),
      };
    },
    key: key.get,
    read: async (task) => parsed(task, (await all()).get(fileOf(task))),
    all: async (of) =>
      [...(await all())].flatMap(([file, body]) => {
        const task = taskOf(file);
        return isStamp(file) && of(task) ? (parsed(task, body) ?? []) : [];
      }),
    write: (stamp) => put(fileOf(stamp.task), text(stamp)),
    remove: (task) => forget(fileOf(task)),
    torn: async () => new Map((await unread()).filter(([file]) => isStamp(file))),
    clear: async () => {
      const files = (await unread()).map(([file]) => file);
      const others = files.filter((file) => !BESIDE.includes(file));
      // Where nothing else is left, whose they are goes, too, and the folder of cc's notes.
      const last = others.length === 0 && files.length === (await all()).size ? [SITE] : [];
      for (const file of [...others, ...last]) await forget(file);
    },
  };
}

/** The records of a host, with whose they are and their key, which come before the first stamp and go with the last. */
function signedRecords(transport: Transport, site: Site | undefined, meet: Meet) {
  const { records } = transport;
  const signature = signatureOf(transport, site, meet);
  const all = memoized(async () => {
    const found = new Map(await records.all());
    await signature.check(found.get(SITE));
    return found;
  });
  const key = keyOf(
    async () => (await all()).get(KEY),
    (kept) => records.write(KEY, kept),
  );
  /** So that nobody else takes the host for nobody's; once, however many tasks end at the same time. */
  let signed: Promise<void> | undefined;
  const sign = () => {
    signed ??= all().then(signature.sign);
    return signed;
  };
  // What goes last takes the signature along, so nothing is written in that moment.
  const { together, alone } = turns();
  const put = (file: string, body: string) =>
    together(async () => {
      const found = await all();
      await sign();
      await key.keep();
      await records.write(file, body);
      found.set(file, body);
    });
  const forget = (file: string) =>
    alone(async () => {
      const found = await all();
      await records.remove(file);
      found.delete(file);
      if ([...found.keys()].some((each) => !BESIDE.includes(each))) return;
      found.clear();
      signed = undefined;
      key.gone();
    });
  return { all, key, sign, put, forget };
}

/** Says on a host whose it is, and which machine: the identity stays the same while this lives. */
function signatureOf({ host, records }: Transport, site: Site | undefined, meet: Meet) {
  let identity: string | undefined;
  const check = async (signature: string | undefined) => {
    const theirs = ownerOf(signature);
    if (site && theirs && !isOfSite(theirs, site))
      fail({
        kind: 'foreign-site',
        host,
        mine: nameOf(site),
        theirs: nameOf(theirs),
        ...wayTo(theirs, site),
      });
    if (theirs?.identity === undefined) return;
    identity = theirs.identity;
    await meet(identity);
  };
  const sign = async (found: Map<string, string>) => {
    const before = found.get(SITE);
    const theirs = ownerOf(before);
    if (!site || (theirs?.identity !== undefined && theirs.id === site.id)) return;
    const mine = JSON.stringify({ ...nameOf(site), identity: identity ?? newIdentity() });
    // One machine may be entered under two names at once, and gets one identity.
    const signature = await records.settle(SITE, before, mine);
    await check(signature);
    found.set(SITE, signature);
  };
  return { check, sign };
}

/** Does something when first asked, and remembers the answer. */
function memoized<Value extends object>(make: () => Value): () => Value {
  let made: Value | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Anything else is a record that was being written when its writer died: what it was to replace counts. */
function isStamp(file: string): boolean {
  return file.endsWith(STAMP);
}

/** No two tasks share one, because no name has a plus sign in it. */
function fileOf(task: TaskId): string {
  return `${task.replaceAll('/', '+')}${STAMP}`;
}

const AS_OTHER =
  'if another user ran this recipe before, run it once more as that user: that notes on the host the identity it has now';

/** What leads out, where that is known: of a recipe that kept no identity, its next run notes one. */
function wayTo({ id }: Site, site: Site): { readonly way?: string } {
  const way = site.ways?.get(id) ?? (isLocal(id) && !isLocal(site.id) ? AS_OTHER : undefined);
  return way === undefined ? {} : { way };
}

function nameOf({ id, name }: Site): SiteName {
  return { id, name };
}

/** Whose a host is, and which machine. */
interface HostOwner extends Site {
  /** An older cc wrote none. */
  readonly identity?: string;
}

function ownerOf(text: string | undefined): HostOwner | undefined {
  if (text === undefined) return undefined;
  try {
    const { id, name, identity } = JSON.parse(text) ?? {};
    if (typeof id !== 'string' || typeof name !== 'string') return undefined;
    return { id, name, ...(typeof identity === 'string' ? { identity } : {}) };
  } catch {
    return undefined; // torn: the next run signs anew
  }
}

function taskOf(file: string): TaskId {
  return file.slice(0, -STAMP.length).replaceAll('+', '/') as TaskId; // of the file that `fileOf` names
}

/** Everything that can be expected to go wrong, as facts; `report/explanations.ts` has the words. */
import type { Json } from './json.ts';
import type { NotUndone, NoWayBack, TornRecords } from './left.ts';
import { masked, maskedData } from './mask.ts';
import type { ForeignSite, OtherRecipe, Owner, SiteName } from './owner.ts';
import type { LeftOut, Place, PluginCode, Problem, Remaining, UnknownName } from './problem.ts';
import { asked, stackOf } from './thrown.ts';
import type { Attempt, CannotTell, LockChange, Trouble } from './trouble.ts';

export type { Attempt, LockChange, Owner, Place, PluginCode, Problem, Remaining, SiteName, Trouble };

/** What stands already beside what is declared, each in words. */
export type Difference = { readonly what: string; readonly is: string; readonly declared: string };

export type Failure =
  | {
      readonly kind: 'command-failed';
      readonly host: string;
      readonly command: string;
      readonly code: number | null;
      readonly signal: string | null;
      readonly stderr: string;
    }
  | {
      readonly kind: 'not-converged';
      readonly host: string;
      readonly within: number;
      readonly left: readonly Remaining[];
    }
  | {
      readonly kind: 'timed-out';
      readonly host: string;
      readonly what: string;
      readonly within: number;
      readonly last?: string;
    }
  | { readonly kind: 'interrupted'; readonly signal: string }
  | CannotTell
  | LeftOut
  | {
      readonly kind: 'check-failed';
      readonly host: string;
      readonly what: string;
      readonly reasons: readonly string[];
    }
  /** A plugin's own code threw, or answered what is no answer. */
  | {
      readonly kind: 'plugin-threw';
      readonly host: string;
      readonly plugin: string;
      readonly step: string;
      readonly phase: PluginCode;
      readonly message: string;
      readonly at?: Place;
    }
  /** The same where nobody waits for it: a promise that was left alone, or a timer. */
  | { readonly kind: 'left-alone'; readonly message: string; readonly at?: Place }
  /** Code of a plugin, or of a configuration, did to the process what only cc may. */
  | { readonly kind: 'overstepped'; readonly message: string; readonly at?: Place }
  /** What cc did not expect; the stack is for its makers. */
  | { readonly kind: 'bug'; readonly stack: string }
  /** `command` is what cc did, as it can be pasted. */
  | {
      readonly kind: 'unreachable';
      readonly host: string;
      readonly address: string;
      readonly command: string;
      readonly why: string;
    }
  /** What cc was doing on a host came to an end from outside; what it had started there is ended. */
  | { readonly kind: 'agent-lost'; readonly host: string; readonly why: string }
  | {
      readonly kind: 'wrong-platform';
      readonly host: string;
      readonly expected: string;
      readonly found: string;
      /** Default: to take another host. */
      readonly fix?: string;
    }
  | { readonly kind: 'no-root'; readonly host: string; readonly user: string; readonly why: string }
  | { readonly kind: 'missing-tool'; readonly host: string; readonly tool: string; readonly package: string }
  | {
      readonly kind: 'not-installable';
      readonly host: string;
      readonly packages: readonly string[];
      readonly why: string;
      readonly fix?: string;
    }
  /** Somebody else on that host was installing all the time. */
  | {
      readonly kind: 'packages-locked';
      readonly host: string;
      readonly packages: readonly string[];
      readonly lock: string;
      readonly holder: string;
      readonly within: number;
    }
  /** The host has something that was made otherwise than declared, and that cc cannot change. */
  | {
      readonly kind: 'cannot-change';
      readonly host: string;
      readonly what: string;
      readonly differences: readonly Difference[];
      readonly fix: string;
    }
  | { readonly kind: 'bad-excerpt'; readonly why: string }
  | { readonly kind: 'no-mirror'; readonly mirror: string; readonly why: string }
  | { readonly kind: 'fetch-failed'; readonly artifact: string; readonly attempts: readonly Attempt[] }
  | { readonly kind: 'proxy-unusable'; readonly proxy: string; readonly why: string; readonly fix: string }
  /** `locked` is the address that the lock has the artifact for. */
  | { readonly kind: 'unlocked'; readonly artifact: string; readonly url: string; readonly locked?: string }
  | {
      readonly kind: 'digest-mismatch';
      readonly artifact: string;
      readonly attempts: readonly Attempt[];
      /** Who says what they must be. */
      readonly by: 'cc.lock' | 'archive' | 'sums';
    }
  /** Bytes on the controller that are not, or no longer, what they were verified to be. */
  | {
      readonly kind: 'bytes-changed';
      readonly artifact: string;
      readonly path: string;
      /** Without these they are gone. */
      readonly expected?: string;
      readonly found?: string;
    }
  /** What makers publish does not say what an artifact must be. */
  | { readonly kind: 'no-sum'; readonly artifact: string; readonly sums: string; readonly why: string }
  /** Who signed what makers publish are not its makers, or nobody did. */
  | { readonly kind: 'bad-signature'; readonly artifact: string; readonly sums: string; readonly why: string }
  | {
      readonly kind: 'first-use';
      readonly artifacts: readonly { readonly name: string; readonly url: string }[];
    }
  | { readonly kind: 'lock-changed'; readonly file: string; readonly changes: readonly LockChange[] }
  /** `entry` is quoted as in C. */
  | { readonly kind: 'bad-archive'; readonly archive: string; readonly entry?: string; readonly why: string }
  | { readonly kind: 'bundle-unreadable'; readonly file: string; readonly why: string }
  | {
      readonly kind: 'bundle-lacks';
      readonly artifacts: readonly string[];
      readonly file: string;
      /** True: the file is the folder where that stands which a bundle brought of Debian's archive. */
      readonly standing?: true;
    }
  | { readonly kind: 'disk-full'; readonly host: string; readonly what: string }
  | { readonly kind: 'cannot-write'; readonly path: string; readonly why: string }
  /** With a host: of a host, not of the recipe. */
  | { readonly kind: 'held'; readonly path: string; readonly host?: string; readonly owner: Owner }
  | NoWayBack
  | TornRecords
  | NotUndone
  | ({ readonly kind: 'foreign-site' } & ForeignSite)
  /** Two hosts that turned out to be one machine; each is a name with its address. */
  | { readonly kind: 'one-machine'; readonly hosts: readonly [string, string]; readonly identity: string }
  /** A host with the stamps of another one that is declared at another machine. */
  | { readonly kind: 'other-machine'; readonly host: string; readonly of: string; readonly address: string }
  /** Hosts that other machines may reach, too, and no identity to note there. */
  | { readonly kind: 'no-site'; readonly file: string; readonly hosts: readonly string[] }
  | { readonly kind: 'config-missing'; readonly from: string }
  /** `by` is the configuration that imports the file. */
  | {
      readonly kind: 'config-unreadable';
      readonly file: string;
      readonly why: string;
      readonly at?: Place;
      readonly by?: string;
      readonly fix?: string;
    }
  /** `flaws` are what others may write on the way to the file, and who they are; `fix` is a command. */
  | {
      readonly kind: 'config-untrusted';
      readonly file: string;
      readonly flaws: readonly { readonly path: string; readonly why: string }[];
      readonly fix: string;
    }
  | { readonly kind: 'config-invalid'; readonly file: string; readonly problems: readonly Problem[] }
  | { readonly kind: 'site-unreadable'; readonly file: string; readonly why: string }
  /** Two configurations in a folder whose identity would be in one file; `name` is another one for the first. */
  | { readonly kind: 'same-site'; readonly file: string; readonly twin: string; readonly name: string }
  /** A copy of the identity of another recipe, which was run last from `config`. */
  | ({ readonly kind: 'other-recipe' } & OtherRecipe)
  | { readonly kind: 'lock-unreadable'; readonly file: string; readonly why: string; readonly at?: Place }
  /** What cc itself keeps of the hosts of a recipe. */
  | { readonly kind: 'hosts-unreadable'; readonly file: string; readonly why: string }
  | { readonly kind: 'cycle'; readonly path: readonly string[] }
  | UnknownName
  /** `command` is the one whose help says more. */
  | { readonly kind: 'usage'; readonly message: string; readonly command?: string };

/** The exit code that a failure ends a command with; documented in the README. */
export const EXIT: { readonly [K in Failure['kind']]: number } = {
  'command-failed': 1,
  'not-converged': 1,
  'timed-out': 1,
  interrupted: 130,
  'cannot-tell': 1,
  'check-failed': 1,
  'plugin-threw': 1,
  'left-alone': 1,
  overstepped: 1,
  bug: 70, // EX_SOFTWARE of sysexits.h
  unreachable: 1,
  'agent-lost': 1,
  'wrong-platform': 77,
  'no-root': 77,
  'missing-tool': 77,
  'not-installable': 77,
  'packages-locked': 75,
  'cannot-change': 1,
  'bad-excerpt': 65,
  'no-mirror': 1,
  'fetch-failed': 1,
  'proxy-unusable': 65,
  unlocked: 65,
  'digest-mismatch': 65,
  'bytes-changed': 65,
  'no-sum': 65,
  'bad-signature': 65,
  'first-use': 65,
  'lock-changed': 65,
  'bad-archive': 65,
  'bundle-unreadable': 65,
  'bundle-lacks': 65,
  'disk-full': 1,
  'cannot-write': 65,
  held: 75,
  'no-way-back': 1,
  'torn-records': 1,
  'not-undone': 1,
  'foreign-site': 65,
  'one-machine': 65,
  'other-machine': 65,
  'no-site': 65,
  'config-missing': 65,
  'config-unreadable': 65,
  'config-untrusted': 65,
  'config-invalid': 65,
  'site-unreadable': 65,
  'same-site': 65,
  'other-recipe': 65,
  'lock-unreadable': 65,
  'hosts-unreadable': 65,
  cycle: 65,
  'left-out': 1,
  'unknown-name': 64,
  usage: 64,
};

/** What a failure ends a command with: as shells have it, 128 and the number of the signal where that is the reason. */
export function exitFor(failure: Failure): number {
  return failure.kind === 'interrupted' && failure.signal === 'SIGTERM' ? 143 : EXIT[failure.kind];
}

/** Carries an expected failure to the nearest edge; anything else that is thrown is a bug. */
export class Failed extends Error {
  readonly failure: Failure;

  constructor(failure: Failure, options?: { cause?: unknown }) {
    super(failure.kind, options);
    this.name = 'Failed';
    this.failure = failure;
  }
}

/** Throws an expected failure. */
export function fail(failure: Failure, cause?: unknown): never {
  throw new Failed(failure, cause === undefined ? undefined : { cause });
}

/** Throws what kept something on the controller from being written as a failure; anything else is thrown as it is. */
export function unwritten(path: string, error: unknown, what = `write ${path.split('/').at(-1)}`): never {
  const code = codeOf(error) ?? '';
  if (code === 'ENOSPC') fail({ kind: 'disk-full', host: 'controller', what }, error);
  if (error instanceof Error && /^E[A-Z0-9]+$/.test(code))
    fail({ kind: 'cannot-write', path, why: error.message }, error);
  throw error;
}

/** The failure behind an error, without secrets; what nobody expected is a bug. */
export function failureOf(error: unknown): Failure {
  if (isFailure(error)) return maskedData(error.failure);
  return { kind: 'bug', stack: masked(stackOf(error)) };
}

/** Whether an error carries a failure of a kind that cc knows: plugins throw some, too. */
export function isFailure(error: unknown): error is Failed {
  return asked(() => error instanceof Failed && Object.hasOwn(EXIT, String(error.failure?.kind)), false);
}

export function failureData(failure: Failure): Json {
  return failure as unknown as Json; // every field of every kind is JSON
}

/** The system's own code of an error: `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  const code = asked(() => (error instanceof Error && 'code' in error ? error.code : undefined), undefined);
  return typeof code === 'string' ? code : undefined;
}

/** A host as a probe sees it. */
import type { Arch, Artifact } from './artifact.ts';
import type { Command } from './command.ts';
import type { Digest } from './digest.ts';
import { isObject, odd, type Reader } from './foreign.ts';
import type { Json } from './json.ts';
import type { Text } from './secret.ts';

export type UnitName = `${string}.${'service' | 'socket' | 'timer' | 'mount'}`;

export interface Platform {
  readonly os: string;
  readonly arch: Arch;
  /** `ID` and `VERSION_ID` of /etc/os-release: `debian 12`. */
  readonly distro: string;
}

/** Mode as a number (0o644), owner as `user:group`. */
interface Form {
  readonly mode: number;
  readonly owner: string;
}

export type FileFacts =
  | (Form & { readonly kind: 'file'; readonly size: number; readonly digest: Digest })
  | (Form & { readonly kind: 'directory' })
  | { readonly kind: 'other' };

export interface UnitFacts {
  /** systemd's ActiveState: `active`, `failed`, `inactive`, … */
  readonly active: string;
  /** systemd's UnitFileState: `enabled`, `disabled`, … or empty where the unit is unknown. */
  readonly enabled: string;
}

/** How a command ended that ran. */
export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Asking {
  /**
   * An exit with 0 is the answer for all who ask the same of this host in a first look, until the run changes anything. For what
   * many tasks ask and a host takes long to tell; never for what passes by itself, such as a time.
   */
  readonly lasting?: boolean;
}

/** Another host of the recipe: by its name, or the first one that has a role. */
export type Place = string | { readonly firstOf: string };

/** Reads a place that anybody may have written. */
export const place: Reader<Place> = (value, path) => {
  if (typeof value === 'string') return value;
  const firstOf: unknown = isObject(value) ? Reflect.get(value, 'firstOf') : undefined;
  return typeof firstOf === 'string' ? { firstOf } : odd(path, "a host's name or { firstOf }", value);
};

/** A host that can be looked at; no method changes anything, and each fails rather than guess. */
export interface View {
  readonly name: string;
  readonly platform: Platform;
  /** The standard output of a command that only reads; fails unless it exits 0. */
  read(command: Command, asking?: Asking): Promise<string>;
  /** The same, or undefined when it ran and exited non-zero. */
  ask(command: Command, asking?: Asking): Promise<string | undefined>;
  /** How it ended, for whoever tells one failure from another: what is not there from what does not answer. */
  result(command: Command, asking?: Asking): Promise<Result>;
  /** undefined: there is nothing at that path. */
  stat(path: string): Promise<FileFacts | undefined>;
  /** The text of a file, undefined when there is none. */
  text(path: string): Promise<string | undefined>;
  /** Whether cc put the file there, and it is cc's to remove. */
  owned(path: string): Promise<boolean>;
  /**
   * A digest under a key that stays on the host, of a text or of what a file's digest is: tells whether it changed, and lets nobody
   * guess what it is. What is known of a file with a secret in it is kept so.
   */
  sealed(of: { readonly text: Text } | { readonly digest: Digest }): Promise<string>;
  unit(name: UnitName): Promise<UnitFacts>;
  /** Which of these Debian packages are not installed. */
  missingPackages(names: readonly string[]): Promise<readonly string[]>;
  /** Another host, as one task sees all of them; fails where it cannot be entered. */
  on(place: Place): Promise<View>;
  /** What a script of this task reported when it was last applied on this host; undefined where it has not been, or not to its end. */
  reported(): Promise<Json | undefined>;
  /** The digest an artifact must have; undefined until it has been fetched or built once. */
  locked(artifact: Artifact): Digest | undefined;
  /** Whether the controller has the bytes of an artifact from elsewhere, and they are still what they must be. */
  fetched(artifact: Artifact): Promise<boolean>;
}

/** The seam between cc and a machine: run a command there, look at and change files there. Tests replace it. */
import type { Digest } from '../model/digest.ts';
import type { Owner } from '../model/failure.ts';
import type { FileFacts } from '../model/view.ts';

/** Where cc keeps what belongs to a host: stamps, notes of its files, what they replaced. */
export const ROOT_BASE = '/var/lib/cc';

/** Held as long as a run changes the host; on a file system that a reboot empties. */
export const LOCK = '/run/cc/lock';

/**
 * The name of the mark that the processes of a task carry in their environment; its value is a run and a task. Daemons that
 * shall outlive a run that was interrupted are started without it.
 */
export const MARK = 'CC_RUN';

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExecOptions {
  /** Text, or a file on the controller, for standard input; otherwise the command reads nothing. */
  readonly input?: string | { readonly file: string };
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Ends the command and all that descends from it: TERM first, KILL after a grace period. */
  readonly signal?: AbortSignal;
  readonly onOutput?: (text: string, stream: 'stdout' | 'stderr') => void;
}

export interface Look {
  readonly facts: FileFacts | undefined;
  /** cc put it there. */
  readonly owned: boolean;
}

/** Bytes on their way to a host, with what they must be on arrival. */
export interface Content {
  readonly source: string | { readonly file: string };
  readonly digest: Digest;
}

/** A tar archive on the controller, and what is to become of it. */
export interface Packed {
  readonly file: string;
  /** What its bytes must be on arrival. */
  readonly digest: Digest;
  /** Leading path parts to drop. */
  readonly strip: number;
  /** Bytes that it may come to. */
  readonly sizeLimit?: number;
  /** Entries, by their path in the folder, that may be setuid, setgid or writable by everybody. */
  readonly unsafe?: readonly string[];
}

/** What a file or folder is to be like; the owner is `user` or `user:group`, by default whoever cc is there. */
export interface Form {
  readonly mode?: number | undefined;
  readonly owner?: string | undefined;
}

/** Each ends, and fails, when its signal fires. */
export interface Files {
  look(path: string, signal?: AbortSignal): Promise<Look>;
  /** undefined: there is no such file. */
  text(path: string, signal?: AbortSignal): Promise<string | undefined>;
  /** Puts a file in place at once or not at all; keeps what stood there before cc came. */
  install(path: string, content: Content, form: Form, signal?: AbortSignal): Promise<void>;
  /** Makes a folder, or gives one that is there this form. */
  folder(path: string, form: Form, signal?: AbortSignal): Promise<void>;
  /** Replaces a folder by the content of an archive. */
  unpack(path: string, archive: Packed, signal?: AbortSignal): Promise<void>;
  /** Paths that cc's notes say it put something at. */
  noted(): Promise<readonly string[]>;
  /** Removes what is there and puts back what cc had replaced. */
  remove(path: string, signal?: AbortSignal): Promise<void>;
}

/** Small texts by name in a folder of cc's own. */
export interface Records {
  all(): Promise<ReadonlyMap<string, string>>;
  /** On the disk when the promise is fulfilled. */
  write(name: string, text: string): Promise<void>;
  /** Writes `to` only where `from` stands, or nothing and it is undefined; answers what stands there then. */
  settle(name: string, from: string | undefined, to: string): Promise<string>;
  /** With the last one all of cc's notes go that note nothing any more. */
  remove(name: string): Promise<void>;
}

/** What kind of machine a host is, and who cc is there. */
export interface About {
  readonly os: string;
  /** As the kernel calls the processor: `x86_64`. */
  readonly machine: string;
  readonly user: string;
  /** The content of /etc/os-release. */
  readonly release: string;
}

export interface Transport extends AsyncDisposable {
  readonly host: string;
  /** Fails only when the host cannot be asked; a command that ran answers its exit, whatever it is. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<Exit>;
  readonly files: Files;
  readonly records: Records;
  about(): Promise<About>;
  /** Ends all processes that carry a mark in their environment, wherever they hide; answers how many there were. */
  reap(mark: string): Promise<number>;
  /** Takes the lock by which one run at a time changes this host; fails with `held` and its holder. */
  lock(owner: Owner): Promise<void>;
  /** Fires, with why, when the host goes away on which it has taken the lock: nothing more can be done there. */
  readonly gone?: AbortSignal;
}

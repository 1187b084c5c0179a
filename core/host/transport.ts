/** The seam between cc and a machine: run a command there, look at and change files there. Tests replace it. */
import type { Digest } from '../model/digest.ts';
import type { FileFacts } from '../model/view.ts';

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
  /** Ends the command: TERM first, KILL after a grace period. What goes on behind ssh is ended by its mark (reap.ts). */
  readonly signal?: AbortSignal;
  readonly onOutput?: (text: string) => void;
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

export interface Files {
  look(path: string): Promise<Look>;
  /** undefined: there is no such file. */
  text(path: string): Promise<string | undefined>;
  /** Puts a file in place at once or not at all; keeps what stood there before cc came. */
  install(path: string, content: Content, mode: number): Promise<void>;
  /** Makes a folder, readable by root alone. */
  folder(path: string): Promise<void>;
  /** Replaces a folder by the content of a tar archive on the controller, which may come to so many bytes. */
  unpack(path: string, archive: string, strip: number, most?: number): Promise<void>;
  /** Removes what is there and puts back what cc had replaced. */
  remove(path: string): Promise<void>;
}

export interface Transport extends AsyncDisposable {
  readonly host: string;
  /** Fails only when the host cannot be asked; a command that ran answers its exit, whatever it is. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<Exit>;
  /** The words by which a process on the controller runs a line of bash on the host. */
  through(line: string): readonly string[];
  readonly files: Files;
  /** What `natureOf` would have a shell say, where it can be had without a process. */
  about?(): Promise<string>;
}

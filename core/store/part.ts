/** Bytes that have arrived so far: kept through failures and interruptions, so that the next try goes on from there. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { hold, ownerOf } from '../host/hold.ts';
import { digestOf } from '../model/digest.ts';
import { Failed } from '../model/failure.ts';

export interface Part extends AsyncDisposable {
  readonly file: string;
  size(): number;
  /** What the server said that tells these bytes from later ones; undefined when they came from elsewhere. */
  validator(url: string): string | undefined;
  /** Opens for bytes from an address that begin at `start`, which is the end of the part or 0. */
  open(url: string, validator: string | undefined, start: number): Promise<FileHandle>;
  discard(): void;
}

/** Tells the private parts of one process apart. */
let parts = 0;

/**
 * The part at a path, for whoever asks first; while another run is filling it, one of their own that does not outlive
 * them.
 */
export async function openPart(path: string): Promise<Part> {
  parts += 1;
  const mine = `${process.pid}-${parts}`;
  try {
    const holding = await hold(`${path}.hold`, ownerOf(mine, 'fetch'));
    return partAt(path, async () => holding[Symbol.asyncDispose]());
  } catch (error) {
    if (!(error instanceof Failed) || error.failure.kind !== 'held') throw error;
    const part = partAt(`${path}.${mine}`, async () => part.discard());
    return part;
  }
}

function partAt(file: string, close: () => Promise<void>): Part {
  const from = `${file}.from`;
  return {
    file,
    size: () => statSync(file, { throwIfNoEntry: false })?.size ?? 0,
    validator: (url) => {
      const [address, validator] = linesOf(from);
      return address === digestOf(url) ? validator : undefined;
    },
    open: (url, validator, start) => {
      // Written before the first byte: bytes whose origin nobody knows are never gone on with.
      writeFileSync(from, validator ? `${digestOf(url)}\n${validator}` : '', { mode: 0o600 });
      return open(file, start > 0 ? 'a' : 'w', 0o600);
    },
    discard: () => {
      for (const each of [file, from]) rmSync(each, { force: true });
    },
    [Symbol.asyncDispose]: async () => {
      // What has been taken into the store left only its description behind.
      if (!statSync(file, { throwIfNoEntry: false })) rmSync(from, { force: true });
      await close();
    },
  };
}

function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}

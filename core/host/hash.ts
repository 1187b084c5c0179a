/** Files that may be large, read in pieces, and the digest of one. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { type Digest, finish } from '../model/digest.ts';

/** Bytes read at once. */
const PIECE = 1024 * 1024;

/**
 * The bytes of a file, or some of them: each piece is gone when the next is asked for. A stream would take another buffer
 * for each and leave them to the garbage collector, a hundred megabytes of them where several files are read.
 */
export async function* readPieces(
  path: string,
  { offset, size }: { readonly offset: number; readonly size: number } = { offset: 0, size: Infinity },
): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE, size));
  const file = await open(path);
  try {
    for (let done = 0; done < size; ) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(PIECE, size - done), offset + done);
      if (bytesRead === 0) return;
      done += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

export async function digestOfFile(path: string): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const piece of readPieces(path)) hash.update(piece);
  return finish(hash);
}

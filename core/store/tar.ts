/** The little of tar (POSIX ustar) that a bundle needs: plain files whose headers say nothing of who made them when. */
import { open } from 'node:fs/promises';

const BLOCK = 512;

/** Where a file's bytes are in an archive. */
export interface Member {
  readonly offset: number;
  readonly size: number;
}

/** The header of a file; equal names and sizes give equal bytes. requires: a name of at most 100 bytes, less than 8 GiB. */
export function header(name: string, size: number): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;
  const fields: readonly (readonly [offset: number, text: string])[] = [
    [0, name],
    [100, octal(0o644, 8)],
    [108, octal(0, 8)], // owner and group
    [116, octal(0, 8)],
    [124, octal(size, 12)],
    [136, octal(0, 12)], // time
    [148, ' '.repeat(8)], // the checksum counts as blanks in itself
    [156, '0'],
    [257, 'ustar\x0000'],
  ];
  for (const [offset, text] of fields) block.write(text, offset, 'latin1');
  block.write(`${sumOf(block).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** What follows the bytes of a file. */
export function padding(size: number): Uint8Array {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** What ends an archive. */
export const END: Uint8Array = Buffer.alloc(2 * BLOCK);

/** The files of an archive by name; undefined when it is none that `header` made, or is cut off. */
export async function members(path: string): Promise<ReadonlyMap<string, Member> | undefined> {
  const file = await open(path);
  try {
    const { size: length } = await file.stat();
    const found = new Map<string, Member>();
    for (let offset = 0; ; ) {
      const block = Buffer.alloc(BLOCK);
      if ((await file.read(block, 0, BLOCK, offset)).bytesRead < BLOCK) return undefined;
      if (block.every((byte) => byte === 0)) return found;
      const text = (start: number, end: number) => block.toString('latin1', start, end).replace(/\0.*$/s, '');
      const [size, sum] = [Number.parseInt(text(124, 136), 8), Number.parseInt(text(148, 156), 8)];
      block.fill(' ', 148, 156);
      if (sum !== sumOf(block) || text(156, 157) !== '0' || !(size >= 0)) return undefined;
      offset += BLOCK;
      found.set(text(0, 100), { offset, size });
      offset += Math.ceil(size / BLOCK) * BLOCK;
      if (offset > length) return undefined;
    }
  } finally {
    await file.close();
  }
}

function sumOf(block: Uint8Array): number {
  return block.reduce((sum, byte) => sum + byte, 0);
}

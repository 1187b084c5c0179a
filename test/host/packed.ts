/** An archive of a test, as what it is. */
import { readFileSync } from 'node:fs';
import type { Packed } from '../../core/host/transport.ts';
import { digestOf } from '../../core/model/digest.ts';

export function packed(file: string, strip = 0, more: Partial<Packed> = {}): Packed {
  return { file, digest: digestOf(readFileSync(file)), strip, ...more };
}

/** Writes to a ledger what finds no room, for a test that limits the size of files: `ledger-full.ts PATH`. */
import assert from 'node:assert/strict';
import process from 'node:process';
import { openLedger } from '../../core/store/ledger.ts';

process.on('SIGXFSZ', () => undefined); // else the kernel ends whoever writes beyond the limit
const [path = ''] = process.argv.slice(2);
await using ledger = openLedger(path);
await ledger.set('a', 'fits');
await assert.rejects(ledger.set('b', 'x'.repeat(100_000)), {
  failure: { kind: 'cannot-write', path, why: 'EFBIG: file too large, write' },
});
await ledger.set('c', 'fits');

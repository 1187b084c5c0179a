/** Kills at random moments, by the dozen. */
import { test } from 'node:test';
import { survivesKills } from '../cli/crash.ts';
import { withSeed } from '../rig/seed.ts';

test('run that was killed 30 times leaves nothing that is wrongly called right', (t) =>
  withSeed((seed) => survivesKills(t, seed, 30)));

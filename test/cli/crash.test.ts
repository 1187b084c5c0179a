/** Kills at random moments; test/real/crash.test.ts has five times as many. */
import { test } from 'node:test';
import { withSeed } from '../rig/seed.ts';
import { survivesKills } from './crash.ts';

/** What is killed runs on Node whoever tests it. */
const KILLS = 'Deno' in globalThis ? 2 : 6;

test('run that was killed leaves nothing that is wrongly called right, and the next one mends it', (t) =>
  withSeed((seed) => survivesKills(t, seed, KILLS)));

/** Debian's archive, asked by apt with folders of its own. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { resolveDebian } from '../../core/store/debian.ts';
import { excerptIn } from '../../core/store/paths.ts';
import { tempFolder } from '../rig/temp.ts';
import { DIRECT, listening } from './fetching.ts';

test('excerpt of a bundle stays when the look into it is interrupted', async (t) => {
  const apt = await tempFolder(t);
  mkdirSync(excerptIn(apt));
  const source = { kind: 'deb', apt, package: 'hello', suite: 'stable' } as const;
  const { fetching } = listening(DIRECT, AbortSignal.abort('SIGINT'));
  await assert.rejects(resolveDebian(source, fetching), (reason) => reason === 'SIGINT');
  assert.equal(existsSync(excerptIn(apt)), true);
});

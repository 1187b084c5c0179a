/** Where Node may keep compiled code of cc: it runs what it finds there, so nobody else may write it. */
import assert from 'node:assert/strict';
import { chmod, chown, mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { ccByNode, folder } from '../rig/cc.ts';
import { rootless } from '../rig/tools.ts';

const STRANGER = 61002;
const skip = rootless('may give files away');

/** What stands below the folder of code after cc has run, with this change made before. */
async function kept(
  t: Parameters<typeof folder>[0],
  change: (cwd: string) => Promise<unknown>,
  cache = 'cache',
): Promise<readonly string[]> {
  const cwd = await folder(t);
  await change(cwd);
  const where = { XDG_CACHE_HOME: cache.startsWith('.') ? cache : join(cwd, cache) };
  const { code, stderr } = await ccByNode({ ...where, NODE_COMPILE_CACHE: undefined }, cwd, '--version');
  assert.deepEqual([code, stderr], [0, '']);
  return readdir(join(cwd, cache, 'cc/code')).catch(() => []);
}

const made = async (cwd: string, path = 'cache/cc/code') => {
  await mkdir(join(cwd, path), { recursive: true });
  return join(cwd, path);
};

type Case = readonly [what: string, change: (cwd: string) => Promise<unknown>, cache?: string];

const KEPT: readonly Case[] = [
  ['a folder that is not there yet', async () => {}],
  ['a folder of its own', (cwd) => made(cwd)],
  [
    'its own folder in one that is as /tmp',
    async (cwd) => chmod(join(await made(cwd), '..'), 0o1777), // nobody may rename what is in it
  ],
];

for (const [where, change] of KEPT)
  test(`compiled code is kept in ${where}`, async (t) => {
    assert.notDeepEqual(await kept(t, change), []);
  });

const REFUSED: readonly Case[] = [
  ['that everyone may write', async (cwd) => chmod(await made(cwd), 0o777)],
  ['that a group may write', async (cwd) => chmod(await made(cwd), 0o775)],
  ['that everyone may add to', async (cwd) => chmod(await made(cwd), 0o1777)],
  ['that everyone may make', async (cwd) => chmod(await made(cwd, 'cache/cc'), 0o1777)],
  ['below one that everyone may write', async (cwd) => chmod(join(await made(cwd), '..'), 0o777)],
  [
    'behind a link',
    async (cwd) => {
      await made(cwd, 'elsewhere/cc/code');
      await symlink('elsewhere', join(cwd, 'cache'));
    },
  ],
  ['whose name is not absolute', (cwd) => made(cwd, 'cache/cc/code'), './cache'],
];

for (const [what, change, cache] of REFUSED)
  test(`no compiled code is kept in a folder ${what}`, async (t) => {
    assert.deepEqual(await kept(t, change, cache), []);
  });

for (const [what, path] of [
  ['of somebody else', 'cache/cc/code'],
  ['below one of somebody else', 'cache'],
] as const)
  test(`no compiled code is kept in a folder ${what}`, { skip }, async (t) => {
    const change = async (cwd: string) => {
      await made(cwd);
      await chown(join(cwd, path), STRANGER, STRANGER);
    };
    assert.deepEqual(await kept(t, change), []);
  });

test('no compiled code is kept where the kernel lets nobody make a folder, and nobody waits for it', async (t) => {
  const cwd = await folder(t);
  const where = { XDG_CACHE_HOME: undefined, HOME: '/proc', NODE_COMPILE_CACHE: undefined };
  const { code, stderr } = await ccByNode(where, cwd, '--version');
  assert.deepEqual([code, stderr], [0, '']);
});

test('no compiled code is kept in a folder that cannot be looked at, and cc starts', async (t) => {
  const cwd = await folder(t);
  const where = { XDG_CACHE_HOME: join(cwd, 'x'.repeat(300)), NODE_COMPILE_CACHE: undefined };
  const { code, stderr } = await ccByNode(where, cwd, '--version');
  assert.deepEqual([code, stderr], [0, '']);
});

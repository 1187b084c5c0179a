/** What CRI-O calls as runtime: what a sandbox leaves goes with it, and nothing of the others does. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { called } from '../../plugins/clear-containers/runtime.ts';
import { tempFolder } from '../rig/temp.ts';

const SANDBOX = 'a'.repeat(64);
const CONTAINER = 'b'.repeat(64);
const OTHER = 'c'.repeat(64);

/** What the runtime keeps of pods, by where it does. */
const KEPT: Readonly<Record<string, string>> = {
  '/run/virtcontainers/pods': 'run',
  '/var/lib/virtcontainers/pods': 'kept',
  '/run/hyper/shared/pods': 'shared',
};

/** A pod with one container, and another pod; with a runtime that does this, or none. Answers how the call ended, and what is left. */
async function calling(t: TestContext, does: string | undefined, ...words: readonly string[]) {
  const folder = await tempFolder(t);
  const file = (name: string) => join(folder, name);
  const program = (name: string, text: string) =>
    writeFile(file(name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  for (const name of ['run', 'kept']) {
    await mkdir(file(`${name}/${SANDBOX}/${CONTAINER}`), { recursive: true });
    await mkdir(file(`${name}/${OTHER}`), { recursive: true });
  }
  for (const pod of [SANDBOX, OTHER]) {
    await mkdir(file(`shared/${pod}/${CONTAINER}/rootfs`), { recursive: true });
    await writeFile(file(`shared/${pod}/${CONTAINER}-hostname`), '');
  }
  if (does !== undefined) await program('cc-runtime', `cd ${folder}\n${does}`);
  await program('pgrep', 'exit 0'); // all machines run
  await program('pkill', `echo "$4" >>${file('ended')}`);
  const paths = { runtime: file('cc-runtime'), proxy: file('cc-proxy'), shim: file('cc-shim') };
  const script = Object.entries(KEPT).reduce(
    (text, [path, name]) => text.replaceAll(path, file(name)),
    called(paths),
  );
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` };
  const status = await new Promise<number>((resolve) => {
    const child = execFile('sh', ['-c', script, 'cc', ...words], { env });
    child.on('close', (code) => resolve(code ?? -1));
  });
  const left = await Promise.all(
    Object.values(KEPT).map(async (name) =>
      (await readdir(file(name))).toSorted().map((id) => `${name}/${id[0]}`),
    ),
  );
  const ended = (await readFile(file('ended'), 'utf8').catch(() => '')).matchAll(/-name pod-./g);
  return { status, left: left.flat(), ended: [...ended].map(([words]) => words) };
}

const EVERYTHING = ['run/a', 'run/c', 'kept/a', 'kept/c', 'shared/a', 'shared/c'];
const WITHOUT = ['run/c', 'kept/c', 'shared/c'];

test('sandbox that is deleted leaves nothing below what it shared', async (t) => {
  const deletes = `rm -r run/${SANDBOX} kept/${SANDBOX}`;
  assert.deepEqual(await calling(t, deletes, 'delete', '--force', SANDBOX), {
    ...{ status: 0, left: WITHOUT },
    ended: ['-name pod-a'],
  });
});

test('sandbox that does not start leaves no machine, and the call fails as the runtime did', async (t) => {
  assert.deepEqual(await calling(t, 'exit 7', 'start', SANDBOX), {
    ...{ status: 7, left: WITHOUT },
    ended: ['-name pod-a'],
  });
});

/** What leaves every machine as it is. */
const HARMLESS: readonly (readonly [what: string, does: string, words: readonly string[], status: number])[] =
  [
    ['sandbox that starts', 'exit 0', ['start', SANDBOX], 0],
    ['container that does not start', 'exit 7', ['start', CONTAINER], 7],
    ['sandbox that is stopped', 'exit 0', ['kill', SANDBOX, 'TERM'], 0],
    ['sandbox that cannot be deleted', 'exit 7', ['delete', SANDBOX], 7],
    ['call of start without an id', 'exit 7', ['start'], 7],
    ['call of delete without an id', 'exit 7', ['delete', '--help'], 7],
    ['question for a state', 'exit 0', ['state', SANDBOX], 0],
  ];

for (const [what, does, words, status] of HARMLESS)
  test(`${what} ends no machine`, async (t) => {
    assert.deepEqual(await calling(t, does, ...words), { status, left: EVERYTHING, ended: [] });
  });

test('container that is deleted leaves the machine of its sandbox', async (t) => {
  const deletes = `rm -r run/${SANDBOX}/${CONTAINER} kept/${SANDBOX}/${CONTAINER}`;
  const { status, left, ended } = await calling(t, deletes, 'delete', CONTAINER);
  assert.deepEqual({ status, left }, { status: 0, left: EVERYTHING });
  assert.ok(!ended.includes('-name pod-a'));
});

test('sandbox whose runtime is gone can be deleted', async (t) => {
  const { status, left } = await calling(t, undefined, 'delete', SANDBOX);
  assert.deepEqual({ status, left }, { status: 0, left: WITHOUT });
});

test('call without an id ends no machine where the runtime is gone', async (t) => {
  const { left, ended } = await calling(t, undefined, 'delete');
  assert.deepEqual({ left, ended }, { left: EVERYTHING, ended: [] });
});

/** The hold: one living owner, and a dead one in nobody's way. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { hold, holding, ownerOf } from '../../core/host/hold.ts';
import { username } from '../../core/host/local.ts';
import { Failed, type Owner } from '../../core/model/failure.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { program } from './second-process.ts';

async function holder(t: Lasting, path: string): Promise<ChildProcess> {
  const [runtime, ...words] = program(new URL('hold-holder.ts', import.meta.url), path);
  const child = spawn(runtime!, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit').then((exit) => assert.fail(`it ended: ${exit}`));
  ended.catch(() => {}); // it is killed in the end
  await Promise.race([once(child.stdout, 'data'), ended]);
  return child;
}

const ownerIn = async (path: string) => JSON.parse(await readFile(path, 'utf8')) as Owner;

async function refused(taking: Promise<unknown>) {
  const error = await taking.then(
    () => assert.fail('it was taken'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Failed, String(error));
  return error.failure;
}

test('hold of another process is refused with its owner', async (t) => {
  const path = join(await tempFolder(t), 'state/hold');
  const child = await holder(t, path);
  const owner = await ownerIn(path);
  assert.deepEqual([owner.pid, owner.run, owner.command], [child.pid, 'run-of-holder', 'cc run all']);
  assert.deepEqual([owner.user, owner.from], [username(), hostname()]);
  assert.deepEqual(await refused(hold(path, ownerOf('second', 'cc run x'))), { kind: 'held', path, owner });
  assert.deepEqual(await readdir(dirname(path)), ['hold']);
});

test('hold may be read by its owner alone', async (t) => {
  const path = join(await tempFolder(t), 'state/hold');
  const mine = await hold(path, ownerOf('first', 'cc run all'));
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await mine[Symbol.asyncDispose]();
});

test('hold of a killed process is taken over', async (t) => {
  const path = join(await tempFolder(t), 'hold');
  const child = await holder(t, path);
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  const mine = await hold(path, ownerOf('second', 'cc run x'));
  assert.deepEqual((await ownerIn(path)).run, 'second');
  await mine[Symbol.asyncDispose]();
  assert.deepEqual(await readdir(dirname(path)), []);
});

test('hold tells whose it is without taking it, and of none who is dead', async (t) => {
  const path = join(await tempFolder(t), 'state/hold');
  assert.equal(holding(path), undefined);
  const child = await holder(t, path);
  assert.deepEqual(holding(path), await ownerIn(path));
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  assert.equal(holding(path), undefined);
  assert.deepEqual(await readdir(dirname(path)), ['hold']);
});

test('hold released is free', async (t) => {
  const path = join(await tempFolder(t), 'hold');
  for (const run of ['first', 'second']) {
    const mine = await hold(path, ownerOf(run, 'cc'));
    assert.equal((await refused(hold(path, ownerOf('other', 'cc')))).kind, 'held');
    await mine[Symbol.asyncDispose]();
  }
});

test('hold of a living process with a recycled pid, or of another boot, is taken over', async (t) => {
  const path = join(await tempFolder(t), 'hold');
  const mine = await hold(path, ownerOf('first', 'cc'));
  const owner = await ownerIn(path);
  await mine[Symbol.asyncDispose]();
  for (const stale of [
    { ...owner, started: `${Number(owner.started) - 1}` },
    { ...owner, boot: 'another' },
  ]) {
    await writeFile(path, JSON.stringify(stale));
    await (await hold(path, ownerOf('second', 'cc')))[Symbol.asyncDispose]();
  }
  await writeFile(path, JSON.stringify(owner));
  assert.equal((await refused(hold(path, ownerOf('second', 'cc')))).kind, 'held');
});

test('hold of a torn, empty or foreign file is taken over', async (t) => {
  const path = join(await tempFolder(t), 'hold');
  for (const text of ['', '{"pid": 12', '{}', '[]', '1', 'null', 'garbage']) {
    await writeFile(path, text);
    const taken = await hold(path, ownerOf('second', 'cc'));
    assert.equal(JSON.parse(await readFile(path, 'utf8')).run, 'second', text);
    await taken[Symbol.asyncDispose]();
  }
});

test('hold of a dead owner wanted by many at once is taken by one, and refused to the others', async (t) => {
  const folder = await tempFolder(t);
  for (let round = 0; round < 60; round++) {
    const path = join(folder, `${round}/hold`);
    await mkdir(dirname(path));
    await writeFile(path, 'torn');
    const runs = ['a', 'b', 'c', 'd', 'e'];
    const taken = await Promise.allSettled(runs.map((run) => hold(path, ownerOf(run, 'cc'))));
    const kinds = taken.map((each) => {
      if (each.status === 'fulfilled') return 'taken';
      return each.reason instanceof Failed ? each.reason.failure.kind : String(each.reason);
    });
    assert.deepEqual(kinds.toSorted(), ['held', 'held', 'held', 'held', 'taken']);
  }
});

test('hold of a dead owner that a living run is taking over is refused, naming that run', async (t) => {
  const path = join(await tempFolder(t), 'hold');
  await writeFile(path, 'torn');
  const taking = await hold(`${path}.takeover`, ownerOf('contender', 'cc run x'));
  const owner = await ownerIn(`${path}.takeover`);
  assert.equal(owner.run, 'contender');
  assert.deepEqual(await refused(hold(path, ownerOf('second', 'cc'))), {
    kind: 'held',
    path: `${path}.takeover`,
    owner,
  });
  await taking[Symbol.asyncDispose]();
  await (await hold(path, ownerOf('second', 'cc')))[Symbol.asyncDispose]();
  assert.deepEqual(await readdir(dirname(path)), []);
});

test('hold whose takeover was killed half-way is taken over all the same', async (t) => {
  const path = join(await tempFolder(t), 'hold');
  for (const name of ['', '.takeover', '.takeover.takeover']) await writeFile(path + name, 'torn');
  const mine = await hold(path, ownerOf('second', 'cc'));
  assert.equal((await ownerIn(path)).run, 'second');
  await mine[Symbol.asyncDispose]();
  assert.deepEqual(await readdir(dirname(path)), []);
});

/** Files by way of the agent where somebody else may be at work: planted links, folders that are swapped, killed writers. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmod,
  lchown,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ownTransport } from '../../core/host/local-agent.ts';
import { digestOf } from '../../core/model/digest.ts';
import { Failed, type Failure } from '../../core/model/failure.ts';
import { tempFolder } from '../rig/temp.ts';
import { rootless } from '../rig/tools.ts';
import { isRunning, numberIn, until } from './second-process.ts';

const skip = rootless('can act for somebody else');
/** Debian's nobody. */
const SOMEBODY = 65534;
const content = (text: string) => ({ source: text, digest: digestOf(text) });

async function place(t: TestContext) {
  const top = await tempFolder(t);
  const folder = join(top, 'host');
  await mkdir(folder);
  return { folder, base: join(top, 'base'), host: ownTransport('node-1', join(top, 'base')) };
}

async function why(action: Promise<unknown>): Promise<string> {
  const error = await action.then(
    () => assert.fail('it was not refused'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Failed, String(error));
  const failure: Failure = error.failure;
  return failure.kind === 'cannot-tell' ? failure.why : JSON.stringify(failure);
}

/** Changes that are asked for at a path below a folder. */
const CHANGES = {
  install: ({ host }: Awaited<ReturnType<typeof place>>, path: string) =>
    host.files.install(path, content('ours'), { mode: 0o644 }),
  folder: ({ host }: Awaited<ReturnType<typeof place>>, path: string) =>
    host.files.folder(path, { mode: 0o755 }),
};

for (const [name, change] of Object.entries(CHANGES)) {
  test(`${name} follows no link that somebody else has made, at whatever depth`, { skip }, async (t) => {
    const here = await place(t);
    const theirs = join(here.folder, 'theirs');
    await mkdir(theirs);
    await symlink(theirs, join(here.folder, 'planted'));
    await lchown(join(here.folder, 'planted'), SOMEBODY, SOMEBODY);
    for (const below of ['x', 'a/b/x'])
      assert.equal(
        await why(change(here, join(here.folder, 'planted', below))),
        `${here.folder}/planted: a link of somebody who is neither root nor root is not followed`,
      );
    assert.deepEqual(await readdir(theirs), []);
  });

  test(`${name} follows a link of root, as /lib is one on many hosts`, { skip }, async (t) => {
    const here = await place(t);
    await mkdir(join(here.folder, 'usr'));
    await symlink('usr/../usr', join(here.folder, 'lib'));
    await change(here, join(here.folder, 'lib/a/x'));
    assert.deepEqual(await readdir(join(here.folder, 'usr/a')), ['x']);
    await here.host.files.remove(join(here.folder, 'lib/a/x'));
    assert.deepEqual(await readdir(join(here.folder, 'usr')), []);
  });
}

test('install puts a file in the place of a link, not where it leads', { skip }, async (t) => {
  const { folder, host } = await place(t);
  await writeFile(join(folder, 'theirs'), 'theirs');
  await symlink('theirs', join(folder, 'x'));
  await lchown(join(folder, 'x'), SOMEBODY, SOMEBODY);
  await host.files.install(join(folder, 'x'), content('ours'), { mode: 0o644 });
  assert.equal(await readFile(join(folder, 'theirs'), 'utf8'), 'theirs');
  assert.equal(await readFile(join(folder, 'x'), 'utf8'), 'ours');
});

/** An install whose bytes come when the test says so. */
async function arriving(folder: string, install: (source: { file: string }) => Promise<void>) {
  const fifo = join(folder, '..', 'fifo');
  assert.equal(spawnSync('mkfifo', [fifo]).status, 0);
  const bytes = await open(fifo, 'r+'); // both ways, because a fifo is opened by two at once
  const installing = install({ file: fifo });
  installing.catch(() => undefined); // its test hears of it
  return { bytes, installing };
}

const beginning = (folder: string) =>
  until('bytes arrive', async () => (await readdir(folder)).find((name) => /^\.cc-[0-9a-f]{32}$/.test(name)));

test('install is not led elsewhere by a folder that is swapped meanwhile', { skip }, async (t) => {
  const { folder, host } = await place(t);
  const [theirs, path] = [join(folder, 'theirs'), join(folder, 'at/x')];
  for (const name of ['at', 'theirs']) await mkdir(join(folder, name));
  const form = { mode: 0o4755 };
  const { bytes, installing } = await arriving(folder, (source) =>
    host.files.install(path, { source, digest: digestOf('s') }, form),
  );
  await beginning(join(folder, 'at'));
  await rename(join(folder, 'at'), join(folder, 'moved'));
  await symlink(theirs, join(folder, 'at'));
  await bytes.writeFile('s');
  await bytes.close();
  await installing;
  assert.deepEqual(await readdir(theirs), []);
  assert.deepEqual(await readdir(join(folder, 'moved')), ['x']);
});

test('install that is stopped ends while its bytes are still to come, and leaves nothing', async (t) => {
  const { folder, base, host } = await place(t);
  const stop = new AbortController();
  const { bytes, installing } = await arriving(folder, (source) =>
    host.files.install(join(folder, 'x'), { source, digest: digestOf('s') }, {}, stop.signal),
  );
  await beginning(folder);
  stop.abort();
  await assert.rejects(installing);
  await bytes.close();
  assert.deepEqual(await readdir(folder), []);
  assert.deepEqual(await readdir(join(base, 'new')), []);
});

test('what a killed install has left goes with the next change', async (t) => {
  const { folder, base, host } = await place(t);
  const { bytes, installing } = await arriving(folder, (source) =>
    host.files.install(join(folder, 'x'), { source, digest: digestOf('s') }, {}),
  );
  await beginning(folder);
  const [note] = await readdir(join(base, 'new'));
  const [pid] = (await readFile(join(base, 'new', note!), 'utf8')).split('\n'); // it began
  process.kill(Number(pid), 'SIGKILL');
  await assert.rejects(installing);
  await bytes.close();
  await host.files.install(join(folder, 'y'), content('y'), {});
  assert.deepEqual(await readdir(folder), ['y']);
});

test('install gives a file its owner before its name', { skip }, async (t) => {
  const { folder, host } = await place(t);
  const path = join(folder, 'x');
  await host.files.install(path, content('x'), { mode: 0o600, owner: 'nobody:root' });
  const { facts } = await host.files.look(path);
  assert.deepEqual(facts, {
    kind: 'file',
    mode: 0o600,
    owner: 'nobody:root',
    size: 1,
    digest: digestOf('x'),
  });
  assert.equal(
    await why(host.files.install(path, content('y'), { owner: 'no-such-user' })),
    'there is no "no-such-user" here',
  );
  assert.equal(await readFile(path, 'utf8'), 'x');
});

test('folder has the mode and owner it is given, made or found', { skip }, async (t) => {
  const { folder, host } = await place(t);
  const path = join(folder, 'a/b');
  await host.files.folder(path, { mode: 0o2750, owner: 'nobody:nogroup' });
  const first = await stat(path);
  assert.deepEqual([first.mode & 0o7777, first.uid], [0o2750, SOMEBODY]);
  await chmod(path, 0o700);
  await host.files.folder(path, { mode: 0o755, owner: '0' });
  const second = await stat(path);
  assert.deepEqual([second.mode & 0o7777, second.uid, second.gid], [0o755, 0, 0]);
});

test('remove that is cut off once it has put back the original leaves it alone the next time', async (t) => {
  const { folder, base, host } = await place(t);
  const path = join(folder, 'x');
  await writeFile(path, 'theirs');
  await host.files.install(path, content('ours'), {});
  await host.files.remove(path);
  await writeFile(join(base, 'files', digestOf(path)), `${path}\nback\n`); // as SIGKILL before the last step leaves it
  await host.files.remove(path);
  assert.equal(await readFile(path, 'utf8'), 'theirs');
  assert.deepEqual(await readdir(join(base, 'files')), []);
});

test('reap ends who carries a mark, and nobody whose mark is alike', async (t) => {
  const { folder, host } = await place(t);
  const daemon = (mark: string) =>
    host.exec(
      ['sh', '-c', 'setsid sh -c \'echo $$ >"$0"; exec sleep 1000\' "$0" </dev/null >/dev/null 2>&1 &', mark],
      { cwd: folder, env: { CC_RUN: `${folder}/${mark}` } },
    );
  for (const mark of ['a.b', 'a.bc', 'axb']) await daemon(mark);
  const [mine, ...others] = await Promise.all(
    ['a.b', 'a.bc', 'axb'].map((mark) => numberIn(join(folder, mark))),
  );
  assert.equal(await host.reap(`${folder}/a.b`), 1);
  await until('the one with the mark has ended', async () => !(await isRunning(mine!))); // there are three
  for (const pid of others) process.kill(pid, 'SIGKILL');
});

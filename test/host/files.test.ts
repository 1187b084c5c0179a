/** Files on a host: the same claims for looks by the agent and for looks that spare it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { agentFiles } from '../../core/host/files.ts';
import { local } from '../../core/host/local.ts';
import { ownTransport } from '../../core/host/local-agent.ts';
import type { Files } from '../../core/host/transport.ts';
import { digestOf } from '../../core/model/digest.ts';
import { Failed } from '../../core/model/failure.ts';
import { agentBehind } from '../rig/agent.ts';
import { tempFolder } from '../rig/temp.ts';
import { confined } from '../rig/tools.ts';

interface Place {
  readonly files: Files;
  readonly folder: string;
  readonly base: string;
}

const KINDS = {
  'local files': (base: string) => local('node-1', base).files,
  'files by the agent': (base: string) => ownTransport('node-1', base).files,
};
const content = (text: string) => ({ source: text, digest: digestOf(text) });
const mode = async (path: string) => (await stat(path)).mode & 0o7777;
/** Whoever runs the tests. */
const owner = spawnSync('sh', ['-c', 'printf %s "$(id -un):$(id -gn)"'], { encoding: 'utf8' }).stdout;
const file = (text: string, mode: number) =>
  ({ kind: 'file', mode, owner, size: Buffer.byteLength(text), digest: digestOf(text) }) as const;
const directory = (mode: number) => ({ kind: 'directory', mode, owner }) as const;

/** Makes one test for each kind of files. */
function claim(title: string, body: (place: Place, t: TestContext) => Promise<void>): void {
  for (const [kind, make] of Object.entries(KINDS)) {
    test(`${kind}: ${title}`, async (t) => {
      const top = await tempFolder(t);
      const folder = join(top, 'host');
      await mkdir(folder);
      const base = join(top, 'base');
      await body({ files: make(base), folder, base }, t);
    });
  }
}

async function refused(action: Promise<unknown>) {
  const error = await action.then(
    () => assert.fail('it was not refused'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Failed, String(error));
  return error.failure;
}

claim('look tells a file, a folder, something else and nothing apart', async ({ files, folder }) => {
  await writeFile(join(folder, 'file'), 'text\n');
  await chmod(join(folder, 'file'), 0o4751);
  await mkdir(join(folder, 'folder'));
  await chmod(join(folder, 'folder'), 0o1777);
  await symlink('file', join(folder, 'link'));
  await symlink('nowhere', join(folder, 'dangling'));
  assert.equal(spawnSync('mkfifo', [join(folder, 'fifo')]).status, 0);
  const look = async (name: string) => (await files.look(join(folder, name))).facts;
  assert.deepEqual(await look('file'), file('text\n', 0o4751));
  assert.deepEqual(await look('folder'), directory(0o1777));
  assert.deepEqual(await look('link'), file('text\n', 0o4751));
  assert.deepEqual(await look('fifo'), { kind: 'other' });
  assert.equal(await look('dangling'), undefined);
  assert.equal(await look('nothing'), undefined);
  assert.equal(await look('file/below'), undefined);
});

claim('look and text agree with odd names and odd content', async ({ files, folder }) => {
  for (const name of ['a b', "it's", '"', '-n', '--', 'a\nb', '$HOME', '*', 'ö', '\\', 'a%sb', '`id`', ' ']) {
    const path = join(folder, name);
    const text = `${name}\0 text without end of line`;
    await files.install(path, content(text), { mode: 0o640 });
    assert.equal(await readFile(path, 'utf8'), text, name);
    assert.deepEqual(await files.look(path), { facts: file(text, 0o640), owned: true }, name);
    assert.equal(await files.text(path), text, name);
    await files.remove(path);
    assert.deepEqual(await files.look(path), { facts: undefined, owned: false }, name);
  }
  assert.deepEqual(await readdir(folder), []);
});

claim('text of nothing is undefined, of an empty file empty', async ({ files, folder }) => {
  await writeFile(join(folder, 'empty'), '');
  assert.equal(await files.text(join(folder, 'nothing')), undefined);
  assert.equal(await files.text(join(folder, 'empty')), '');
});

claim('install takes text or a file, and the mode whatever the umask', async ({ files, folder, base }) => {
  const source = join(folder, 'source');
  await writeFile(source, 'from a file', { mode: 0o600 });
  for (const wanted of [0o600, 0o755, 0o666, 0o4711]) {
    await files.install(
      join(folder, 'x'),
      { source: { file: source }, digest: digestOf('from a file') },
      { mode: wanted },
    );
    assert.equal(await mode(join(folder, 'x')), wanted);
  }
  await files.install(join(folder, 'x'), content(''), { mode: 0o644 });
  assert.equal(await readFile(join(folder, 'x'), 'utf8'), '');
  assert.equal(await mode(join(base, 'files')), 0o700);
  assert.equal(await mode(join(base, 'replaced')), 0o700);
});

claim('install refuses bytes that arrive different, and leaves what was there', async ({ files, folder }) => {
  const path = join(folder, 'x');
  await writeFile(path, 'before', { mode: 0o640 });
  const failure = await refused(
    files.install(path, { source: 'torn', digest: digestOf('whole') }, { mode: 0o644 }),
  );
  assert.deepEqual(failure, {
    kind: 'cannot-tell',
    host: 'node-1',
    what: `write ${path}`,
    why: `arrived as ${digestOf('torn')}, sent as ${digestOf('whole')}`,
  });
  assert.equal(await readFile(path, 'utf8'), 'before');
  assert.deepEqual(await readdir(folder), ['x']);
});

test("files refused on arrival are not taken for cc's own", async (t) => {
  const folder = await tempFolder(t);
  const files = ownTransport('node-1', join(folder, 'base')).files;
  const path = join(folder, 'x');
  await refused(files.install(path, { source: 'torn', digest: digestOf('whole') }, { mode: 0o644 }));
  await writeFile(path, 'made by somebody else since');
  assert.equal((await files.look(path)).owned, false);
});

claim('remove puts back what install replaced, with its mode', async ({ files, folder }) => {
  const path = join(folder, 'x');
  await writeFile(path, 'theirs');
  await chmod(path, 0o604);
  await files.install(path, content('ours'), { mode: 0o755 });
  await files.install(path, content('ours again'), { mode: 0o755 });
  assert.deepEqual(await files.look(path), { facts: file('ours again', 0o755), owned: true });
  await files.remove(path);
  assert.deepEqual(await files.look(path), { facts: file('theirs', 0o604), owned: false });
});

claim('remove takes away the folders that install made and no others', async ({ files, folder, base }) => {
  await mkdir(join(folder, 'theirs'));
  await files.install(join(folder, 'theirs/a/b/one'), content('1'), { mode: 0o644 });
  await files.install(join(folder, 'theirs/a/b/two'), content('2'), { mode: 0o644 });
  await files.remove(join(folder, 'theirs/a/b/one'));
  assert.deepEqual(await readdir(join(folder, 'theirs/a/b')), ['two']);
  await files.remove(join(folder, 'theirs/a/b/two'));
  assert.deepEqual(await readdir(join(folder, 'theirs')), []);
  assert.equal(await readFile(join(base, 'made'), 'utf8'), '');
});

claim('remove keeps a folder that install made once somebody else uses it', async ({ files, folder }) => {
  await files.install(join(folder, 'a/b/ours'), content('1'), { mode: 0o644 });
  await writeFile(join(folder, 'a/theirs'), '');
  await files.remove(join(folder, 'a/b/ours'));
  assert.deepEqual(await readdir(join(folder, 'a')), ['theirs']);
});

const inside = ['unshare', '--user', '--map-root-user', '--mount'];
const skip = confined(...inside.slice(1));

test('files by the agent: remove of a folder unmounts what a program has mounted below', {
  skip,
}, async (t) => {
  const top = await tempFolder(t);
  const path = join(top, 'state');
  const mounted = [
    'sh',
    '-c',
    'mount -t tmpfs a "$0/a" && mkdir "$0/a/b" && mount -t tmpfs b "$0/a/b" && exec "$@"',
  ];
  const base = join(top, 'base');
  await ownTransport('node-1', base).files.folder(path, {});
  await mkdir(join(path, 'a'));
  const agent = await agentBehind(t, [...inside, ...mounted, path]);
  await agentFiles('node-1', async () => agent, base).remove(path);
  await assert.rejects(stat(path), { code: 'ENOENT' });
});

claim('remove of what is gone does nothing, as often as it is asked', async ({ files, folder }) => {
  const path = join(folder, 'a/x');
  await files.remove(path);
  await files.install(path, content('1'), { mode: 0o644 });
  await files.remove(path);
  await files.remove(path);
  assert.deepEqual(await readdir(folder), []);
});

claim('remove puts a replaced link back as a link', async ({ files, folder }) => {
  await writeFile(join(folder, 'target'), 'theirs');
  await symlink('target', join(folder, 'x'));
  await files.install(join(folder, 'x'), content('ours'), { mode: 0o644 });
  assert.equal(await readFile(join(folder, 'target'), 'utf8'), 'theirs');
  await files.remove(join(folder, 'x'));
  assert.equal(spawnSync('readlink', [join(folder, 'x')]).stdout.toString(), 'target\n');
});

claim('install over a folder is refused', async ({ files, folder }) => {
  await mkdir(join(folder, 'x'));
  await writeFile(join(folder, 'x/theirs'), 'theirs');
  assert.equal(
    (await refused(files.install(join(folder, 'x'), content('ours'), { mode: 0o644 }))).kind,
    'cannot-tell',
  );
  assert.equal(await readFile(join(folder, 'x/theirs'), 'utf8'), 'theirs');
  assert.deepEqual(await readdir(folder), ['x']);
});

claim('text of a folder fails as something that cannot be told', async ({ files, folder }) => {
  assert.equal((await refused(files.text(folder))).kind, 'cannot-tell');
});

test('local files: what can be told neither there nor absent fails, with the path', async (t) => {
  const folder = await tempFolder(t);
  const files = local('node-1', join(folder, 'base')).files;
  const loop = join(folder, 'loop');
  await symlink('loop', loop);
  for (const looking of [files.look(loop), files.text(loop)]) {
    const failure = await refused(looking);
    assert.ok(failure.kind === 'cannot-tell' && failure.host === 'node-1', JSON.stringify(failure));
    assert.match(failure.why, /ELOOP/);
    assert.ok(failure.why.includes(loop), failure.why);
  }
});

claim(
  "folder without a mode is made with those above it, for its user alone, and is cc's to take away",
  async ({ files, folder }) => {
    const path = join(folder, 'a/state');
    await files.folder(path, {});
    assert.deepEqual(await files.look(path), { facts: directory(0o700), owned: true });
    await writeFile(join(path, 'theirs'), 'state');
    await files.folder(path, {});
    assert.equal(await readFile(join(path, 'theirs'), 'utf8'), 'state');
    await files.remove(path);
    assert.deepEqual(await readdir(folder), []);
  },
);

claim('folder where a file stands is refused, and the file is kept', async ({ files, folder }) => {
  const path = join(folder, 'x');
  await writeFile(path, 'theirs');
  await chmod(path, 0o604);
  assert.equal((await refused(files.folder(path, { mode: 0o755 }))).kind, 'cannot-tell');
  assert.equal(await readFile(path, 'utf8'), 'theirs');
  assert.deepEqual(await files.look(path), { facts: file('theirs', 0o604), owned: false });
});

claim('folder that somebody else has made stays theirs, and gets the mode it is given', async (here) => {
  const { files, folder } = here;
  const path = join(folder, 'x');
  await mkdir(path);
  await chmod(path, 0o750);
  await files.folder(path, {});
  assert.deepEqual(await files.look(path), { facts: directory(0o750), owned: false });
  await files.folder(path, { mode: 0o705 });
  assert.deepEqual(await files.look(path), { facts: directory(0o705), owned: false });
});

claim("remove leaves a folder that somebody has put in the place of cc's file", async ({ files, folder }) => {
  const path = join(folder, 'x');
  await files.install(path, content('ours'), { mode: 0o644 });
  await unlink(path);
  await mkdir(path);
  await writeFile(join(path, 'theirs'), 'theirs');
  const failure = await refused(files.remove(path));
  assert.deepEqual(failure, {
    kind: 'cannot-tell',
    host: 'node-1',
    what: `remove ${path}`,
    why: `${path} is left: cc put a file there, and a folder stands there now. Move what is not cc's away, and run this again`,
  });
  assert.equal(await readFile(join(path, 'theirs'), 'utf8'), 'theirs');
  await rename(path, join(folder, 'away'));
  await files.remove(path);
  assert.equal((await files.look(path)).owned, false);
});

claim(
  'remove and install leave what a link leads to that was not there before',
  async ({ files, folder }) => {
    const path = join(folder, 'at/x');
    await files.install(path, content('ours'), { mode: 0o644 });
    await rm(join(folder, 'at'), { recursive: true });
    await mkdir(join(folder, 'home'));
    await symlink('home', join(folder, 'at'));
    await writeFile(join(folder, 'home/x'), 'theirs');
    const failure = await refused(files.remove(path));
    assert.ok(failure.kind === 'cannot-tell');
    assert.match(failure.why, /cc put it into .*\/host\/at, and its path leads into .*\/host\/home now/);
    assert.equal(await readFile(join(folder, 'home/x'), 'utf8'), 'theirs');
    await files.install(path, content('ours again'), { mode: 0o644 });
    await files.remove(path);
    assert.equal(await readFile(join(folder, 'home/x'), 'utf8'), 'theirs');
  },
);

claim("remove takes cc's file, also where somebody has changed it or moved its folder", async (here) => {
  const { files, folder } = here;
  for (const name of ['changed', 'at/x'])
    await files.install(join(folder, name), content('1'), { mode: 0o644 });
  await writeFile(join(folder, 'changed'), 'otherwise');
  await rename(join(folder, 'at'), join(folder, 'elsewhere'));
  await symlink('elsewhere', join(folder, 'at'));
  for (const name of ['changed', 'at/x']) await files.remove(join(folder, name));
  assert.deepEqual((await readdir(folder)).toSorted(), ['at', 'elsewhere']);
  assert.deepEqual(await readdir(join(folder, 'elsewhere')), []);
});

test('a pipe among the records and notes is read as torn, and nobody waits for it', async (t) => {
  const base = join(await tempFolder(t), 'base');
  const { files, records } = ownTransport('node-1', base);
  await records.write('whole.json', '1');
  await files.install(join(base, 'x'), content('ours'), { mode: 0o644 });
  for (const name of ['stamps/pipe.json', 'files/pipe', 'stamps/site', 'new/pipe'])
    assert.equal(spawnSync('mkfifo', [join(base, name)]).status, 0);
  assert.deepEqual(Object.fromEntries(await records.all()), { 'pipe.json': '', site: '', 'whole.json': '1' });
  assert.deepEqual(await files.noted(), [join(base, 'x')]);
  assert.equal((await refused(records.settle('site', '', '{}'))).kind, 'cannot-tell');
  await files.remove(join(base, 'x'));
  for (const name of ['pipe.json', 'whole.json']) await records.remove(name);
  assert.deepEqual(await readdir(join(base, 'stamps')).catch(() => []), []);
});

test('a pipe is no text, and no place for a lock', async (t) => {
  const folder = await tempFolder(t);
  const host = ownTransport('node-1', join(folder, 'base'));
  const pipe = join(folder, 'pipe');
  assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
  const failure = await refused(host.files.text(pipe));
  assert.ok(failure.kind === 'cannot-tell' && failure.why === `${pipe}: it is no regular file`);
  await mkdir(join(folder, 'base'));
  assert.equal(spawnSync('mkfifo', [join(folder, 'base/lock')]).status, 0);
  const unlocked = await refused(host.files.install(join(folder, 'x'), content('x'), {}));
  assert.ok(unlocked.kind === 'cannot-tell' && unlocked.why.endsWith('base/lock: No such device or address'));
});

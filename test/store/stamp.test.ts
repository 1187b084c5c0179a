/** Version stamps, kept in a file here or as records on a host: read back whole, or not at all. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ownTransport } from '../../core/host/local-agent.ts';
import type { Transport } from '../../core/host/transport.ts';
import { digestOf } from '../../core/model/digest.ts';
import { Failed } from '../../core/model/failure.ts';
import { taskId } from '../../core/model/task.ts';
import { remoteStamps } from '../../core/store/host-stamps.ts';
import { FORMAT, localStamps, type Stamp, type Stamps } from '../../core/store/stamp.ts';
import { tempFolder } from '../rig/temp.ts';

const TASK = taskId('node-1', 'runc', 'binary');
/** The file that a host keeps it in. */
const FILE = 'node-1+runc+binary.json';

function stampOf(
  task = TASK,
  facts: Stamp['facts'] = { digest: 'zwölf\n\t"', list: [1, null, true] },
): Stamp {
  const manifest = { plugin: { name: 'runc', epoch: 1 }, inputs: { path: '/usr/local/sbin/runc' } };
  const at = '2026-11-22T12:03:01.000Z';
  const result = digestOf('facts');
  return {
    format: FORMAT,
    task,
    state: 'applied',
    ours: true,
    run: 'r1',
    manifest,
    facts,
    result,
    at,
  };
}

/** How stamps of a kind are opened, and where the record of `TASK` stands for a test that damages it. */
interface Kind {
  open(place: string): Stamps;
  /** The record as it stands. */
  record(place: string): Promise<string>;
  /** Puts a record in its place. */
  put(place: string, record: string): Promise<void>;
}

const KINDS: Readonly<Record<string, Kind>> = {
  'local stamp': {
    open: (place) => localStamps(place),
    record: async (place) => (await readFile(place, 'utf8')).trimEnd().slice(`${TASK}\t`.length),
    put: (place, record) => writeFile(place, `${TASK}\t${record}\n`),
  },
  'remote stamp': {
    open: (place) => remoteStamps(ownTransport('node-1', dirname(place))),
    record: (place) => readFile(join(place, FILE), 'utf8'),
    put: (place, record) => writeFile(join(place, FILE), record),
  },
};

interface Stage {
  /** Opens the same stamps anew, as the next run would. */
  open(): Stamps;
  readonly place: string;
  readonly record: () => Promise<string>;
  readonly put: (record: string) => Promise<void>;
}

/** Makes one test for each kind of stamps. */
function claim(title: string, body: (stage: Stage) => Promise<void>): void {
  for (const [kind, { open, record, put }] of Object.entries(KINDS)) {
    test(`${kind} ${title}`, async (t) => {
      const place = join(await tempFolder(t), 'state/stamps');
      await body({
        open: () => open(place),
        place,
        record: () => record(place),
        put: (text) => put(place, text),
      });
    });
  }
}

claim('is read back as it was written, at once and by the next run', async ({ open }) => {
  const stamps = open();
  assert.equal(await stamps.read(TASK), undefined);
  await stamps.write(stampOf());
  assert.deepEqual(await stamps.read(TASK), stampOf());
  assert.deepEqual(await open().read(TASK), stampOf());
});

claim('is the last one written, and none once removed, however often', async ({ open }) => {
  const stamps = open();
  await stamps.write({ ...stampOf(), state: 'applying' });
  await stamps.write({ ...stampOf(), state: 'failed', report: { learnt: 1 } });
  assert.deepEqual(await open().read(TASK), { ...stampOf(), state: 'failed', report: { learnt: 1 } });
  await stamps.remove(TASK);
  await stamps.remove(TASK);
  assert.equal(await stamps.read(TASK), undefined);
  assert.equal(await open().read(TASK), undefined);
});

test("remote stamp that was the last takes cc's own folder along, unless that notes something", async (t) => {
  const home = join(await tempFolder(t), 'cc');
  const [place, files] = [join(home, 'stamps'), join(home, 'files')];
  const stamps = KINDS['remote stamp']!.open(place); // it stands above
  const other = taskId('node-1', 'runc', 'other');
  const round = async () => {
    await stamps.write(stampOf());
    await stamps.write(stampOf(other));
    for (const name of ['lock', 'made']) await writeFile(join(home, name), '');
    await stamps.remove(TASK);
    assert.deepEqual(await readdir(place), ['node-1+runc+other.json']);
    await stamps.remove(other);
  };
  await mkdir(files, { recursive: true });
  await writeFile(join(files, 'note'), '/etc/theirs');
  await round();
  assert.deepEqual((await readdir(home)).toSorted(), ['files', 'lock', 'made']);
  await rm(join(files, 'note'));
  await round();
  await assert.rejects(stat(home), { code: 'ENOENT' });
});

test('remote stamp is for its user only', async (t) => {
  const place = join(await tempFolder(t), 'state/stamps');
  await KINDS['remote stamp']!.open(place).write(stampOf()); // it stands above
  assert.equal((await stat(place)).mode & 0o777, 0o700);
  assert.equal((await stat(join(place, FILE))).mode & 0o777, 0o600);
});

test('local stamp is for its user only', async (t) => {
  const place = join(await tempFolder(t), 'state/stamps');
  await localStamps(place).write(stampOf());
  assert.equal((await stat(place)).mode & 0o777, 0o600);
});

claim('is of its own task, and of none with a name like it', async ({ open }) => {
  const ids = ['a.b/c/d', 'a/b.c/d', 'a/b/c.d', 'a-b/c/d', 'a/b-c/d', 'a/b/c'];
  const tasks = ids.map((id) => taskId(...(id.split('/') as [string, string, string])));
  const stamps = open();
  for (const task of tasks) await stamps.write(stampOf(task, { task }));
  const next = open();
  for (const task of tasks) assert.deepEqual(await next.read(task), stampOf(task, { task }));
});

claim('cut off anywhere counts as none', async ({ open, record, put }) => {
  await open().write(stampOf());
  const whole = await record();
  for (const length of [0, 1, 10, 80, whole.length >> 1, whole.length - 2, whole.length - 1]) {
    await put(whole.slice(0, length));
    assert.equal(await open().read(TASK), undefined, `${length} of ${whole.length}`);
  }
});

const undo = (...kept: readonly unknown[]) => ({ undo: kept });

/** Records of the right task and format that something is missing in or wrong with. */
const wrong = Object.fromEntries(
  Object.entries({
    undo: { undo: 'x' },
    'what takes back': undo(null),
    'a kind of taking back': undo({ kind: 'toString', why: '' }),
    'a path': undo({ kind: 'remove', path: 5, why: '' }),
    'a command': undo({ kind: 'run', command: { argv: 'rm' }, why: '' }),
    'a unit': undo({ kind: 'unit', unit: 'a.service', state: 'no', why: '' }),
    packages: undo({ kind: 'packages', names: 'x', why: '' }),
    reason: undo({ kind: 'remove', path: '/a' }),
    manifest: { manifest: null },
    ours: { ours: undefined },
    root: { root: 'yes' },
    facts: { facts: undefined },
    result: { result: 5 },
    run: { run: undefined },
    state: { state: 'done' },
    time: { at: 5 },
  }).map(([what, part]) => [`wrong ${what}`, JSON.stringify({ ...stampOf(), ...part })]),
);

claim('that is foreign, older or no stamp at all counts as none', async ({ open, put }) => {
  await open().write(stampOf());
  const contents = {
    empty: '',
    garbage: 'garbage',
    null: 'null',
    number: '1',
    list: '[]',
    bytes: '\0\0\0\0',
    'another shape': JSON.stringify({ stamp: stampOf() }),
    'another task': JSON.stringify({ ...stampOf(), task: 'node-1/runc/other' }),
    ...wrong,
    'another format': JSON.stringify({ ...stampOf(), format: FORMAT + 1 }),
  };
  for (const [what, content] of Object.entries(contents)) {
    await put(content);
    assert.equal(await open().read(TASK), undefined, what);
  }
  await put(JSON.stringify(stampOf()));
  assert.deepEqual(await open().read(TASK), stampOf());
});

claim('that is torn leaves the stamps beside it readable', async ({ open, put }) => {
  const other = taskId('node-1', 'a', 'b');
  await open().write(stampOf());
  await put('{"format":"torn\n\nby lines\n');
  await open().write(stampOf(other));
  assert.deepEqual(await open().read(other), stampOf(other));
  assert.equal(await open().read(TASK), undefined);
});

claim('that was never written is none, and reading makes nothing', async ({ open, place }) => {
  assert.equal(await open().read(TASK), undefined);
  await assert.rejects(stat(place), { code: 'ENOENT' });
});

test('remote stamps are all read with one question', async (t) => {
  const host = ownTransport('node-1', await tempFolder(t));
  let asked = 0;
  const all = () => {
    asked += 1;
    return host.records.all();
  };
  const counting: Transport = { ...host, records: { ...host.records, all } };
  const stamps = remoteStamps(counting);
  for (const step of ['a', 'b', 'c']) await stamps.read(taskId('node-1', 'p', step));
  assert.equal(asked, 1);
});

test('remote stamp cut off while it is written leaves the one before', async (t) => {
  const base = await tempFolder(t);
  const open = () => remoteStamps(ownTransport('node-1', base));
  await open().write({ ...stampOf(), state: 'applying' });
  // As when the agent is killed before all of the text is on the disk.
  await writeFile(join(base, 'stamps', `${FILE}.new`), JSON.stringify(stampOf()).slice(0, 10));
  assert.equal((await open().read(TASK))?.state, 'applying');
  await open().write(stampOf());
  assert.deepEqual(await open().read(TASK), stampOf());
});

test('remote stamp that cannot be written is a failure of its host, not a bug of cc', async (t) => {
  const base = await tempFolder(t);
  await writeFile(join(base, 'stamps'), 'in the way');
  await assert.rejects(remoteStamps(ownTransport('node-1', base)).write(stampOf()), { name: 'Failed' });
});

const MINE = { id: '11111111-aaaa-4aaa-8aaa-aaaaaaaaaaaa', name: 'mine' };
const THEIRS = { id: '22222222-bbbb-4bbb-8bbb-bbbbbbbbbbbb', name: 'theirs' };

test('remote stamps of another site are refused, and stay as they are', async (t) => {
  const base = await tempFolder(t);
  const open = (site: typeof MINE) => remoteStamps(ownTransport('node-1', base), site);
  await open(THEIRS).write(stampOf());
  const failure = { kind: 'foreign-site', host: 'node-1', mine: MINE, theirs: THEIRS };
  await assert.rejects(open(MINE).read(TASK), { failure });
  await assert.rejects(open(MINE).write(stampOf()), { failure });
  assert.deepEqual(await open(THEIRS).read(TASK), stampOf());
});

test('remote stamps that an older cc left are those of the site that writes next', async (t) => {
  const base = await tempFolder(t);
  const open = (site?: typeof MINE) => remoteStamps(ownTransport('node-1', base), site);
  await open().write(stampOf());
  assert.deepEqual(await open(MINE).read(TASK), stampOf());
  await open(MINE).write(stampOf());
  await assert.rejects(open(THEIRS).read(TASK), { name: 'Failed' });
});

test('remote stamps of a recipe that kept no identity are its own, and get the one that it has now', async (t) => {
  for (const before of ['local', 'local-aaaaaaaaaa']) {
    const base = await tempFolder(t);
    const open = (site: Parameters<typeof remoteStamps>[1]) =>
      remoteStamps(ownTransport('node-1', base), site);
    await open({ id: before, name: 'mine' }).write(stampOf());
    await assert.rejects(open({ ...THEIRS, formerly: 'local-bbbbbbbbbb' }).read(TASK), { name: 'Failed' });
    const mine = { ...MINE, formerly: 'local-aaaaaaaaaa' };
    assert.deepEqual(await open(mine).read(TASK), stampOf());
    await open(mine).write(stampOf());
    const { identity, ...site } = JSON.parse(await readFile(join(base, 'stamps/site'), 'utf8'));
    assert.deepEqual(site, MINE);
    assert.match(identity, /^[0-9a-f-]{36}$/);
  }
});

test('remote stamps of another site say what leads out, where that is known', async (t) => {
  const base = await tempFolder(t);
  const open = (site: Parameters<typeof remoteStamps>[1]) => remoteStamps(ownTransport('node-1', base), site);
  await open({ id: 'local-aaaaaaaaaa', name: 'mine' }).write(stampOf());
  const way = async (site: Parameters<typeof remoteStamps>[1]) => {
    const error: unknown = await open(site)
      .read(TASK)
      .catch((reason: unknown) => reason);
    return error instanceof Failed && error.failure.kind === 'foreign-site' ? error.failure.way : error;
  };
  assert.match(String(await way(MINE)), /run it once more as that user/);
  assert.equal(await way({ ...MINE, ways: new Map([['local-aaaaaaaaaa', 'go there']]) }), 'go there');
  assert.equal(await way({ id: 'local-bbbbbbbbbb', name: 'mine' }), undefined);
});

test('first stamps of a host that are written at once say once whose it is', async (t) => {
  const host = ownTransport('node-1', await tempFolder(t));
  const written: string[] = [];
  const write: Transport['records']['write'] = (name, text) => {
    written.push(name);
    return host.records.write(name, text);
  };
  const settle: Transport['records']['settle'] = (name, from, to) => {
    written.push(name);
    return host.records.settle(name, from, to);
  };
  const stamps = remoteStamps({ ...host, records: { ...host.records, write, settle } }, MINE);
  const tasks = ['a', 'b', 'c', 'd'].map((step) => taskId('node-1', 'p', step));
  await Promise.all(tasks.map((task) => stamps.write(stampOf(task))));
  assert.deepEqual(
    written.filter((name) => name === 'site'),
    ['site'],
  );
  assert.equal(written[0], 'site');
});

test('whose a host is goes with the last stamp', async (t) => {
  const base = await tempFolder(t);
  const open = (site: typeof MINE) => remoteStamps(ownTransport('node-1', base), site);
  await open(MINE).write(stampOf());
  await open(MINE).remove(TASK);
  await assert.rejects(stat(join(base, 'stamps')), { code: 'ENOENT' });
  await open(THEIRS).write(stampOf());
});

test('a host stays of its site, and keeps its key, where all stamps go and others come', async (t) => {
  const base = await tempFolder(t);
  const open = (site: typeof MINE) => remoteStamps(ownTransport('node-1', base), site);
  const stamps = open(MINE);
  const key = await stamps.key();
  await stamps.write(stampOf());
  const other = taskId('node-2', 'runc', 'binary');
  for (const [gone, next] of [
    [TASK, other],
    [other, TASK],
  ] as const) {
    await stamps.remove(gone);
    await stamps.write(stampOf(next));
    await assert.rejects(open(THEIRS).read(next), { name: 'Failed' });
    assert.equal(await open(MINE).key(), key);
  }
});

test('a host stays of its site where its last stamp goes while another comes', async (t) => {
  const base = await tempFolder(t);
  const stamps = remoteStamps(ownTransport('node-1', base), MINE);
  await stamps.write(stampOf());
  const other = taskId('node-1', 'runc', 'other');
  await Promise.all([stamps.remove(TASK), stamps.write(stampOf(other))]);
  assert.deepEqual((await readdir(join(base, 'stamps'))).toSorted(), ['node-1+runc+other.json', 'site']);
});

claim('that is torn is told as it stands, and goes alone when that is asked for', async ({ open, put }) => {
  await open().write(stampOf());
  await put('{"torn');
  const other = taskId('node-1', 'runc', 'other');
  await open().write(stampOf(other));
  const stamps = open();
  assert.deepEqual([...(await stamps.torn()).values()], ['{"torn']);
  await stamps.clear();
  assert.equal((await stamps.torn()).size, 0);
  assert.equal((await open().torn()).size, 0);
  assert.deepEqual(
    (await open().all(() => true)).map(({ task }) => task),
    [other],
  );
});

test('what a host has beside its stamps goes when no stamp is left, and is not told as torn', async (t) => {
  const base = join(await tempFolder(t), 'cc');
  const open = () => remoteStamps(ownTransport('node-1', base), MINE);
  // A record that was being written when its writer died, and what a run leaves that was killed before its first stamp.
  for (const files of [[`${FILE}.new`, 'site'], ['site']]) {
    await mkdir(join(base, 'stamps'), { recursive: true });
    for (const file of files) await writeFile(join(base, 'stamps', file), JSON.stringify(MINE));
    assert.deepEqual([...(await open().torn())], []);
    await open().clear();
    assert.equal(existsSync(base), false);
  }
  await open().write(stampOf());
  await open().clear();
  assert.deepEqual(await open().read(TASK), stampOf());
});

claim(
  'keeps its key with the first record after it was asked for, and nothing before',
  async ({ open, place }) => {
    const looking = open();
    const first = await looking.key();
    assert.match(first, /^[0-9a-f]{64}$/);
    assert.equal(await looking.key(), first);
    assert.notEqual(await open().key(), first);
    await looking.write(stampOf());
    assert.equal(await open().key(), first);
    const [file] = [join(dirname(place), 'key'), join(place, 'key')].filter((path) => existsSync(path));
    assert.equal((await stat(file!)).mode & 0o777, 0o600);
    assert.deepEqual(
      (await open().all(() => true)).map(({ task }) => task),
      [TASK],
    );
  },
);

test('remote stamp takes its key along when the last one goes', async (t) => {
  const base = join(await tempFolder(t), 'state');
  const open = () => remoteStamps(ownTransport('node-1', base));
  const stamps = open();
  await stamps.key();
  await stamps.write(stampOf());
  await open().remove(TASK);
  assert.equal(existsSync(base), false);
});

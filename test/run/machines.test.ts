/** Two names of one machine, and names that changed machines: refused by name, before anything is changed. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Failed, failureOf } from '../../core/model/failure.ts';
import type { Host } from '../../core/model/plugin.ts';
import { taskId } from '../../core/model/task.ts';
import { type PoolOptions, sessionPool } from '../../core/run/session-pool.ts';
import { FORMAT, type Stamp } from '../../core/store/stamp.ts';
import { type Paper, paper } from '../rig/paper.ts';
import { tempFolder } from '../rig/temp.ts';

const SITE = { id: '11111111-aaaa-4aaa-8aaa-aaaaaaaaaaaa', name: 'mine' };
const THEIRS = { id: '22222222-bbbb-4bbb-8bbb-bbbbbbbbbbbb', name: 'theirs' };

const at = (name: string, address: string): Host => ({
  name,
  roles: [],
  connection: { kind: 'ssh', address },
});

function stampOf(host: string): Stamp {
  const task = taskId(host, 'p', 'a');
  const base = { format: FORMAT, task, run: 'r', ours: true, manifest: {}, facts: null } as const;
  return { ...base, state: 'applied', result: '', at: '' };
}

/** A pool over machines on paper, by address; `run` as a run has it, which locks and notes. */
async function poolOver(
  t: TestContext,
  machines: Readonly<Record<string, Paper>>,
  options: PoolOptions & { readonly run?: boolean } = {},
) {
  const noted: string[] = [];
  const connect = async ({ name, connection }: Host) => {
    const machine = connection.kind === 'ssh' ? machines[connection.address] : undefined;
    if (!machine) return assert.fail(`nobody told of ${name}`);
    return { ...machine, host: name };
  };
  const running: PoolOptions = {
    lock: async () => {},
    note: async ({ name }, identity) => void noted.push(`${name} ${identity === undefined ? '-' : 'known'}`),
  };
  const { run = true, ...more } = options;
  const pool = sessionPool(await tempFolder(t), {
    ...{ site: SITE, connect },
    ...(run ? running : {}),
    ...more,
  });
  t.after(() => pool[Symbol.asyncDispose]());
  return { pool, noted };
}

const failing = (promise: Promise<unknown>) => promise.then(() => undefined, failureOf);

const signed = (machine: Paper) => JSON.parse(machine.stamps.get('site') ?? 'null') as { identity?: string };

/** A machine that has been set up under a name. */
async function setUp(t: TestContext, name: string): Promise<Paper> {
  const machine = paper(name);
  const { pool } = await poolOver(t, { there: machine });
  const { stamps } = await pool.session(at(name, 'there'), true);
  await stamps.write(stampOf(name));
  return machine;
}

test('two names of a machine that cc has never seen are refused when the second would be changed', async (t) => {
  const machine = paper('m');
  const [a, b] = [at('a', 'a.example'), at('b', 'b.example')];
  const { pool } = await poolOver(t, { 'a.example': machine, 'b.example': machine }, { hosts: [a, b] });
  const [one, two] = await Promise.all([pool.session(a, true), pool.session(b, true)]);
  await one.stamps.write(stampOf('a'));
  const failure = {
    kind: 'one-machine',
    hosts: ['a (a.example)', 'b (b.example)'],
    identity: signed(machine).identity,
  };
  assert.deepEqual(await failing(two.stamps.write(stampOf('b'))), failure);
  assert.deepEqual([...machine.stamps.keys()], ['site', 'a+p+a.json']);
  for (const host of [a, b]) assert.deepEqual(await failing(pool.session(host, true)), failure);
});

test('two names of a machine are told by who only looks, and nothing is written', async (t) => {
  const machine = await setUp(t, 'a');
  const before = new Map(machine.stamps);
  const [a, b] = [at('a', 'a.example'), at('b', 'b.example')];
  const { pool } = await poolOver(
    t,
    { 'a.example': machine, 'b.example': machine },
    { hosts: [a, b], run: false },
  );
  await pool.session(a, true);
  for (const host of [b, a]) assert.equal((await failing(pool.session(host, true)))?.kind, 'one-machine');
  assert.deepEqual(machine.stamps, before);
});

test('a host that left and has the name of a declared one gives way where both are one machine', async (t) => {
  const machine = await setUp(t, 'a');
  const [a, left] = [at('a', 'new.example'), at('a', 'old.example')];
  const { pool } = await poolOver(t, { 'new.example': machine, 'old.example': machine }, { hosts: [a] });
  assert.equal((await failing(pool.session(left, true)))?.kind, 'one-machine');
  await (await pool.session(a, true)).stamps.write(stampOf('a'));
});

for (const [what, swapped] of [
  ['which is another machine', async (t: TestContext) => setUp(t, 'b')],
  ['which nobody can enter', async () => undefined],
] as const)
  test(`a machine with things of another declared host, ${what}, is refused`, async (t) => {
    const machine = await setUp(t, 'b');
    const other = await swapped(t);
    const [a, b] = [at('a', 'a.example'), at('b', 'b.example')];
    const all = { 'a.example': machine, ...(other ? { 'b.example': other } : {}) };
    const connect = async ({ name, connection }: Host) => {
      const there = connection.kind === 'ssh' ? all[connection.address as keyof typeof all] : undefined;
      if (!there) throw new Failed({ kind: 'unreachable', host: name, address: '', command: '', why: '' });
      return { ...there, host: name };
    };
    const { pool, noted } = await poolOver(t, {}, { hosts: [a, b], connect });
    assert.deepEqual(await failing(pool.session(a, true)), {
      ...{ kind: 'other-machine', host: 'a (a.example)', of: 'b', address: 'a.example' },
    });
    assert.deepEqual(noted, []);
    const back = await poolOver(t, {}, { hosts: [a, b], connect, undo: true });
    assert.equal((await failing(back.pool.session(a, true))) === undefined, other !== undefined);
  });

test('a host is noted once it is known whose it is, and by its identity once it has one', async (t) => {
  const foreign = paper('a');
  foreign.stamps.set('site', JSON.stringify(THEIRS));
  const [a, b] = [at('a', 'a.example'), at('b', 'b.example')];
  const { pool, noted } = await poolOver(
    t,
    { 'a.example': foreign, 'b.example': paper('b') },
    { hosts: [a, b] },
  );
  assert.equal((await failing(pool.session(a, true)))?.kind, 'foreign-site');
  const { stamps } = await pool.session(b, true);
  assert.deepEqual(noted, ['b -']);
  await stamps.write(stampOf('b'));
  assert.deepEqual(noted, ['b -', 'b known']);
});

test('a host that an older cc left gets its identity from the next run, and none from a look', async (t) => {
  const machine = paper('a');
  machine.stamps.set('site', JSON.stringify(SITE));
  machine.stamps.set('a+p+a.json', JSON.stringify(stampOf('a')));
  const a = at('a', 'a.example');
  const looking = await poolOver(t, { 'a.example': machine }, { hosts: [a], run: false });
  await looking.pool.session(a, true);
  assert.equal(signed(machine).identity, undefined);
  const { pool, noted } = await poolOver(t, { 'a.example': machine }, { hosts: [a] });
  await pool.session(a, true);
  assert.match(signed(machine).identity ?? '', /^[0-9a-f-]{36}$/);
  assert.deepEqual(noted, ['a known']);
});

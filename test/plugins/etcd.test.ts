/** Snapshots of etcd: what they hold, how they come to the controller, and which ones stay. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { notesOf, WORK } from '../../plugins/etcd/archive.ts';
import { etcd } from '../../plugins/etcd.ts';
import { kubeadm } from '../../plugins/kubeadm.ts';
import { laws } from '../rig/laws.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { benchOf } from './bench.ts';
import { BELOW } from './cluster.ts';
import { BYTES, FILES, fresh, host, NOTES, packed, run, sum, taskIn, withEtcd } from './etcd.ts';

test('archive has the data, the keys that sign and the sums of all, and nobody else may read it', async (t) => {
  const one = await host(t);
  await packed(one);
  const archive = one.there(`${WORK}/archive.tar`);
  const { stdout } = await run('tar', ['-tf', archive]);
  const files = stdout.split('\n').filter((name) => name !== '' && !name.endsWith('/'));
  const wanted = ['SHA256SUMS', 'notes.json', 'snapshot.db', ...FILES.map((name) => `pki/${name}`)];
  assert.deepEqual(files.toSorted(), wanted.toSorted());
  assert.deepEqual([await one.mode(`${WORK}/archive.tar`), await one.mode(WORK)], ['600', '700']);
  assert.deepEqual(await readdir(one.there('/var/lib/etcd')), []);
});

test('notes are read whole or not at all', () => {
  assert.deepEqual(notesOf(JSON.stringify(NOTES)), NOTES);
  for (const text of ['', '{}', 'null', JSON.stringify({ ...NOTES, revision: '42' })])
    assert.equal(notesOf(text), undefined, text);
});

laws('etcd', { plugins: [...BELOW, kubeadm({ preflight: false }), etcd()] }, withEtcd(fresh()));

async function saving(t: Lasting, given: Parameters<typeof kubeadm>[0] = {}, keep = 2) {
  const state = fresh();
  const bench = await benchOf(
    t,
    { plugins: [...BELOW, kubeadm(given), etcd({ snapshots: { keep } })] },
    withEtcd(state),
  );
  const folder = `${bench.state}/snapshots`;
  return { state, bench, folder, task: taskIn(bench, 'snapshot') };
}

test('snapshot is saved by etcd itself, fetched in pieces, and is that of the host; nothing stays there', async (t) => {
  const { state, bench, folder, task } = await saving(t);
  const { outcomes, events } = await bench.run();
  const file = `${folder}/etcd-2026-11-27T12-00-00Z-revision-42.tar`;
  const digest = sum(BYTES);
  assert.deepEqual(outcomes.get(task.id)?.report, {
    ...{ file, digest, revision: 42, keys: 7 },
    lines: [`${file}: revision 42, 7 keys, SHA-256 ${digest}`],
  });
  assert.deepEqual([await readFile(file), (await stat(file)).mode & 0o777], [BYTES, 0o600]);
  assert.deepEqual(await readdir(folder), ['etcd-2026-11-27T12-00-00Z-revision-42.tar']);
  assert.deepEqual(state.said, [
    'emptied',
    'etcdctl snapshot save /var/lib/etcd/cc-snapshot.db',
    'etcdctl json snapshot status /var/lib/etcd/cc-snapshot.db',
    `packed ${JSON.stringify(NOTES)}`,
    'removed',
  ]);
  assert.equal(JSON.stringify(events).includes(BYTES.subarray(0, 60).toString('base64')), false);
  assert.equal((await bench.run()).outcomes.get(task.id)?.state, 'verified');
});

test('snapshot waits for a kubelet that does not let commands in yet', async (t) => {
  const { state, bench, task } = await saving(t);
  state.answers.push('', { code: 1, stderr: 'dial tcp 10.0.0.1:10250: connect: connection refused\n' });
  const { outcomes, events } = await bench.run();
  assert.equal(outcomes.get(task.id)?.state, 'applied');
  assert.deepEqual(
    events.flatMap((event) =>
      event.kind === 'output' && event.text.includes('kubelet lets') ? [event.text] : [],
    ),
    ['kubelet lets commands into the pod of etcd: dial tcp 10.0.0.1:10250: connect: connection refused\n'],
  );
});

test('snapshot that changed on its way is refused, and neither it nor a part of it is kept', async (t) => {
  const { state, bench, folder, task } = await saving(t);
  state.bytes = BYTES.subarray(1);
  const failure = (await bench.run()).outcomes.get(task.id)?.failure;
  assert.ok(failure?.kind === 'check-failed');
  assert.match(failure.reasons.join(), /^its SHA-256 is [0-9a-f]{64}, on the host [0-9a-f]{64}$/);
  assert.deepEqual([await readdir(folder), state.said.at(-1)], [[], 'removed']);
});

test('of snapshots the last ones stay, and what else is in the folder', async (t) => {
  const { bench, folder, state, task } = await saving(t);
  await mkdir(folder, { recursive: true });
  const old = ['01', '02', '03'].map((day) => `etcd-2026-11-${day}T00-00-00Z-revision-1.tar`);
  for (const name of [...old, 'etcd.tar']) await writeFile(join(folder, name), '');
  await bench.run();
  const made = `etcd-${state.time}-revision-42.tar`;
  assert.deepEqual((await readdir(folder)).toSorted(), [old[2], made, 'etcd.tar'].toSorted());
  assert.equal(task.step.check, true);
});

test('snapshot that the recipe restores from stays, however old it is and by whatever path it is named', async (t) => {
  const other = await tempFolder(t);
  const link = join(other, 'snapshots');
  const named = 'etcd-2026-11-01T00-00-00Z-revision-1.tar';
  const { bench, folder, state } = await saving(t, { restore: join(link, named) });
  await mkdir(folder, { recursive: true });
  await symlink(folder, link);
  const old = [named, ...['02', '03'].map((day) => `etcd-2026-11-${day}T00-00-00Z-revision-1.tar`)];
  for (const name of old) await writeFile(join(folder, name), BYTES, { mode: 0o600 });
  await bench.run();
  const made = `etcd-${state.time}-revision-42.tar`;
  assert.deepEqual((await readdir(folder)).toSorted(), [named, old[2], made].toSorted());
});

test('folder that cannot be written is told as it is', async (t) => {
  const { bench, folder, task } = await saving(t);
  await mkdir(bench.state, { recursive: true });
  await writeFile(folder, 'a file');
  const failure = (await bench.run()).outcomes.get(task.id)?.failure;
  assert.ok(failure?.kind === 'check-failed');
  assert.deepEqual(
    [failure.host, failure.reasons],
    ['controller', [`EEXIST: file already exists, mkdir '${folder}'`]],
  );
});

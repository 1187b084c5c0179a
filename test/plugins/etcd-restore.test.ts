/** A cluster that goes on from a snapshot: what is proved before, what is put where, and what is never done. */
import assert from 'node:assert/strict';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { describe } from '../../core/model/change.ts';
import { PKI, WORK } from '../../plugins/etcd/archive.ts';
import { RESTORE, RESTORED, UNPACK } from '../../plugins/etcd/restore.ts';
import { initFlags } from '../../plugins/kubeadm/init.ts';
import { kubeadm } from '../../plugins/kubeadm.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { benchOf } from './bench.ts';
import { BELOW, madeCluster } from './cluster.ts';
import {
  BYTES,
  type Etcd,
  FILES,
  fresh,
  host,
  node,
  packed,
  type Rooted,
  run,
  sum,
  taskIn,
  withEtcd,
} from './etcd.ts';

/** Takes an archive apart, after something was done to it. */
async function unpacked(one: Rooted, alter: string): Promise<string> {
  const folder = one.there(WORK);
  await run('sh', [
    '-c',
    `cd "$1" && mkdir in && tar -xf archive.tar -C in && cd in && { ${alter}; } && tar -cf ../archive.tar . && cd .. && mv archive.tar .. && rm -rf ./* && mv ../archive.tar .`,
    'cc',
    folder,
  ]);
  return one.sh(UNPACK).then(
    () => 'whole',
    () => 'refused',
  );
}

for (const [what, alter, answer] of [
  ['as it was packed', ':', 'whole'],
  ['with other data', 'echo x >>snapshot.db', 'refused'],
  ['with a file more', 'echo x >pki/more.key', 'refused'],
  ['with a link in place of a key', 'rm pki/ca.key; ln -s /etc/shadow pki/ca.key', 'refused'],
  ['without its sums', 'rm SHA256SUMS', 'refused'],
] as const)
  test(`archive ${what} is ${answer}`, async (t) => {
    const one = await host(t);
    await packed(one);
    assert.equal(await unpacked(one, alter), answer);
  });

test('restore makes one member of the data, puts keys where kubeadm looks for them, and is never done over a cluster', async (t) => {
  const one = await host(t);
  await packed(one);
  await run('rm', ['-r', one.there('/etc/kubernetes')]);
  await one.sh(UNPACK);
  const program = one.there('/etcdctl');
  await one.put(
    '/etcdctl',
    `#!/bin/sh\necho "$ETCDCTL_API $*" >>${program}.said\nmkdir -p data/member\ncp snapshot.db data/member/db\n`,
    0o755,
  );
  await mkdir(one.there('/etc/kubernetes'));
  await one.sh(RESTORE, 'node-1', '10.0.0.1', 'etcd.tar', program);
  const said = (await one.text('/etcdctl.said')).replace(/token cc-\S+/, 'token cc-N');
  const peer = 'https://10.0.0.1:2380';
  assert.equal(
    said,
    `3 snapshot restore snapshot.db --data-dir data --name node-1 --initial-cluster node-1=${peer} --initial-advertise-peer-urls ${peer} --initial-cluster-token cc-N\n`,
  );
  assert.equal(await one.text('/var/lib/etcd/member/db'), 'data');
  for (const name of FILES) {
    assert.equal(await one.text(`${PKI}/${name}`), `text of ${name}`);
    assert.equal(await one.mode(`${PKI}/${name}`), name.endsWith('.key') ? '600' : '644', name);
  }
  assert.equal(await one.text(RESTORED), 'etcd.tar\n');
  await assert.rejects(one.sh(RESTORE, 'node-1', '10.0.0.1', 'etcd.tar', program));
  assert.equal((await one.text('/etcdctl.said')).split('\n').length, 2);
});

async function restored(t: Lasting) {
  const state = fresh();
  const file = join(await tempFolder(t), 'etcd.tar');
  await writeFile(file, BYTES, { mode: 0o600 });
  const bench = await benchOf(t, { plugins: [...BELOW, kubeadm({ restore: file })] }, withEtcd(state));
  return { state, bench, file, task: taskIn(bench, 'init') };
}

const KUBEADM =
  'run /usr/local/bin/kubeadm init --config /etc/cc/kubeadm.json --ignore-preflight-errors=Swap,DirAvailable--var-lib-etcd';

test('new control plane goes on from the snapshot, and the next run restores nothing', async (t) => {
  const { state, bench, file, task } = await restored(t);
  const { looked } = await bench.look();
  assert.deepEqual(looked.get(task.id)?.changes.map(describe), [
    'run a script that notes what is there',
    `restore etcd and the keys of the cluster from ${file}`,
    KUBEADM,
  ]);
  const { outcomes } = await bench.run();
  assert.equal(outcomes.get(task.id)?.state, 'applied');
  assert.deepEqual(state.said, [
    'emptied',
    'took apart',
    'restored node-1 10.0.0.1 etcd.tar etcdctl',
    'removed',
  ]);
  assert.equal(sum(state.taken), sum(BYTES));
  assert.equal((await bench.run()).outcomes.get(task.id)?.state, 'verified');
  assert.equal(state.said.length, 4);
});

test('cluster that is there already is not restored, and is refused if it began from nothing', async (t) => {
  const { state, bench, task } = await restored(t);
  madeCluster(node(bench));
  const { failed } = await bench.look();
  const id = taskIn(bench, 'cluster').id;
  assert.deepEqual(JSON.parse(failed[id] ?? '{}').differences, [
    { what: 'the snapshot that it was made of', is: 'none', declared: 'etcd.tar' },
  ]);
  node(bench).write(RESTORED, 'etcd.tar\n');
  const { looked } = await bench.look();
  assert.deepEqual([looked.get(id)?.changes, looked.get(task.id)?.changes, state.said], [[], [], []]);
});

const REFUSED: Readonly<
  Record<string, readonly [alter: (state: Etcd, file: string) => unknown, reason: RegExp]>
> = {
  'has other bytes than its sums say': [
    (state) => Object.assign(state, { unpack: { code: 1, stderr: 'snapshot.db: FAILED\n' } }),
    /snapshot\.db: FAILED/,
  ],
  'is of another minor version of Kubernetes': [
    (state) => Object.assign(state.notes, { version: '1.19.1' }),
    /it is of Kubernetes 1\.19\.1, and 1\.20\.2 is declared/,
  ],
  'is of an etcd that the program does not know': [
    (state) => Object.assign(state.notes, { etcd: '3.5.1-0' }),
    /the snapshot is of etcd 3\.5\.1-0, and etcdctl there is of 3\.4\.23/,
  ],
  'others may read': [(_, file) => chmod(file, 0o644), /others may read or write it: chmod 0600/],
  'is no file': [(_, file) => run('sh', ['-c', 'rm "$1"; mkdir -m 700 "$1"', 'cc', file]), /it is no file/],
  'is not there': [(_, file) => run('rm', [file]), /ENOENT: no such file or directory/],
};

for (const [what, [alter, reason]] of Object.entries(REFUSED))
  test(`snapshot that ${what} is refused before there is a cluster, and nothing of it stays`, async (t) => {
    const { state, bench, file, task } = await restored(t);
    await alter(state, file);
    const failure = (await bench.run()).outcomes.get(task.id)?.failure;
    assert.ok(
      failure?.kind === 'check-failed' || failure?.kind === 'command-failed',
      JSON.stringify(failure),
    );
    assert.match(JSON.stringify(failure), reason);
    assert.deepEqual(
      [node(bench).disk.has('/etc/kubernetes/admin.conf'), node(bench).disk.has(RESTORED)],
      [false, false],
    );
    assert.equal(state.said.at(-1) ?? 'removed', 'removed');
  });

test('init that did not finish after a restore begins with the restore again', async (t) => {
  const { state, bench, file, task } = await restored(t);
  const init = '/usr/local/bin/kubeadm init';
  node(bench).when(init, { code: 1, stderr: 'no way\n' });
  await bench.run();
  const { looked } = await bench.look();
  assert.deepEqual(looked.get(task.id)?.changes.map(describe).slice(-3), [
    'run a script that notes what is there',
    `restore etcd and the keys of the cluster from ${file}`,
    KUBEADM,
  ]);
  assert.equal(state.said.filter((each) => each.startsWith('restored')).length, 1);
});

test('kubeadm is told that data of etcd are there where they are to be', () => {
  const flags = { version: '1.23.1', preflight: true, dns: true };
  assert.deepEqual(initFlags({ ...flags, restore: '/x' }), [
    '--ignore-preflight-errors=DirAvailable--var-lib-etcd',
  ]);
  assert.deepEqual(initFlags(flags), []);
});

test('link in place of a snapshot of others is followed to what it is', async (t) => {
  const { bench, file, task } = await restored(t);
  const other = `${file}.other`;
  await writeFile(other, BYTES, { mode: 0o644 });
  await run('rm', [file]);
  await symlink(other, file);
  const failure = (await bench.run()).outcomes.get(task.id)?.failure;
  assert.ok(failure?.kind === 'check-failed');
  assert.deepEqual(failure.reasons, [`others may read or write it: chmod 0600 ${file}`]);
});

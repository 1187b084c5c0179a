/** A cluster that goes on from a snapshot: what is proved before, what is put where, and what is never done. */
import assert from 'node:assert/strict';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { describe } from '../../core/model/change.ts';
import { PKI, WORK } from '../../plugins/etcd/archive.ts';
import { RESTORE, RESTORED, UNPACK } from '../../plugins/etcd/restore.ts';
import { initFlags } from '../../plugins/kubeadm/flags.ts';
import { kubeadm } from '../../plugins/kubeadm.ts';
import type { Paper } from '../rig/paper.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { benchOf } from './bench.ts';
import { BELOW, BLANK, KUBECTL, madeCluster, OWN } from './cluster.ts';
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
import { removed } from './tools.ts';

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

/** A host with an archive that was taken apart, and a program that restores; `help` is what that says of itself. */
async function ready(t: Lasting, help: string) {
  const one = await host(t);
  await packed(one);
  await run('rm', ['-r', one.there('/etc/kubernetes')]);
  await one.sh(UNPACK);
  const program = one.there('/etcdctl');
  const does = `echo "$ETCDCTL_API $*" >>${program}.said; mkdir -p data/member; cp snapshot.db data/member/db`;
  await one.put(
    '/etcdctl',
    `#!/bin/sh\ncase $* in *--help) echo '${help}' >&2; exit ;; esac\n${does}\n`,
    0o755,
  );
  await mkdir(one.there('/etc/kubernetes'));
  const said = async () => (await one.text('/etcdctl.said')).replace(/token cc-\S+/, 'token cc-N');
  return { one, program, said };
}

const PEER = 'https://10.0.0.1:2380';
const MEMBER = `--name node-1 --initial-cluster node-1=${PEER} --initial-advertise-peer-urls ${PEER} --initial-cluster-token cc-N`;

test('restore makes one member of the data, puts keys where kubeadm looks for them, and is never done over a cluster', async (t) => {
  const { one, program, said } = await ready(t, '--skip-hash-check');
  await one.sh(RESTORE, 'node-1', '10.0.0.1', 'etcd.tar', program);
  assert.equal(await said(), `3 snapshot restore snapshot.db --data-dir data ${MEMBER}\n`);
  assert.equal(await one.text('/var/lib/etcd/member/db'), 'data');
  for (const name of FILES) {
    assert.equal(await one.text(`${PKI}/${name}`), `text of ${name}`);
    assert.equal(await one.mode(`${PKI}/${name}`), name.endsWith('.key') ? '600' : '644', name);
  }
  assert.match(await one.text(RESTORED), /^etcd\.tar\n\d{10}\n$/);
  await assert.rejects(one.sh(RESTORE, 'node-1', '10.0.0.1', 'etcd.tar', program));
  assert.equal((await said()).split('\n').length, 2);
});

test('revisions go on beyond all that anybody has seen, where the program of etcd can do that', async (t) => {
  const { one, program, said } = await ready(t, '--bump-revision, --mark-compacted');
  await one.sh(RESTORE, 'node-1', '10.0.0.1', 'etcd.tar', program);
  assert.equal(
    await said(),
    `3 snapshot restore snapshot.db --bump-revision 1000000000 --mark-compacted --data-dir data ${MEMBER}\n`,
  );
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

const SETTLE = 'have the cluster forget the control planes that are gone, and start its own pods anew';

test('new control plane goes on from the snapshot, and the next run restores nothing', async (t) => {
  const { state, bench, file, task } = await restored(t);
  const { looked } = await bench.look();
  assert.deepEqual(looked.get(task.id)?.changes.map(describe), [
    `prove ${file}`,
    'run a script that notes what is there',
    `restore etcd and the keys of the cluster from ${file}`,
    KUBEADM,
    SETTLE,
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
    {
      what: 'the snapshot that it was made of',
      is: 'none, and it is at revision 8123',
      declared: 'etcd.tar',
    },
  ]);
  node(bench).write(RESTORED, 'etcd.tar\n1790000000\n');
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

const CLEARING = [
  'run systemctl stop kubelet',
  'run ctr end-all',
  'run a script that clears what the cluster left, and no more',
  'run a script that notes what is there',
];

test('init that did not finish after a restore begins with the restore again', async (t) => {
  const { state, bench, file, task } = await restored(t);
  const init = '/usr/local/bin/kubeadm init';
  node(bench).when(init, { code: 1, stderr: 'no way\n' });
  await bench.run();
  const { looked } = await bench.look();
  assert.deepEqual(looked.get(task.id)?.changes.map(describe), [
    `prove ${file}`,
    ...CLEARING,
    `restore etcd and the keys of the cluster from ${file}`,
    KUBEADM,
    SETTLE,
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

test('restore that ended before the cluster had settled goes on there', async (t) => {
  const { state, bench, task } = await restored(t);
  node(bench).when(`${KUBECTL} -n kube-system get pods`, { code: 1, stderr: 'connection refused\n' });
  node(bench).when(`${KUBECTL} get nodes -o json`, () => assert.fail('killed'));
  await bench.run();
  const { looked } = await bench.look();
  assert.deepEqual(
    looked.get(task.id)?.changes.map((change) => [describe(change), change.why]),
    [[SETTLE, 'the restore did not finish']],
  );
  assert.equal(state.said.filter((each) => each.startsWith('restored')).length, 1);
});

/** A control plane that cc made, and what happens to its etcd. */
async function made(t: Lasting, restore?: string) {
  const state = fresh();
  const file = join(await tempFolder(t), 'etcd.tar');
  await writeFile(file, BYTES, { mode: 0o600 });
  const lasting = { plugins: [...BELOW, kubeadm(restore === undefined ? {} : { restore: file })] };
  const bench = await benchOf(t, lasting, withEtcd(state));
  const task = taskIn(bench, 'init');
  if (restore === undefined) await bench.run();
  return { state, bench, task, file };
}

const LOSSES: Readonly<Record<string, readonly [lose: (own: Paper) => unknown, why: string, says: string]>> =
  {
    'whose disk of etcd is lost': [
      (own) => removed(own, '/var/lib/etcd/member'),
      'the data of its etcd are gone',
      'etcd has no data here',
    ],
    'whose etcd has begun with nothing': [
      (own) => own.write(BLANK, ''),
      'its etcd has begun with nothing',
      'the API answers, and knows nothing of the cluster',
    ],
  };

for (const [what, [lose, why, says]] of Object.entries(LOSSES)) {
  test(`control plane ${what} is told, and no other cluster is made in its place`, async (t) => {
    const { bench, task } = await made(t);
    lose(node(bench));
    const { failed } = await bench.look();
    assert.deepEqual(JSON.parse(failed[task.id] ?? '{}').reasons, [
      `${says}, and no other control plane has the cluster`,
      "have it go on from a snapshot: kubeadm: { restore: '/path/to/etcd-….tar' }; or give it up: cc run cleanup",
    ]);
  });

  test(`control plane ${what} is cleared once the snapshot is proved, and goes on from it`, async (t) => {
    const { state, bench, task, file } = await made(t, 'restored');
    await bench.run();
    removed(node(bench), RESTORED);
    node(bench).write(`${PKI}/ca.crt`, 'of the snapshot');
    lose(node(bench));
    const { looked } = await bench.look();
    assert.deepEqual(
      looked.get(task.id)?.changes.map((change) => [describe(change), change.why]),
      [
        `prove ${file}`,
        ...CLEARING,
        `restore etcd and the keys of the cluster from ${file}`,
        KUBEADM,
        SETTLE,
      ].map((title) => [title, why]),
    );
    state.unpack = { code: 1, stderr: 'snapshot.db: FAILED\n' };
    await bench.run();
    assert.equal(node(bench).disk.has(`${PKI}/ca.crt`), true);
    // What was found lost stays so for the run after a file that was refused.
    assert.equal((await bench.look()).looked.get(task.id)?.changes[0]?.why, why);
    state.unpack = '';
    const { outcomes } = await bench.run();
    assert.equal(outcomes.get(task.id)?.state, 'applied');
    assert.match(node(bench).read(RESTORED), /^etcd\.tar\n/);
    assert.deepEqual((await bench.look()).looked.get(task.id)?.changes, []);
  });
}

test("etcd that began with nothing and was given something since is nobody's to replace", async (t) => {
  const { bench, task } = await made(t);
  node(bench).write(BLANK, '');
  node(bench).write(OWN, '');
  assert.deepEqual((await bench.look()).looked.get(task.id)?.changes, []);
});

test('snapshot of another cluster than the host was of is refused, and nothing goes', async (t) => {
  const { bench, task } = await made(t, 'restored');
  await bench.run();
  removed(node(bench), RESTORED, '/var/lib/etcd/member');
  node(bench).write(`${PKI}/ca.crt`, 'of another');
  const failure = (await bench.run()).outcomes.get(task.id)?.failure;
  assert.ok(failure?.kind === 'check-failed', JSON.stringify(failure));
  assert.deepEqual(failure.reasons, [
    `the authority in it has SHA-256 ${sum(Buffer.from('of the snapshot'))}`,
    `node-1 is a node of a cluster whose authority has SHA-256 ${sum(Buffer.from('of another'))}`,
    'take another snapshot; or give up what runs on these hosts: cc run cleanup --limit HOST',
  ]);
  assert.equal(node(bench).read(`${PKI}/ca.crt`), 'of another');
});

/** Several control planes: how further ones join, what they are handed, and what a first one does that was made anew. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join as pathOf } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { expand } from '../../core/graph/expand.ts';
import { flattened } from '../../core/graph/flatten.ts';
import { describe } from '../../core/model/change.ts';
import { fail } from '../../core/model/failure.ts';
import { maskedData } from '../../core/model/mask.ts';
import { applying } from '../../core/run/apply.ts';
import { sweeper } from '../../core/run/sweep.ts';
import { RESTORED } from '../../plugins/etcd/restore.ts';
import { PLACE } from '../../plugins/kubeadm/authority.ts';
import { LIST } from '../../plugins/kubeadm/certificates.ts';
import { membersIn, statusWithout } from '../../plugins/kubeadm/etcd.ts';
import { joinConfig } from '../../plugins/kubeadm/join-config.ts';
import { JOIN } from '../../plugins/kubeadm/joining.ts';
import { ANNOTATE, ANNOTATION } from '../../plugins/kubeadm/renewal.ts';
import { BEGAN } from '../../plugins/kubeadm/static-pods.ts';
import { kubeadm } from '../../plugins/kubeadm.ts';
import { bare, expanded, failureIn, part } from '../graph/recipes.ts';
import type { Answer, Paper } from '../rig/paper.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { runTasks } from '../run/context.ts';
import { type Bench, benchOf, type FakeCommand, NODE } from './bench.ts';
import { endingAt } from './certificate.ts';
import { below, clusterOn, KUBECTL, madeCluster, OVERLAY } from './cluster.ts';
import { removed, script, wrote } from './tools.ts';

const host = (name: string, role: string) =>
  ({ name, roles: [role], connection: { kind: 'ssh', address: name } }) as const;
const ENDPOINT = { address: '10.0.0.10', by: 'given' } as const;

function recipe(
  names: readonly string[],
  version = '1.20.2',
  given: Parameters<typeof kubeadm>[0] = { endpoint: ENDPOINT },
) {
  return {
    hosts: [NODE, ...names.map((name) => host(name, 'control-plane'))],
    plugins: [...below(version, OVERLAY), kubeadm(given)],
  };
}

const PKI = '/etc/kubernetes/pki';
const KEYS = ['ca', 'front-proxy-ca', 'etcd/ca', 'sa'].map((name) => `${PKI}/${name}.key`);
const SHARED = [
  ...KEYS,
  ...KEYS.map((path) => path.replace('.key', path.includes('/sa.') ? '.pub' : '.crt')),
];
const CONF = '/etc/kubernetes/kubelet.conf';

/** What the cluster holds, wherever it is asked. */
interface Held {
  readonly nodes: Map<string, string>;
  /** Of etcd, by name, with the address. */
  readonly members: Map<string, string>;
  status: string;
  joining: number;
  /** How often etcd is still unknown to the API. */
  unknown: number;
  /** How often the API has no answer to what it is told of the token. */
  leaderless: number;
  /** How many have joined at once, at most. */
  most: number;
  readonly handed: { readonly host: string; readonly config: { readonly controlPlane?: unknown } }[];
  fails: Answer;
  /** Whether a member has come that does not start, so that the others have no majority. */
  alone: boolean;
  /** Where etcd is, if not on them. */
  readonly etcd: readonly string[];
}

const ADDRESSES: Readonly<Record<string, string>> = {
  'node-1': '10.0.0.1',
  'cp-2': '10.0.0.2',
  'cp-3': '10.0.0.3',
};

function object(name: string, address: string) {
  const conditions = [{ type: 'Ready', status: 'True', message: '' }];
  const labels = { 'node-role.kubernetes.io/control-plane': '' };
  const status = { addresses: [{ type: 'InternalIP', address }], conditions };
  // Each fake marks a node by its name.
  const annotations = { 'cc/host': name };
  return { metadata: { name, labels, annotations }, spec: {}, status };
}

/** Each host asks the one cluster that all are of. */
function reading(own: Paper, held: Held): readonly FakeCommand[] {
  const asked = (argv: readonly string[]) => {
    const name = argv[argv.indexOf('node') + 1] ?? '';
    const address = held.nodes.get(name);
    return address === undefined ? '' : JSON.stringify(object(name, address));
  };
  const members = (): Answer => {
    if (held.unknown-- > 0) return { code: 1, stderr: 'Error from server (NotFound): pods not found\n' };
    return [...held.members]
      .map(
        ([name, address], id) =>
          `a${id}, started, ${name}, https://${address}:2380, https://${address}:2379, false\n`,
      )
      .join('');
  };
  const all = () =>
    JSON.stringify({ items: [...held.nodes].map(([name, address]) => object(name, address)) });
  return [
    ['uname -n', `${own.host}\n`],
    ['ip -o -4 address show', `2: eth0    inet ${ADDRESSES[own.host]}/24 scope global eth0\n`],
    [`${KUBECTL} get nodes -o json`, all],
    [`${KUBECTL} get pods`, '{"items":[]}'],
    [`${KUBECTL} get --raw /healthz/etcd`, () => (held.alone ? { code: 1, stderr: 'etcd failed\n' } : 'ok')],
    [`${KUBECTL} get services,endpoints`, ''],
    [`${KUBECTL} get node`, asked],
    [`/usr/local/bin/kubectl --kubeconfig ${CONF} --request-timeout=10s get node`, asked],
    [`${KUBECTL} config view`, 'https://10.0.0.10:6443'],
    ['date -u -d', '2026-01-01T00:10:00Z\n'],
    [(argv) => argv.join(' ').endsWith('member list'), members],
    [
      `${KUBECTL} -n kube-system get configmap kubeadm-config -o json`,
      () => JSON.stringify({ data: { ClusterConfiguration: 'c', ClusterStatus: held.status } }),
    ],
  ];
}

const LEADERLESS = { code: 1, stderr: 'Error from server: etcdserver: leader changed\n' };
/** A control plane that has no etcd of its own. */
function elsewhere(own: Paper, endpoints: readonly string[]): void {
  const server = '/etc/kubernetes/manifests/kube-apiserver.yaml';
  removed(own, '/etc/kubernetes/manifests/etcd.yaml');
  own.write(server, `${own.read(server)}    - --etcd-servers=${endpoints.join(',')}\n`);
}

function doing(own: Paper, held: Held): readonly FakeCommand[] {
  const here = ADDRESSES[own.host] ?? '';
  const made = () => {
    const carried = own.disk.get(`${PKI}/ca.crt`);
    madeCluster(own, { pods: '10.244.0.0/16' });
    if (carried) own.disk.set(`${PKI}/ca.crt`, carried);
    held.nodes.set(own.host, here);
    if (held.etcd.length === 0) held.members.set(own.host, here);
    else elsewhere(own, held.etcd);
    return wrote(own, CONF, 'a key of the node');
  };
  return [
    [
      '/usr/local/bin/kubeadm init',
      () => {
        made();
        const shared = SHARED.filter((path) => held.etcd.length === 0 || !path.includes('/etcd/'));
        for (const path of shared)
          own.write(path, `${path} as made\n`, path.endsWith('.key') ? 0o600 : 0o644);
        return '';
      },
    ],
    [
      script(PLACE),
      ([, , , , path = '', mode = ''], { input }) => {
        own.write(path, String(input), Number.parseInt(mode, 8));
        return '';
      },
    ],
    [
      script(JOIN),
      async (_, { input }) => {
        held.handed.push({ host: own.host, config: JSON.parse(String(input)) });
        held.most = Math.max(held.most, ++held.joining);
        await new Promise(setImmediate);
        held.joining--;
        if (held.alone) own.write('/etc/kubernetes/manifests/etcd.yaml', 'a pod\n');
        if (held.fails !== '') return held.fails;
        assert.equal(held.members.has(own.host), false, 'etcd has a member of that name');
        return made();
      },
    ],
    [
      (argv) => argv.includes('member') && argv.includes('remove'),
      (argv) => {
        const [name] = [...held.members.keys()].slice(Number(argv.at(-1)?.slice(1)));
        held.members.delete(name ?? '');
        return '';
      },
    ],
    [
      'systemctl restart kubelet.service',
      () => {
        held.alone = false;
        return '';
      },
    ],
    [`${KUBECTL} patch node`, ''],
    [`${KUBECTL} drain`, ''],
    [`${KUBECTL} -n kube-system delete`, () => (held.leaderless-- > 0 ? LEADERLESS : '')],
    [`${KUBECTL} apply -f -`, () => (held.leaderless-- > 0 ? LEADERLESS : '')],
    [
      `${KUBECTL} delete node`,
      (argv) => {
        held.nodes.delete(argv.find((word) => held.nodes.has(word)) ?? '');
        return '';
      },
    ],
    [
      `${KUBECTL} -n kube-system replace -f -`,
      (_, { input }) => {
        held.status = JSON.parse(String(input)).data.ClusterStatus;
        return '';
      },
    ],
  ];
}

async function planes(
  t: Lasting,
  names: readonly string[] = ['cp-2', 'cp-3'],
  etcd?: NonNullable<Parameters<typeof kubeadm>[0]>['etcd'],
) {
  const held: Held = {
    ...{ nodes: new Map(), members: new Map(), handed: [], status: '' },
    ...{ joining: 0, unknown: 0, leaderless: 0, most: 0, fails: '', alone: false },
    etcd: etcd?.external.endpoints ?? [],
  };
  const setup = clusterOn();
  const given = { endpoint: ENDPOINT, ...(etcd ? { etcd } : {}) };
  const bench = await benchOf(t, recipe(names, '1.20.2', given), {
    ...setup,
    reads: (own, bench) => [...(setup.reads?.(own, bench) ?? []), ...reading(own, held)],
    does: (own, bench) => [...(setup.does?.(own, bench) ?? []), ...doing(own, held)],
  });
  return { bench, held };
}

const hostOf = (bench: Bench, name: string) => bench.hosts.get(name)!; // every bench has its hosts
const taskIn = (bench: Bench, name: string, step: string) =>
  bench.tasks.find((task) => task.host.name === name && task.step.name === step)!; // every plane has it

async function planned(bench: Bench, name: string, step: string) {
  const { looked, failed } = await bench.look();
  const { id } = taskIn(bench, name, step);
  return failed[id] ?? looked.get(id)?.changes.map((change) => [describe(change), change.why]);
}

/** A host whose disk is empty again. */
function anew(own: Paper): void {
  removed(own, '/etc/kubernetes', '/var/lib/etcd', '/var/lib/kubelet', '/var/lib/cc', '/srv');
  own.stamps.clear();
}

test('further control planes join one after the other, by keys that nothing tells', async (t) => {
  const { bench, held } = await planes(t);
  const { outcomes, events } = await bench.run();
  for (const name of ['cp-2', 'cp-3']) {
    assert.equal(outcomes.get(taskIn(bench, name, 'join').id)?.state, 'applied');
    const own = hostOf(bench, name);
    for (const path of KEYS) {
      assert.equal(own.read(path), hostOf(bench, 'node-1').read(path));
      const file = own.disk.get(path);
      assert.equal(file?.kind === 'file' && file.mode, 0o600);
    }
  }
  assert.equal(held.most, 1);
  assert.deepEqual(
    held.handed.map(({ config }) => config.controlPlane),
    [{}, {}],
  );
  const commands = bench.ran.map(({ argv }) => argv);
  const stamps = [...bench.hosts.values()].flatMap((own) => [...own.stamps]);
  const told = JSON.stringify([commands, stamps, maskedData(events)]);
  for (const path of KEYS) assert.equal(told.includes(`${path} as made`), false);
  for (const name of ['cp-2', 'cp-3']) assert.deepEqual(await planned(bench, name, 'join'), []);
  assert.deepEqual([...held.members.keys()].toSorted(), ['cp-2', 'cp-3', 'node-1']);
});

test('further control planes join a cluster whose etcd is elsewhere, and nobody asks for members of it', async (t) => {
  const folder = await tempFolder(t);
  const [ca, certificate, key] = ['ca', 'certificate', 'key'].map((name) => pathOf(folder, name));
  for (const path of [ca, certificate, key]) await writeFile(path!, `of ${path}\n`, { mode: 0o600 }); // there are three
  const external = { endpoints: ['https://10.0.0.5:2379'], ca: ca!, certificate: certificate!, key: key! };
  const { bench, held } = await planes(t, ['cp-2'], { external });
  const { outcomes } = await bench.run();
  assert.equal(outcomes.get(taskIn(bench, 'cp-2', 'join').id)?.state, 'applied');
  held.nodes.delete('cp-2');
  held.status = 'apiEndpoints:\n  cp-2:\n    advertiseAddress: 10.0.0.2\n    bindPort: 6443\n';
  await bench.run();
  assert.equal(held.nodes.get('cp-2'), '10.0.0.2');
  assert.equal(held.status, 'apiEndpoints: {}\n');
  assert.deepEqual(
    bench.ran.filter(({ argv }) => argv.includes('member') || argv[4]?.startsWith(`${PKI}/etcd`)),
    [],
  );
  assert.equal(hostOf(bench, 'cp-2').read('/etc/cc/etcd/client.key'), `of ${key}\n`);
});

test('further control plane waits until the API knows the pod of etcd', async (t) => {
  const { bench, held } = await planes(t, ['cp-2']);
  held.unknown = 2;
  const { outcomes } = await bench.run();
  assert.equal(outcomes.get(taskIn(bench, 'cp-2', 'join').id)?.state, 'applied');
  assert.ok(held.unknown < 0);
});

test('further control plane joins while etcd has no leader for a moment', async (t) => {
  const { bench, held } = await planes(t, ['cp-2']);
  held.leaderless = 4;
  const { outcomes } = await bench.run();
  assert.equal(outcomes.get(taskIn(bench, 'cp-2', 'join').id)?.state, 'applied');
  assert.ok(held.leaderless < 0);
});

test('keys that were carried go where the join fails, and the next run joins anew', async (t) => {
  const { bench, held } = await planes(t, ['cp-2']);
  held.fails = { code: 1, stderr: 'no way\n' };
  const { outcomes } = await bench.run();
  assert.equal(outcomes.get(taskIn(bench, 'cp-2', 'join').id)?.failure?.kind, 'command-failed');
  assert.deepEqual(
    SHARED.filter((path) => hostOf(bench, 'cp-2').disk.has(path)),
    [],
  );
  held.fails = '';
  const again = await bench.run();
  assert.equal(again.outcomes.get(taskIn(bench, 'cp-2', 'join').id)?.state, 'applied');
});

test('kubelet that has refused the pod of etcd starts anew where the join fails, so that etcd has a majority', async (t) => {
  const { bench, held } = await planes(t, ['cp-2']);
  held.fails = { code: 1, stderr: 'etcd cluster is not healthy\n' };
  held.alone = true;
  const { outcomes } = await bench.run();
  assert.equal(outcomes.get(taskIn(bench, 'cp-2', 'join').id)?.failure?.kind, 'command-failed');
  assert.equal(held.alone, false);
});

test('control plane whose node was deleted leaves etcd before its own data goes, and joins again', async (t) => {
  const { bench, held } = await planes(t, ['cp-2']);
  await bench.run();
  held.nodes.delete('cp-2');
  held.status = 'apiEndpoints:\n  cp-2:\n    advertiseAddress: 10.0.0.2\n    bindPort: 6443\n';
  const why = 'the cluster has no node cp-2';
  assert.deepEqual(
    await planned(bench, 'cp-2', 'join'),
    [
      'have the other control planes forget cp-2',
      'run systemctl stop kubelet',
      'run ctr end-all',
      'run a script that clears what the cluster left, and no more',
      'run a script that notes what is there',
      'have it join by /usr/local/bin/kubeadm join --skip-phases=preflight',
    ].map((what) => [what.replace(' --skip-phases=preflight', ' --ignore-preflight-errors=Swap'), why]),
  );
  await bench.run();
  assert.equal(held.nodes.get('cp-2'), '10.0.0.2');
  assert.equal(held.members.get('cp-2'), '10.0.0.2');
  assert.equal(held.status, 'apiEndpoints: {}\n');
});

test('first control plane that was made anew joins the others, and makes no second cluster', async (t) => {
  const { bench, held } = await planes(t);
  await bench.run();
  anew(hostOf(bench, 'node-1'));
  bench.ran.length = 0;
  const why = 'there is no control plane here, and the cluster is on cp-2';
  assert.deepEqual(await planned(bench, 'node-1', 'init'), [
    ['run a script that notes what is there', why],
    ['have it join the control plane by cp-2', why],
  ]);
  const { outcomes } = await bench.run();
  assert.equal(outcomes.get(taskIn(bench, 'node-1', 'init').id)?.state, 'applied');
  assert.equal(held.handed.at(-1)?.host, 'node-1');
  assert.deepEqual(
    bench.ran.filter(({ argv }) => argv[1] === 'init'),
    [],
  );
  assert.equal(held.members.get('node-1'), '10.0.0.1');
  assert.equal(hostOf(bench, 'node-1').read(`${PKI}/ca.key`), hostOf(bench, 'cp-2').read(`${PKI}/ca.key`));
  assert.deepEqual(await planned(bench, 'node-1', 'init'), []);
});

for (const [name, step, rejoins] of [
  ['cp-2', 'join', ['have the other control planes forget cp-2']],
  ['node-1', 'init', []],
] as const)
  test(`control plane ${name} that has lost the disk of its etcd joins the others again`, async (t) => {
    const { bench, held } = await planes(t);
    await bench.run();
    removed(hostOf(bench, name), '/var/lib/etcd/member');
    const why = 'the data of its etcd are gone';
    const changes = (await planned(bench, name, step)) as readonly (readonly string[])[];
    assert.deepEqual(changes.slice(0, -1), [
      ...rejoins.map((what) => [what, why]),
      ['run systemctl stop kubelet', why],
      ['run ctr end-all', why],
      ['run a script that clears what the cluster left, and no more', why],
      ['run a script that notes what is there', why],
    ]);
    const { outcomes } = await bench.run();
    assert.equal(outcomes.get(taskIn(bench, name, step).id)?.state, 'applied');
    assert.equal(held.handed.at(-1)?.host, name);
    assert.deepEqual([...held.members.keys()].toSorted(), ['cp-2', 'cp-3', 'node-1']);
  });

test('API that is silent because most control planes are gone is told with their numbers', async (t) => {
  const { bench } = await planes(t);
  await bench.run();
  for (const name of ['cp-2', 'cp-3']) anew(hostOf(bench, name));
  hostOf(bench, 'node-1').when(`${KUBECTL} get --raw /readyz`, { code: 1, stderr: 'connection refused\n' });
  const { reason } = (await bench.facts(taskIn(bench, 'node-1', 'api'))) as { readonly reason: string };
  assert.equal(
    reason,
    'the API does not answer: connection refused; 1 of 3 control planes can be reached with their data, and etcd may need 2: see "When most control planes are gone" in docs/restoring.md',
  );
});

test('certificates of all control planes are renewed by the first one where no API answers', async (t) => {
  const { bench } = await planes(t, ['cp-2']);
  await bench.run();
  const server = `${PKI}/apiserver.crt`;
  const done: string[] = [];
  const isUp = () => done.filter((each) => each.endsWith('renewed')).length === 2;
  for (const own of [hostOf(bench, 'node-1'), hostOf(bench, 'cp-2')]) {
    const ends = () => (done.includes(`${own.host} renewed`) ? '271127113621Z' : '261127115959Z');
    own.when(script(LIST), (argv) =>
      argv.includes(server)
        ? `${Date.UTC(2026, 10, 27, 12) / 1000}\n= ${server}\n${endingAt(ends())}`
        : '1795780800\n',
    );
    own.when(
      (argv) => argv.includes('renew'),
      () => {
        done.push(`${own.host} renewed`);
        return '';
      },
    );
    own.when('systemctl start kubelet.service', '');
    own.when(script(ANNOTATE), (argv) => {
      done.push(`${own.host} ${argv[4]}`);
      return '';
    });
    own.when(script(BEGAN), '');
    own.when(`${KUBECTL} get --raw /healthz`, 'ok');
    const told = { [ANNOTATION]: '2027-11-27T11:36:21Z' };
    const status = { conditions: [{ type: 'Ready', status: 'True' }] };
    own.when(
      `${KUBECTL} -n kube-system get pod`,
      JSON.stringify({ metadata: { annotations: told }, status }),
    );
    own.when(`${KUBECTL} get --raw /readyz`, () =>
      isUp() ? 'ok' : { code: 1, stderr: 'certificate has expired\n' },
    );
  }
  const { outcomes } = await bench.run();
  assert.equal(outcomes.get(taskIn(bench, 'node-1', 'certificates').id)?.state, 'applied');
  const manifests = (name: string) =>
    ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map(
      (pod) => `${name} /etc/kubernetes/manifests/${pod}.yaml`,
    );
  assert.deepEqual(done, ['node-1 renewed', ...manifests('node-1'), 'cp-2 renewed', ...manifests('cp-2')]);
});

test('control planes that join a restored cluster know of which snapshot it was made', async (t) => {
  const { bench } = await planes(t, ['cp-2']);
  const [own, other] = [hostOf(bench, 'node-1'), hostOf(bench, 'cp-2')];
  await bench.run();
  own.write(RESTORED, 'etcd.tar\n1790000000\n');
  anew(other);
  await bench.run();
  assert.equal(other.read(RESTORED), 'etcd.tar\n1790000000\n');
});

test('other hosts wait for nothing of the first control plane that they could not do without while it is off', async (t) => {
  const { bench } = await planes(t);
  const waits = bench.tasks.flatMap(({ id, host, needs, spares = [] }) =>
    needs
      .filter((need) => host.name !== 'node-1' && need.startsWith('node-1/') && !spares.includes(need))
      .map((need) => `${id} for ${need}`),
  );
  assert.deepEqual(waits, []);
  assert.deepEqual(taskIn(bench, 'cp-2', 'join').spares, ['node-1/kubeadm/api']);
});

/** Runs a recipe of some of the hosts: what left is swept before anything else on each, as a run does. */
async function runOf(bench: Bench, names: readonly string[]) {
  const { plugins, hosts } = recipe(['cp-2', 'cp-3']);
  const some = hosts.filter(({ name }) => names.includes(name));
  const flat = flattened([{ hosts: some }, { plugins }], []);
  const context = { arch: 'amd64', cache: bench.cache, state: bench.state, file: 'cc.config.ts' } as const;
  const { tasks: declared, hosts: all } = expand(flat, context, []);
  const proof = declared.find(({ step }) => step.name === 'controllers')?.id; // it has a test of its own
  const tasks = declared
    .filter(({ id }) => id !== proof)
    .map((task) => ({ ...task, needs: task.needs.filter((need) => need !== proof) }));
  const entering = { rights: () => true, alone: () => true, left: () => false };
  const driving = { concurrency: 4, duration: () => 1 };
  return runTasks(tasks, {
    ...{ folder: bench.state, hosts: Object.fromEntries(bench.hosts), declaredHosts: all },
    work: (context) => {
      const { sweep } = sweeper(context, driving, entering);
      const applied = applying(context);
      return async (task, ...rest) => {
        await sweep(task.host);
        return applied(task, ...rest);
      };
    },
  });
}

for (const names of [['cp-2', 'cp-3'], ['cp-2']])
  test(`control plane after a first one that left is the first of ${names.length}, and keeps all that it has`, async (t) => {
    const { bench, held } = await planes(t, names);
    await runOf(bench, ['node-1', ...names]);
    await bench.run('undo', ['node-1']);
    assert.deepEqual([...held.members.keys()].toSorted(), names);
    const { outcomes, events } = await runOf(bench, names);
    const failures = [...outcomes.values()].flatMap(({ failure }) => failure ?? []);
    const wrote = events.flatMap((event) => (event.kind === 'change' ? [`${event.id}: ${event.what}`] : []));
    assert.deepEqual(failures, []);
    assert.deepEqual(
      wrote.filter((line) => line.startsWith('cp-')),
      ['cp-2/kubeadm/config: write /etc/cc/kubeadm.json'],
    );
    const stamps = [...hostOf(bench, 'cp-2').stamps.keys()];
    assert.deepEqual(
      ['init', 'join'].map((name) => stamps.includes(`cp-2+kubeadm+${name}.json`)),
      [true, false],
    );
    const again = await runOf(bench, names);
    assert.deepEqual([...new Set([...again.outcomes.values()].map(({ state }) => state))], ['verified']);
  });

test('first control plane is not made as long as another one cannot be looked at', async (t) => {
  const { bench } = await planes(t);
  const { files } = hostOf(bench, 'cp-2');
  const before = files.text;
  const text: typeof files.text = async (path) => {
    if (path.startsWith('/etc/kubernetes'))
      return fail({ kind: 'cannot-tell', host: 'cp-2', what: 'look', why: 'gone' });
    return before(path);
  };
  Object.assign(files, { text });
  assert.deepEqual(JSON.parse(String(await planned(bench, 'node-1', 'init'))), {
    kind: 'cannot-tell',
    host: 'node-1',
    what: 'look for the cluster on its other control planes',
    why: 'cp-2 cannot be looked at',
  });
});

test('first control plane is not made where another has a part of one', async (t) => {
  const { bench } = await planes(t, ['cp-2']);
  hostOf(bench, 'cp-2').write('/var/lib/etcd/member/snap/db', 'data');
  const { outcomes } = await bench.run();
  assert.deepEqual(outcomes.get(taskIn(bench, 'node-1', 'init').id)?.failure, {
    kind: 'check-failed',
    host: 'node-1',
    what: 'the cluster can be made here',
    reasons: [
      'cp-2 has a part of a control plane, and no host has a whole one',
      'make that one whole, or give it up: cc run cleanup --limit cp-2',
    ],
  });
});

test('control planes that are taken back leave etcd and nothing on their hosts', async (t) => {
  const { bench, held } = await planes(t);
  await bench.run();
  const { outcomes } = await bench.run('undo', ['cp-2', 'cp-3']);
  for (const name of ['cp-2', 'cp-3']) {
    assert.equal(outcomes.get(taskIn(bench, name, 'join').id)?.state, 'applied');
    const left = [...hostOf(bench, name).disk.keys()].filter((path) => /kubernetes|kubelet|etcd/.test(path));
    assert.deepEqual(left, []);
  }
  assert.deepEqual([...held.members.keys()], ['node-1']);
});

test('first control plane leaves the others etcd and its cluster, too', async (t) => {
  const { bench, held } = await planes(t);
  await bench.run();
  const { outcomes } = await bench.run('undo', ['node-1']);
  assert.equal(outcomes.get(taskIn(bench, 'node-1', 'init').id)?.state, 'applied');
  assert.deepEqual([...held.members.keys()], ['cp-2', 'cp-3']);
});

test('control planes that go with their cluster leave nothing of it first', async (t) => {
  const { bench, held } = await planes(t);
  await bench.run();
  bench.ran.length = 0;
  await bench.run('undo');
  const words = bench.ran.map(({ argv }) => argv.join(' '));
  assert.deepEqual(
    words.filter((each) => /drain|member remove|delete node/.test(each)),
    [],
  );
  assert.deepEqual([...held.members.keys()], ['node-1', 'cp-2', 'cp-3']);
});

for (const [version, given, message] of [
  [
    '1.12.10',
    { endpoint: ENDPOINT },
    'would be a further control plane, which kubeadm 1.12 cannot join to etcd: take Kubernetes 1.13 or later, have etcd elsewhere, by kubeadm.etcd.external, or make it a worker',
  ],
  [
    '1.20.2',
    {},
    "would be a further control plane, and those need one address that all share: kubeadm.endpoint: { address: '192.0.2.10', by: 'keepalived' }; a cluster that was made without one cannot get it",
  ],
] as const)
  test(`further control plane of ${version} is refused ${'endpoint' in given ? 'by name' : 'without an endpoint'}`, () => {
    assert.deepEqual(
      failureIn(() => expanded(recipe(['cp-2'], version, given))),
      {
        kind: 'config-invalid',
        file: '/site/cc.config.ts',
        problems: [{ path: 'hosts.cp-2', message }],
      },
    );
  });

test('host that a plugin makes is refused with the name of that plugin', () => {
  const made = {
    ...{ name: 'made', roles: ['control-plane'], madeBy: 'maker/boot' },
    connection: { kind: 'ssh', address: '10.0.0.9' },
  } as const;
  const maker = part('maker', () => ({ steps: [bare('boot', { where: 'controller' })], hosts: [made] }));
  const { hosts, plugins } = recipe([], '1.20.2', {});
  const failure = failureIn(() => expanded({ hosts, plugins: [...plugins, maker] }));
  const [problem] = failure.kind === 'config-invalid' ? failure.problems : [];
  assert.equal(problem?.path, 'hosts.made');
  assert.match(
    problem?.message ?? '',
    /; the plugin maker makes it, and without: \['maker'\] leaves it out$/,
  );
});

for (const version of ['1.13.12', '1.20.2', '1.30.1', '1.36.4'])
  test(`kubeadm ${version} is told that a host becomes a control plane, and by which address`, () => {
    const told = {
      version,
      criSocket: 'unix:///run/cri.sock',
      endpoint: '10.0.0.10:6443',
      token: 't',
      pins: [],
    };
    const planeIn = (plane?: { address?: string }) =>
      JSON.parse(joinConfig({ ...told, ...(plane ? { plane } : {}) })).controlPlane;
    assert.equal(planeIn(), undefined);
    assert.deepEqual(planeIn({}), {});
    assert.deepEqual(planeIn({ address: '10.0.0.2' }), {
      localAPIEndpoint: { advertiseAddress: '10.0.0.2' },
    });
  });

test('members of etcd are read as every etcdctl prints them, also those that have not started', () => {
  const text = `8211f1d0f64f3269, started, cp-1, https://10.0.0.1:2380, https://10.0.0.1:2379
91bc3c398fb3c146, started, cp-2, https://10.0.0.2:2380, https://10.0.0.2:2379, false
fd422379fda50e48, unstarted, , https://10.0.0.3:2380, , false
`;
  assert.deepEqual(membersIn(text), [
    { id: '8211f1d0f64f3269', name: 'cp-1', address: '10.0.0.1' },
    { id: '91bc3c398fb3c146', name: 'cp-2', address: '10.0.0.2' },
    { id: 'fd422379fda50e48', name: '', address: '10.0.0.3' },
  ]);
});

test('one control plane is struck from the notes of kubeadm, and no other', () => {
  const entry = (name: string) => `  ${name}:\n    advertiseAddress: 10.0.0.1\n    bindPort: 6443\n`;
  const status = (...names: readonly string[]) =>
    `apiEndpoints:\n${names.map(entry).join('')}apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterStatus\n`;
  assert.equal(statusWithout(status('cp-1', 'cp-10', 'cp-2'), 'cp-1'), status('cp-10', 'cp-2'));
  assert.equal(statusWithout(status('cp-1', 'cp-2'), 'cp-2'), status('cp-1'));
  assert.equal(statusWithout(status('cp-1'), 'cp-3'), status('cp-1'));
  assert.equal(statusWithout(status('cp-1'), 'cp-1'), status().replace('apiEndpoints:', 'apiEndpoints: {}'));
});

test('key that is carried is readable by root alone, at no time by others', async (t) => {
  const file = pathOf(await tempFolder(t), 'pki', 'etcd', 'ca.key');
  const running = promisify(execFile)('sh', ['-c', PLACE, 'cc', file, '600'], { encoding: 'utf8' });
  running.child.stdin?.end('a key\n');
  await running;
  assert.equal(await readFile(file, 'utf8'), 'a key\n');
  assert.equal((await stat(file)).mode & 0o777, 0o600);
});

/** kubeadm: what it is told, when it makes a control plane, and when it makes one anew. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe } from '../../core/model/change.ts';
import { Failed, type Failure } from '../../core/model/failure.ts';
import type { Json } from '../../core/model/json.ts';
import type { Last, Step } from '../../core/model/step.ts';
import type { Task } from '../../core/model/task.ts';
import { initFlags } from '../../plugins/kubeadm/flags.ts';
import { kubeadm } from '../../plugins/kubeadm.ts';
import { expanded, failureIn } from '../graph/recipes.ts';
import { laws } from '../rig/laws.ts';
import type { Paper } from '../rig/paper.ts';
import { ALL, changed, INTERRUPTED, NEVER, PERFORMED } from '../steps/last.ts';
import { type Bench, benchOf, NODE } from './bench.ts';
import { type Api, BELOW, below, clusterOn, MADE, madeCluster } from './cluster.ts';

const SETTINGS = ['net/ipv4/ip_forward', 'net/bridge/bridge-nf-call-iptables'];
const SYSCTLS = '/etc/sysctl.d/90-cc-kubernetes.conf';
const MODULES = '/etc/modules-load.d/90-cc-kubernetes.conf';
const RECIPE = { plugins: [...BELOW, kubeadm()] };

/** The packages that kubeadm's checks ask for. */
const TOOLS = ['conntrack', 'ebtables', 'ethtool', 'iproute2', 'iptables', 'mount', 'socat', 'util-linux'];
/** What they see goes with the control plane. */
const KEPT = ['upgrade', 'certificates', 'api', 'uncordon', 'untaint', 'labels', 'ready'];

laws('kubeadm', RECIPE, {
  ...clusterOn(),
  kept: ['address', 'cluster', 'version', 'networks', 'tools', ...KEPT],
  left: { 'node-1': TOOLS },
});
laws(
  'kubeadm without its checks',
  { plugins: [...BELOW, kubeadm({ dns: false, preflight: false })] },
  { ...clusterOn(), plugin: 'kubeadm', kept: ['address', 'cluster', 'version', 'networks', ...KEPT] },
);
laws('kubeadm of 2018', plane('1.9.2'), {
  ...clusterOn({ answers: true, health: '/healthz' }),
  plugin: 'kubeadm',
  kept: ['address', 'cluster', 'version', 'networks', 'tools', 'cgroups', ...KEPT],
  left: { 'node-1': TOOLS },
});
laws('kubeadm of today', plane('1.36.4'), {
  ...on(2),
  plugin: 'kubeadm',
  kept: ['address', 'cluster', 'version', 'networks', 'tools', 'cgroups', ...KEPT],
  left: { 'node-1': TOOLS },
});

function plane(version: string, given: Parameters<typeof kubeadm>[0] = {}) {
  return { plugins: [...below(version), kubeadm(given)] };
}

/** A host with cgroups of a version. */
function on(cgroups: 1 | 2) {
  const setup = clusterOn();
  const bare = (host: Paper) => {
    setup.bare?.(host);
    if (cgroups === 2) host.write('/sys/fs/cgroup/cgroup.controllers', 'cpu memory pids\n');
  };
  return { ...setup, bare };
}

const node = ({ hosts }: Bench) => hosts.get('node-1')!; // every bench has this host

function taskOf({ tasks }: Bench, name: string): Task {
  return tasks.find(({ step }) => step.name === name)!; // the plugin has this step
}

const stepOf = (bench: Bench, name: string): Step => taskOf(bench, name).step;
const facts = (bench: Bench, name: string) => bench.facts(taskOf(bench, name));

const RESET = [
  'run systemctl stop kubelet',
  'run ctr end-all',
  'run a script that clears what the cluster left, and no more',
];
const KEEP = 'run a script that notes what is there';
const INIT = 'run /usr/local/bin/kubeadm init --config /etc/cc/kubeadm.json --ignore-preflight-errors=Swap';
const FRESH = [KEEP, INIT].map((what) => [what, 'there is no control plane']);
const ANEW = [...RESET, KEEP, INIT].map((what) => [what, 'an earlier init did not finish']);

/** What is said where a cluster stands that cc has no record of. */
const REFUSED = {
  kind: 'check-failed',
  host: 'the control plane',
  what: 'no other cluster is on this host',
  reasons: [
    '/etc/kubernetes, /var/lib/etcd or /var/lib/kubelet hold a state that cc has not made',
    'move it away, or reset that cluster by hand',
  ],
} as const;

/** What is said where a cluster that was finished once is not whole. */
const DAMAGED = {
  kind: 'check-failed',
  host: 'the control plane',
  what: 'the cluster is whole',
  reasons: [
    '/etc/kubernetes/admin.conf or a manifest below /etc/kubernetes/manifests is gone or empty',
    'put it back, or give the cluster up: cc run cleanup',
  ],
} as const;

/** What a step would do, or why it refuses to. */
function planOf(step: Step, facts: Json, last: Last): readonly (readonly string[])[] | Failure {
  try {
    return step.plan(facts, last).map((change) => [describe(change), change.why]);
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    return error.failure;
  }
}

interface Case {
  readonly files: readonly string[];
  readonly api: boolean;
  readonly facts: typeof none;
  /** The plan where nothing is remembered, where an earlier one did not end, and where the stamp is current. */
  readonly never: readonly (readonly string[])[] | typeof REFUSED;
  readonly unfinished: readonly (readonly string[])[];
  readonly current: readonly (readonly string[])[];
}

const none = {
  host: 'node-1',
  admin: false,
  manifests: 0,
  leftovers: false,
  etcd: 'none' as 'none' | 'data' | 'blank',
  restored: false,
  foundLost: false,
  complete: false,
  dns: null as boolean | null,
  noted: false,
  others: {},
};
const whole = { ...none, admin: true, manifests: 4, leftovers: true, etcd: 'data' as const };

const CASES: Readonly<Record<string, Case>> = {
  'bare host': { files: [], api: true, facts: none, never: FRESH, unfinished: FRESH, current: FRESH },
  'complete control plane': {
    files: MADE,
    api: true,
    facts: { ...whole, complete: true, dns: true },
    never: [],
    unfinished: [],
    current: [],
  },
  'control plane whose API is silent': {
    files: MADE,
    api: false,
    facts: { ...whole, complete: false },
    never: REFUSED,
    unfinished: ANEW,
    current: [],
  },
  'init that ended before the second manifest': {
    files: MADE.slice(0, 2),
    api: false,
    facts: { ...whole, manifests: 1, etcd: 'none', complete: false },
    never: REFUSED,
    unfinished: ANEW,
    current: ANEW,
  },
  'init that ended before the configuration of the administrator': {
    files: MADE.slice(1, 5),
    api: false,
    facts: { ...whole, admin: false, etcd: 'none', complete: false },
    never: REFUSED,
    unfinished: ANEW,
    current: ANEW,
  },
  'init that left nothing but certificates': {
    files: ['/etc/kubernetes/pki/ca.crt'],
    api: false,
    facts: { ...none, leftovers: true },
    never: REFUSED,
    unfinished: ANEW,
    current: ANEW,
  },
};

for (const [name, { files, api, facts: wanted, never, unfinished, current }] of Object.entries(CASES)) {
  test(`init on a ${name} is planned from what is there and what is remembered`, async (t) => {
    const bench = await benchOf(t, RECIPE, clusterOn({ answers: api }));
    madeCluster(node(bench), {}, files);
    const found = await facts(bench, 'init');
    assert.deepEqual(found, wanted);
    const plan = (last: Last) => planOf(stepOf(bench, 'init'), found, last);
    assert.deepEqual(
      { never: plan(NEVER), unfinished: plan(INTERRUPTED), current: plan(PERFORMED) },
      { never, unfinished, current },
    );
  });
}

const FLAGS: Readonly<Record<string, readonly [checked: readonly string[], unchecked: readonly string[]]>> = {
  '1.9.2': [
    ['--ignore-preflight-errors=Swap,CRI,Service-Docker,SystemVerification'],
    ['--ignore-preflight-errors=all'],
  ],
  '1.12.10': [['--ignore-preflight-errors=Swap'], ['--ignore-preflight-errors=all']],
  '1.13.0': [['--ignore-preflight-errors=Swap'], ['--skip-phases=preflight']],
  '1.22.17': [['--ignore-preflight-errors=Swap'], ['--skip-phases=preflight']],
  '1.23.0': [[], ['--skip-phases=preflight']],
  '1.36.4': [[], ['--skip-phases=preflight']],
};

for (const [version, flags] of Object.entries(FLAGS)) {
  test(`init of ${version} is told what its configuration cannot say`, () => {
    const found = [true, false].map((preflight) => initFlags({ version, dns: true, preflight }));
    assert.deepEqual(found, flags);
  });
}

test('init leaves out cluster DNS where the option says so', () => {
  assert.deepEqual(initFlags({ version: '1.20.2', dns: false, preflight: false }), [
    '--skip-phases=preflight,addon/coredns',
  ]);
  assert.deepEqual(initFlags({ version: '1.36.4', dns: false, preflight: true }), [
    '--skip-phases=addon/coredns',
  ]);
});

test('cluster DNS that this kubeadm cannot leave out is an error of the configuration', () => {
  const failure = failureIn(() => expanded({ hosts: [NODE], ...plane('1.12.10', { dns: false }) }));
  assert.deepEqual(failure, {
    kind: 'config-invalid',
    file: '/site/cc.config.ts',
    problems: [{ path: 'kubeadm.dns', message: 'cannot be left out by kubeadm 1.12.10' }],
  });
});

for (const [version, cgroups, only] of [
  ['1.9.2', 2, 1],
  ['1.18.20', 2, 1],
  ['1.35.0', 1, 2],
] as const) {
  test(`host with cgroup v${cgroups} is refused for ${version} before anything is made of it`, async (t) => {
    const bench = await benchOf(t, plane(version), on(cgroups));
    const { outcomes } = await bench.run();
    const failure = outcomes.get(taskOf(bench, 'cgroups').id)?.failure;
    assert.deepEqual(failure, {
      kind: 'check-failed',
      host: 'node-1',
      what: 'the host has cgroups that kubelet can use',
      reasons: [
        `the host has cgroup v${cgroups}, which kubelet ${version} ${cgroups === 1 ? 'refuses' : 'does not know'}`,
        `boot it with systemd.unified_cgroup_hierarchy=${only - 1} on the kernel's command line, where its systemd still can, or use another host`,
      ],
    });
    assert.equal(outcomes.get(taskOf(bench, 'init').id)?.state, 'skipped');
  });
}

for (const version of ['1.19.0', '1.34.11']) {
  test(`host with either cgroup version will do for ${version}`, async (t) => {
    const bench = await benchOf(t, plane(version), on(2));
    assert.deepEqual(
      bench.tasks.filter(({ step }) => step.name === 'cgroups'),
      [],
    );
  });
}

test('control plane that was made once outlives a changed declaration while its API is silent', async (t) => {
  const api: Api = { answers: true };
  const bench = await benchOf(t, RECIPE, clusterOn(api));
  await bench.run();
  api.answers = false;
  const found = await facts(bench, 'init');
  const before = changed('needs.x: 1 → 2', { ...whole, complete: true, dns: true });
  assert.deepEqual(stepOf(bench, 'init').plan(found, before), []);
});

for (const [damage, harm] of [
  ['moved away', (host: Paper, path: string) => host.disk.delete(path)],
  ['emptied', (host: Paper, path: string) => host.write(path, '')],
] as const)
  test(`control plane a manifest of which was ${damage} is refused, and neither reset nor made anew`, async (t) => {
    const bench = await benchOf(t, RECIPE, clusterOn());
    await bench.run();
    const scheduler = '/etc/kubernetes/manifests/kube-scheduler.yaml';
    harm(node(bench), scheduler);
    bench.ran.length = 0;
    const { outcomes } = await bench.run();
    const { state, failure } = outcomes.get(taskOf(bench, 'init').id)!; // every task ends
    assert.deepEqual([state, failure], ['failed', DAMAGED]);
    const words = bench.ran.map(({ argv }) => argv.join(' '));
    assert.deepEqual(
      words.filter((line) => /end-all|kubeadm init/.test(line)),
      [],
    );
  });

test('etcd that somebody else runs is not taken for the rest of an init', async (t) => {
  const bench = await benchOf(t, RECIPE, clusterOn());
  node(bench).write('/var/lib/etcd/member/snap/db', 'of another');
  const { outcomes } = await bench.run();
  const { state, failure } = outcomes.get(taskOf(bench, 'init').id)!; // every task ends
  assert.deepEqual([state, failure], ['failed', REFUSED]);
  assert.equal(node(bench).read('/var/lib/etcd/member/snap/db'), 'of another');
  await bench.run('undo');
  assert.equal(node(bench).read('/var/lib/etcd/member/snap/db'), 'of another');
});

test('undo leaves a cluster that cc never touched alone', async (t) => {
  const bench = await benchOf(t, RECIPE, clusterOn());
  for (const path of MADE) node(bench).write(path, 'of another');
  const before = node(bench).snapshot();
  await bench.run('undo');
  assert.deepEqual(node(bench).snapshot(), before);
});

test('kernel settings for this boot and the next are as they were once the cluster is gone', async (t) => {
  const bench = await benchOf(t, RECIPE, clusterOn({ answers: true }, '0\n'));
  const rest = () => bench.snapshot()['node-1']?.filter((line) => !TOOLS.includes(line));
  const before = rest();
  await bench.run();
  assert.deepEqual(
    [SYSCTLS, MODULES].map((path) => node(bench).read(path)),
    ['net.ipv4.ip_forward = 1\nnet.bridge.bridge-nf-call-iptables = 1\n', 'br_netfilter\n'],
  );
  assert.deepEqual(
    SETTINGS.map((key) => node(bench).read(`/proc/sys/${key}`)),
    ['1\n', '1\n'],
  );
  await bench.run('undo');
  assert.deepEqual(rest(), before);
});

test('kernel settings that somebody changed are set again, and what they were before the cluster is not noted anew', async (t) => {
  const bench = await benchOf(t, RECIPE, clusterOn({ answers: true }, '0\n'));
  await bench.run();
  node(bench).write('/proc/sys/net/ipv4/ip_forward', '7\n');
  const kernel = await facts(bench, 'kernel');
  const plan = stepOf(bench, 'kernel').plan(kernel, PERFORMED);
  assert.deepEqual(
    plan.map((change) => [describe(change), change.why]),
    [['run sysctl -w net.ipv4.ip_forward=1', 'net/ipv4/ip_forward is 7']],
  );
});

test('files that were there before the cluster are there after it, and no others', async (t) => {
  const bench = await benchOf(t, RECIPE, clusterOn());
  node(bench).write('/etc/kubernetes/theirs.yaml', 'theirs');
  const before = bench.snapshot();
  await bench.run();
  await bench.run('undo');
  const left = bench.snapshot()['node-1']?.filter((line) => !before['node-1']?.includes(line));
  assert.deepEqual(left, TOOLS);
  assert.equal(node(bench).read('/etc/kubernetes/theirs.yaml'), 'theirs');
});

test('undo of an init that noted what is there and did no more takes the note back', async (t) => {
  const bench = await benchOf(t, RECIPE, clusterOn());
  const undo = stepOf(bench, 'init').undo?.({ ...none, noted: true }, ALL) ?? [];
  assert.deepEqual(undo.map(describe), RESET);
  assert.deepEqual(stepOf(bench, 'init').undo?.(none, ALL), []);
});

test('kernel that does not filter bridges is made to', async (t) => {
  const bench = await benchOf(t, RECIPE, clusterOn());
  node(bench).disk.delete('/proc/sys/net/bridge/bridge-nf-call-iptables');
  node(bench).when('modprobe br_netfilter', () => {
    node(bench).write('/proc/sys/net/bridge/bridge-nf-call-iptables', '1\n');
    return '';
  });
  const { outcomes } = await bench.run();
  const { id } = bench.tasks.find(({ step }) => step.name === 'kernel')!; // the plugin has this step
  assert.equal(outcomes.get(id)?.state, 'applied');
});

test('kubelet is restarted when its program changed, and once', async (t) => {
  const bench = await benchOf(t, RECIPE, clusterOn());
  node(bench).write('/usr/local/bin/kubelet', 'one', 0o755);
  await bench.run();
  const starts = () => node(bench).units.get('kubelet.service')?.starts;
  assert.equal(starts(), 1);
  node(bench).write('/usr/local/bin/kubelet', 'another', 0o755);
  const { outcomes } = await bench.run();
  assert.deepEqual(outcomes.get(taskOf(bench, 'kubelet').id)?.reason?.details, [
    'kubelet.service runs with an older configuration',
  ]);
  await bench.run();
  assert.equal(starts(), 2);
});

test('kubelet is restarted for its unit, its drop-in and its program', async (t) => {
  const bench = await benchOf(t, RECIPE, clusterOn());
  await bench.run();
  assert.deepEqual(Object.keys(((await facts(bench, 'kubelet')) as { inputs: object }).inputs), [
    '/etc/systemd/system/kubelet.service',
    '/etc/systemd/system/kubelet.service.d/10-kubeadm.conf',
    '/usr/local/bin/kubelet',
  ]);
});

test('init that was cut off is made anew by the next run', async (t) => {
  const bench = await benchOf(t, RECIPE, clusterOn());
  const INITS = '/usr/local/bin/kubeadm init';
  let cut = true;
  node(bench).when(
    ([program, verb]) => cut && `${program} ${verb}` === INITS,
    () => {
      for (const path of MADE.slice(1, 3)) node(bench).write(path, 'half');
      return { code: 1, stderr: 'cut off\n' };
    },
  );
  const first = await bench.run();
  assert.equal(first.outcomes.get(taskOf(bench, 'init').id)?.state, 'failed');
  cut = false;
  bench.ran.length = 0;
  const { outcomes } = await bench.run();
  assert.equal(outcomes.get(taskOf(bench, 'init').id)?.state, 'applied');
  const words = bench.ran.map(({ argv }) => argv.join(' '));
  const [reset, init] = ['ctr end-all', INITS].map((start) =>
    words.findIndex((line) => line.startsWith(start)),
  );
  assert.ok(reset! >= 0 && reset! < init!, `${reset} ${init}`); // there are two
});

test('init is told of no proxy that whoever runs cc has, because it would tell every pod of the control plane', async (t) => {
  const bench = await benchOf(t, RECIPE, clusterOn());
  const init = stepOf(bench, 'init').plan(none, NEVER).at(-1)!; // the last change makes it
  assert.ok(init.kind === 'run');
  const { env = {} } = init.command;
  for (const name of ['HTTP_PROXY', 'https_proxy', 'NO_PROXY', 'all_proxy']) assert.equal(env[name], '');
});

test('API that is silent leaves nothing for as declared', async (t) => {
  const api: Api = { answers: true };
  const bench = await benchOf(t, RECIPE, clusterOn(api));
  await bench.run();
  api.answers = false;
  const { looked, failed } = await bench.look();
  const why = { host: 'node-1', what: 'ask the API of the cluster', why: 'connection refused' };
  const untold = JSON.stringify({ kind: 'cannot-tell', ...why });
  assert.deepEqual(failed, { 'node-1/kubeadm/untaint': untold, 'node-1/kubeadm/labels': untold });
  for (const name of ['api', 'ready'])
    assert.deepEqual(
      looked.get(taskOf(bench, name).id)?.changes.map(({ why }) => why),
      ['the API does not answer: connection refused'],
      name,
    );
});

test('bare host has no node yet to take a taint from', async (t) => {
  const bench = await benchOf(t, RECIPE, clusterOn());
  assert.deepEqual(planOf(stepOf(bench, 'untaint'), await facts(bench, 'untaint'), NEVER), [
    ['kubectl taint node, once there is one', 'there is no cluster yet'],
  ]);
});

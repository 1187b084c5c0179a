/** What holds of the stack of 2018 beside its texts: what it lacks, what is pinned, where pods go, whom it refuses. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Recipe } from '../../core/model/recipe.ts';
import type { Inputs } from '../../core/model/secret.ts';
import type { Task, TaskId } from '../../core/model/task.ts';
import { rules } from '../../plugins/clear-containers/rules.ts';
import { keyOf } from '../../plugins/crio/keys.ts';
import { KVM } from '../../plugins/vm/preflight.ts';
import clearContainers from '../../recipes/clear-containers.ts';
import { ARCHIVE } from '../plugins/archive.ts';
import { benchOf } from '../plugins/bench.ts';
import { ROUTE } from '../plugins/cluster.ts';
import { COMPILER, GO } from '../plugins/compiler.ts';
import { networked } from '../plugins/tools.ts';
import { looking } from '../plugins/virtual.ts';
import { cc, folder } from '../rig/cc.ts';
import type { Paper } from '../rig/paper.ts';
import type { Lasting } from '../rig/temp.ts';
import { changesOf, tasksOf } from './golden.ts';

const connection = { kind: 'ssh', address: 'node-1.example' } as const;
const site: Recipe = {
  name: 'site',
  extends: clearContainers,
  hosts: [{ name: 'node-1', roles: ['control-plane'], connection }],
};

function task(name: string): Task {
  return tasksOf(site).find(({ id }) => id === `node-1/${name}`)!; // the recipe has it
}

test('site that gives hosts has the whole recipe', async (t) => {
  const { extends: _, ...own } = site;
  const text = JSON.stringify({ extends: 'clear-containers', ...own });
  const cwd = await folder(t, { 'cc.config.json': text });
  const { code, stdout } = await cc(cwd, 'list', '--json');
  assert.equal(code, 0);
  const { tasks }: { tasks: readonly { id: string }[] } = JSON.parse(stdout);
  assert.deepEqual(
    tasks.map(({ id }) => id),
    tasksOf(site).map(({ id }) => id),
  );
});

test('what is compiled are the trees of these commits', () => {
  const all = tasksOf(site).flatMap(({ step }) => step.artifacts ?? []);
  const trees = all.flatMap(({ name, source }) =>
    source.kind === 'git' ? [[name, source.commit] as const] : [],
  );
  assert.deepEqual(Object.fromEntries(trees), {
    'cc-runtime-source': '532740cc7cb859b33e7a80cfb250fbe2fd1e5899',
    'cc-proxy-source': '2d500edc813034b4a59a57bad72d55a36cc2e0da',
    'cc-shim-source': 'c8f732c99484e947f18cf29ab0d3d26e3e6bfbfe',
    'cri-o-source': '814c6ab0913d827543696b366048056a31d9529c',
    'cri-tools-source': 'b42fc3f364dd48f649d55926c34492beeb9b2e99',
    'runc-source': '2e7cfe036e2c6dc51ccca6eb7fa3ee6b63976dcd',
  });
});

/** Every text in a value under one of these keys. */
function texts(value: Inputs | undefined, keys: readonly string[]): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    typeof inner === 'string' && keys.includes(key) ? [inner] : texts(inner, keys),
  );
}

test('images that cc names are named by digest', () => {
  const named = ['flannel/daemon', 'nginx-smoke/page'].map((name) =>
    texts(task(name).step.inputs, ['image', 'nginx', 'client']),
  );
  assert.deepEqual(
    named.map((images) => images.length),
    [1, 2],
  );
  for (const image of named.flat()) assert.match(image, /@sha256:[0-9a-f]{64}$/);
});

async function written(name: string, t: Lasting): Promise<string> {
  const [change] = await changesOf(task(name), 'Ubuntu 16.04', t);
  return change?.kind === 'write' ? String(change.text) : assert.fail(`${name} writes nothing`);
}

const CRIO = `[crio]
root = "/var/lib/containers/storage"
runroot = "/run/containers/storage"
storage_driver = "overlay"

[crio.runtime]
cgroup_manager = "cgroupfs"
conmon = "/usr/local/bin/conmon"
seccomp_profile = "/etc/crio/seccomp.json"
runtime = "/usr/local/sbin/runc"
runtime_untrusted_workload = "/usr/local/libexec/cc/clear-containers"
default_workload_trust = "untrusted"

[crio.image]
pause_image = "registry.k8s.io/pause-amd64:3.0"
signature_policy = "/etc/crio/policy.json"

[crio.network]
network_dir = "/etc/cni/net.d"
plugin_dir = "/opt/cc/cni"
`;

test('pods that nobody says to be trusted are started by Clear Containers, in words that CRI-O 1.9.0 knows', async (t) => {
  const text = await written('crio/config', t);
  assert.equal(text, CRIO);
  const keys = text.split('\n\n').flatMap((table) => {
    const [head = '', ...lines] = table.trim().split('\n');
    return lines.map((line) => `${head.slice(1, -1)}.${line.split(' ')[0]}`);
  });
  assert.deepEqual(
    keys.filter((key) => !keyOf(key, '1.9.0')),
    [],
  );
});

test('programs of Kubernetes are told as those of 1.9 read it', async (t) => {
  const { apiVersion, kind } = JSON.parse((await written('kubeadm/config', t)).replace(/^---\n/, ''));
  assert.deepEqual(
    { apiVersion, kind },
    { apiVersion: 'kubeadm.k8s.io/v1alpha1', kind: 'MasterConfiguration' },
  );
  const flags = [...(await written('kubeadm/drop-in', t)).matchAll(/--[a-z-]+/g)].map(([flag]) => flag);
  assert.deepEqual(flags.toSorted(), KUBELET);
});

/** Those of upstream's 10-kubeadm.conf for 1.9, and those by which another runtime is told. */
const KUBELET = [
  '--allow-privileged',
  '--authorization-mode',
  '--bootstrap-kubeconfig',
  '--cadvisor-port',
  '--cert-dir',
  '--cgroup-driver',
  '--client-ca-file',
  '--cluster-dns',
  '--cluster-domain',
  '--cni-bin-dir',
  '--cni-conf-dir',
  '--container-runtime',
  '--container-runtime-endpoint',
  '--fail-swap-on',
  '--kubeconfig',
  '--network-plugin',
  '--pod-manifest-path',
  '--rotate-certificates',
  '--runtime-request-timeout',
];

test('host on which no machine can start is refused before anything on it is changed', async (t) => {
  const wrong = { kvm: 'there is no /dev/kvm', intel: 'the processor is not from Intel' };
  const { hosts = [] } = site;
  const bare = (host: Paper) => host.write('/proc/net/route', ROUTE);
  const setup = { ...COMPILER, bare, reads: () => [networked(), looking(rules('kvm', 'macvtap'), wrong)] };
  const bench = await benchOf(t, { isolation: 'vm', plugins: PLUGINS, hosts }, setup);
  const before = bench.snapshot()['node-1'];
  const { outcomes } = await bench.run();
  const here = [...outcomes].filter(([id]) => id.startsWith('node-1/'));
  const ids = (...states: readonly string[]) =>
    here.filter(([, { state }]) => states.includes(state)).map(([id]) => id);
  const first = bench.tasks.filter(({ step }) => step.first).map(({ id }) => id as string);
  assert.deepEqual(ids('failed'), ['node-1/clear-containers/preflight']);
  const others = here.map(([id]) => id).filter((id) => !first.includes(id));
  assert.deepEqual(
    ids('skipped', 'cancelled').filter((id) => !first.includes(id)),
    others,
  );
  assert.deepEqual(outcomes.get('node-1/clear-containers/preflight' as TaskId)?.failure, {
    kind: 'check-failed',
    host: 'node-1',
    what: 'the host can start virtual machines',
    reasons: [
      `kvm: there is no /dev/kvm; ${KVM.fix}`,
      'intel: the processor is not from Intel; use a host with an Intel processor',
    ],
  });
  assert.deepEqual(bench.snapshot()['node-1'], before);
});

/** The recipe's own, but for where compiler and packages come from. */
const PLUGINS = [
  ARCHIVE,
  GO,
  ...(clearContainers.plugins ?? []).filter(({ spec }) => !['debian', 'golang'].includes(spec.name)),
];

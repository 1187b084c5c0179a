/** flannel: what it is run as, when it is ready, and what it leaves. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { Host } from '../../core/model/plugin.ts';
import { cluster, podNetwork } from '../../plugins/capabilities.ts';
import { daemon, imageOf } from '../../plugins/flannel/manifest.ts';
import { CLEAR } from '../../plugins/flannel/state.ts';
import { flannel } from '../../plugins/flannel.ts';
import { manifestOf } from '../../plugins/kubectl/applied.ts';
import { EXPAND_CONTEXT, expanded, failureIn } from '../graph/recipes.ts';
import { paperClock } from '../rig/clock.ts';
import { laws } from '../rig/laws.ts';
import type { Paper } from '../rig/paper.ts';
import { tempFolder } from '../rig/temp.ts';
import { runTasks } from '../run/context.ts';
import { type BenchSetup, benchOf, NODE } from './bench.ts';
import { ADMIN, applying, asking, KUBECTL } from './kubectl.ts';
import { providing } from './tools.ts';

const run = promisify(execFile);
const DAEMON = '/DaemonSet.kube-flannel.kube-flannel';
const SUBNET = '/run/flannel/subnet.env';

const network = {
  name: 'pods',
  subnet: '10.244.0.0/16',
  bin: '/opt/cc/cni',
  config: '/etc/cni/net.d',
  bridge: 'cc0',
};
const CLUSTER = providing(cluster, {
  version: '1.20.2',
  kubeconfig: '/etc/kubernetes/admin.conf',
  kubectl: '/usr/local/bin/kubectl',
});
const recipe = (given: Parameters<typeof flannel>[0] = {}) => ({
  plugins: [CLUSTER, providing(podNetwork, { ...network, overlay: 'flannel' }), flannel(given)],
});

/** A DaemonSet on one node, with so many of its pods ready. */
function status(host: Paper, ready: number) {
  if (!host.disk.has(DAEMON)) return '';
  if (ready === 1) host.write(SUBNET, 'FLANNEL_SUBNET=10.244.0.1/24\n');
  const metadata = { generation: 1 };
  return JSON.stringify({
    metadata,
    status: {
      observedGeneration: 1,
      desiredNumberScheduled: 1,
      updatedNumberScheduled: 1,
      numberReady: ready,
    },
  });
}

const setup = (ready = 1): BenchSetup => ({
  bare: (host) => {
    host.write('/run/flannel/x', '');
    host.disk.delete('/run/flannel/x');
    host.write(ADMIN, '');
  },
  reads: (host) => [
    ...asking(host),
    [
      `${KUBECTL} -n kube-flannel get daemonset kube-flannel --ignore-not-found -o json`,
      () => status(host, ready),
    ],
  ],
  does: (host) => applying(host),
});

// What the last two wait for goes with the daemon.
const kept = ['ready', 'subnet'];
// Where flannel keeps a node's subnet is a folder of cni's, which goes once no pod runs any more.
laws('flannel', recipe(), { ...setup(), kept, left: { 'node-1': [SUBNET] } });

test('daemon that is not ready everywhere is waited for, and told of', async (t) => {
  const bench = await benchOf(t, recipe({ within: 1 }), setup(0));
  const { outcomes } = await bench.run();
  assert.deepEqual(
    [...outcomes].map(([id, { state }]) => [id, state]),
    [
      ['node-1/flannel/daemon', 'applied'],
      ['node-1/flannel/ready', 'timed-out'],
      ['node-1/flannel/subnet', 'skipped'],
    ],
  );
  const failure = [...outcomes.values()].find(({ state }) => state === 'timed-out')?.failure;
  assert.deepEqual(failure, {
    kind: 'timed-out',
    host: 'node-1',
    what: 'flannel runs on every node',
    within: 1,
    last: 'ready on 0 of 1 nodes',
  });
});

test('subnet that a node gets while it is waited for is seen', async (t) => {
  const bench = await benchOf(t, recipe(), setup());
  const host = bench.hosts.get('node-1')!;
  const task = bench.tasks.find(({ id }) => id === 'node-1/flannel/subnet')!;
  const clock = paperClock(() => {
    if (clock.slept.length === 2) host.write(SUBNET, 'FLANNEL_SUBNET=10.244.0.1/24\n');
  });
  const alone = { ...task, needs: [] };
  const ran = await runTasks([alone], { folder: bench.state, hosts: { 'node-1': host }, clock });
  assert.deepEqual([ran.outcomes.get(task.id)?.state, clock.slept.length], ['applied', 2]);
});

test('pods that nobody hands over are no work for flannel', () => {
  const given = { hosts: [NODE], plugins: [CLUSTER, providing(podNetwork, network), flannel()] };
  const message =
    'expected pods to be handed over: cni needs the option network: "flannel"; with another network, leave this plugin out: without: ["flannel"]';
  assert.deepEqual(
    failureIn(() => expanded(given)),
    { kind: 'config-invalid', file: EXPAND_CONTEXT.file, problems: [{ path: 'flannel.backend', message }] },
  );
});

/** Seen in Documentation/kube-flannel.yml of the tags. */
const IMAGES: readonly (readonly [version: string, image: string])[] = [
  ['0.8.0', 'quay.io/coreos/flannel:v0.8.0-amd64'],
  ['0.12.0', 'quay.io/coreos/flannel:v0.12.0-amd64'],
  ['0.13.0', 'quay.io/coreos/flannel:v0.13.0'],
  ['0.15.1', 'quay.io/coreos/flannel:v0.15.1'],
  ['0.18.0', 'docker.io/rancher/mirrored-flannelcni-flannel:v0.18.0'],
  ['0.20.0', 'docker.io/rancher/mirrored-flannelcni-flannel:v0.20.0'],
  ['0.20.2', 'docker.io/flannel/flannel:v0.20.2'],
  ['0.26.0', 'docker.io/flannel/flannel:v0.26.0'],
  ['0.26.4', 'ghcr.io/flannel-io/flannel:v0.26.4'],
  ['0.28.9', 'ghcr.io/flannel-io/flannel:v0.28.9'],
];

for (const [version, image] of IMAGES) {
  test(`image of ${version} is ${image}`, () => assert.equal(imageOf(version, 'amd64'), image));
}

test('daemon reads its network from what starts it anew, and has the rights it uses', () => {
  const objects = daemon({ version: '0.28.9', image: 'x', backend: 'host-gw', subnet: '10.9.0.0/16' });
  assert.deepEqual(
    objects.map(({ kind, metadata }) => [kind, metadata.namespace, metadata.name]),
    [
      ['Namespace', undefined, 'kube-flannel'],
      ['ServiceAccount', 'kube-flannel', 'flannel'],
      ['ClusterRole', undefined, 'flannel'],
      ['ClusterRoleBinding', undefined, 'flannel'],
      ['ConfigMap', 'kube-flannel', 'kube-flannel'],
      ['DaemonSet', 'kube-flannel', 'kube-flannel'],
    ],
  );
  const net = '{"Network":"10.9.0.0/16","Backend":{"Type":"host-gw"}}';
  const text = manifestOf(objects);
  assert.equal(text.split(JSON.stringify(net)).length - 1, 2, 'in the ConfigMap and in the pods');
});

test('daemon takes the address that kubelet was told where the recipe names one, and else its own', async (t) => {
  const command = async (...hosts: readonly Host[]) => {
    const bench = await benchOf(t, { ...recipe(), hosts }, setup());
    const { step } = bench.tasks.find(({ step }) => step.name === 'daemon')!; // the plugin has this step
    const text = JSON.stringify(step.inputs);
    return [/--iface=[^"]*/.exec(text)?.[0], /"fieldPath":"status[^"]*/.exec(text)?.[0]];
  };
  assert.deepEqual(await command(NODE), [undefined, undefined]);
  const connection = { kind: 'ssh', address: 'other' } as const;
  assert.deepEqual(await command(NODE, { name: 'other', roles: [], connection, address: 'eth1' }), [
    '--iface=$(NODE_ADDRESS)',
    '"fieldPath":"status.hostIP',
  ]);
});

test('pod of the daemon is that of its release', async () => {
  const pods = ['0.28.9', '0.8.0'].map((version) => {
    const last = daemon({ version, image: 'x', backend: 'vxlan', subnet: '10.244.0.0/16' }).at(-1);
    return JSON.parse(JSON.stringify(last)).spec.template.spec;
  });
  assert.deepEqual(pods[0], {
    hostNetwork: true,
    serviceAccountName: 'flannel',
    tolerations: [{ operator: 'Exists', effect: 'NoSchedule' }],
    containers: [
      {
        name: 'flannel',
        image: 'x',
        imagePullPolicy: 'IfNotPresent',
        command: ['/opt/bin/flanneld'],
        args: ['--ip-masq', '--kube-subnet-mgr'],
        env: [
          { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
        ],
        resources: { requests: { cpu: '100m', memory: '50Mi' } },
        securityContext: { privileged: false, capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } },
        volumeMounts: [
          { name: 'config', mountPath: '/etc/kube-flannel' },
          { name: 'run', mountPath: '/run/flannel' },
          { name: 'xtables-lock', mountPath: '/run/xtables.lock' },
        ],
      },
    ],
    volumes: [
      { name: 'config', configMap: { name: 'kube-flannel' } },
      { name: 'run', hostPath: { path: '/run/flannel', type: 'DirectoryOrCreate' } },
      { name: 'xtables-lock', hostPath: { path: '/run/xtables.lock', type: 'FileOrCreate' } },
    ],
  });
  assert.deepEqual(pods[1].containers[0].securityContext, { privileged: true });
});

const RULES = `*nat
:POSTROUTING ACCEPT [0:0]
:FLANNEL-POSTRTG - [0:0]
:KUBE-POSTROUTING - [0:0]
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
-A POSTROUTING -s 10.244.0.0/16 -d 10.244.0.0/16 -j RETURN
-A POSTROUTING ! -s 10.244.0.0/16 -d 10.244.0.0/24 -j RETURN
-A POSTROUTING -s 10.88.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE
-A FLANNEL-POSTRTG -s 10.244.0.0/16 -d 10.244.0.0/16 -m comment --comment "flanneld masq" -j RETURN
COMMIT
`;

/** What iptables is told beside --noflush. */
const TOLD = `*nat
:FLANNEL-POSTRTG - [0:0]
-D POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
-D POSTROUTING -s 10.244.0.0/16 -d 10.244.0.0/16 -j RETURN
-D POSTROUTING ! -s 10.244.0.0/16 -d 10.244.0.0/24 -j RETURN
-X FLANNEL-POSTRTG
COMMIT
`;

test('rules of flannel go, old ones too, and those of others stay', async (t) => {
  const folder = await tempFolder(t);
  const tool = (name: string, text: string) =>
    writeFile(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  await tool('ip', `echo "$@" >${folder}/ip.ran`);
  await tool('iptables-save', `cat ${folder}/rules`);
  await tool('iptables-restore', `[ "$*" = --noflush ] && cat >${folder}/restored`);
  await tool('ip6tables-save', 'true');
  await tool('ip6tables-restore', 'true');
  await writeFile(join(folder, 'rules'), RULES);
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` };
  await run('sh', ['-c', CLEAR, 'cc', '10.244.0.0/16'], { env });
  assert.equal(await readFile(join(folder, 'restored'), 'utf8'), TOLD);
  assert.equal(await readFile(join(folder, 'ip.ran'), 'utf8'), 'link delete dev flannel.1\n');
});

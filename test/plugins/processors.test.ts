/** Hosts with another processor than the controller: what is built for them, and what is refused because it cannot be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expand } from '../../core/graph/expand.ts';
import { flattened } from '../../core/graph/flatten.ts';
import { cmd, commandInput } from '../../core/model/command.ts';
import type { Host, PluginUse } from '../../core/model/plugin.ts';
import { cluster, cri, podNetwork } from '../../plugins/capabilities.ts';
import { cni } from '../../plugins/cni.ts';
import { containerd } from '../../plugins/containerd.ts';
import { criTools } from '../../plugins/cri-tools.ts';
import { crio } from '../../plugins/crio.ts';
import { flannel } from '../../plugins/flannel.ts';
import { images } from '../../plugins/images.ts';
import { kubernetes } from '../../plugins/kubernetes.ts';
import { runc } from '../../plugins/runc.ts';
import { EXPAND_CONTEXT, failureIn } from '../graph/recipes.ts';
import { ARCHIVE } from './archive.ts';
import { benchOf, NODE } from './bench.ts';
import { COMPILER, GO } from './compiler.ts';
import { providing } from './tools.ts';

const SMALL: Host = {
  ...{ name: 'small', roles: NODE.roles, arch: 'arm64' },
  connection: { kind: 'ssh', address: 'small' },
};
const COMMIT = '9a866fd3365c4fc687c0c31ecb0fe356cd1e23fe';
const KUBERNETES = kubernetes({ version: '1.20.2' });
const NETWORK = providing(podNetwork, {
  name: 'cc',
  subnet: '10.244.0.0/24',
  bin: '/bin',
  config: '/etc/cni/net.d',
  bridge: 'cc0',
});

const OVERLAY = providing(podNetwork, {
  ...{ name: 'cc', subnet: '10.244.0.0/16', bin: '/bin', bridge: 'cc0', overlay: 'flannel' },
  config: '/etc/cni/net.d',
});
const CLUSTER = providing(cluster, { version: '1.20.2', kubeconfig: '/admin.conf', kubectl: '/kubectl' });
const RUNTIME = providing(cri, {
  ...{ socket: 'unix:///run/cri.sock', cgroupDriver: 'systemd' },
  ...{ unit: 'runtime.service', importImages: cmd`take`, listImages: cmd`list`, removePods: [cmd`remove`] },
});

const REFUSED: readonly (readonly [path: string, instead: string, ...plugins: readonly PluginUse[]])[] = [
  ['runc.from', 'take a release', runc({ from: 'debian' })],
  ['runc.commit', 'it calls C, so take a release', runc({ version: '1.0.0', commit: COMMIT })],
  ['cni.from', 'take a release', cni({ from: 'debian' })],
  ['containerd.from', 'take a release', KUBERNETES, NETWORK, runc(), containerd({ from: 'debian' })],
  [
    'crio.commit',
    'it calls C, so take a version that has a bundle',
    ...[KUBERNETES, NETWORK, runc(), criTools(), crio({ version: '1.20.9', commit: COMMIT })],
  ],
  ['images.suite', 'let nodes pull images instead, without this plugin', KUBERNETES, RUNTIME, images()],
];

for (const [path, instead, ...plugins] of REFUSED) {
  test(`${path} that is only for the controller's processor is refused`, () => {
    const recipe = { hosts: [NODE, SMALL], plugins: [ARCHIVE, GO, ...plugins] };
    const message = `cannot be for hosts with arm64 from a controller with amd64: ${instead}`;
    assert.deepEqual(
      failureIn(() => expand(flattened([recipe], []), EXPAND_CONTEXT, [])),
      { kind: 'config-invalid', file: EXPAND_CONTEXT.file, problems: [{ path, message }] },
    );
  });
}

for (const [path, first, ...plugins] of [
  ['kubernetes.version', '1.12', kubernetes({ version: '1.11.10' })],
  ['flannel.version', '0.13.0', OVERLAY, CLUSTER, flannel({ version: '0.12.0' })],
] as const) {
  test(`${path} with images for one processor each is refused where hosts have two, and not where they have one`, () => {
    const expandedOn = (...hosts: readonly Host[]) =>
      expand(flattened([{ hosts, plugins }], []), EXPAND_CONTEXT, []).tasks.length;
    const message = `has images for one processor each, and hosts have amd64 and arm64: take ${first} or later`;
    assert.deepEqual(
      failureIn(() => expandedOn(NODE, SMALL)),
      { kind: 'config-invalid', file: EXPAND_CONTEXT.file, problems: [{ path, message }] },
    );
    assert.ok(
      expandedOn({ ...SMALL, name: 'other', connection: { kind: 'ssh', address: 'other' } }, SMALL) > 0,
    );
  });
}

test('crictl is built for each processor by the same toolchain, and each host gets its own', async (t) => {
  const commit = 'ec9e336fd8c21c4bab89a6aed2c4a138c8cfae75';
  const recipe = { hosts: [SMALL], plugins: [GO, criTools({ version: '1.20.0', commit })] };
  const bench = await benchOf(t, recipe, COMPILER);
  await bench.run();
  const path = '/usr/local/bin/crictl';
  const built = (folder: string) => `built as ${bench.cache}/cri-tools/${folder}/bin/crictl`;
  const on = (name: string) => bench.hosts.get(name)!.read(path); // the recipe has it
  assert.deepEqual([on('node-1'), on('small')], [built('1.20.0'), built('1.20.0-arm64')]);
  assert.deepEqual(
    bench.tasks.filter(({ host }) => host.name === 'controller').map(({ id }) => id),
    [
      'controller/fetch/cri-tools-source',
      'controller/cri-tools/compile-amd64',
      'controller/cri-tools/compile-arm64',
    ],
  );
});

test('Kubernetes is built for another processor, but the generator that the build runs is not', () => {
  const recipe = {
    hosts: [SMALL],
    plugins: [ARCHIVE, GO, kubernetes({ version: '1.20.2', from: 'source' })],
  };
  const { tasks } = expand(flattened([recipe], []), EXPAND_CONTEXT, []);
  const compile = tasks.find(({ id }) => id === 'controller/kubernetes/compile')!; // the recipe builds
  const last = { current: false, why: 'new', unfinished: false, facts: undefined };
  const builds = compile.step.plan({ outputs: {} }, last).flatMap((change) => {
    if (change.kind !== 'run' || change.command.env === undefined) return [];
    const { argv, env } = change.command;
    const input = JSON.stringify(commandInput(change.command));
    return argv.includes('build') ? [[env['GOARCH'], /openapi-gen/.test(input)]] : [];
  });
  assert.deepEqual(builds, [
    ['amd64', true],
    ['arm64', false],
    ['arm64', false],
  ]);
});

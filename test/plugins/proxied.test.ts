/** Container runtimes behind a proxy: what they are told, by what, and when they hear of a change. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe } from '../../core/model/change.ts';
import { digestOf } from '../../core/model/digest.ts';
import type { Host, PluginUse } from '../../core/model/plugin.ts';
import type { Recipe } from '../../core/model/recipe.ts';
import { criClient, kubernetesRelease, ociRuntime, podNetwork } from '../../plugins/capabilities.ts';
import { containerd } from '../../plugins/containerd.ts';
import { crio } from '../../plugins/crio.ts';
import { kubeadm } from '../../plugins/kubeadm.ts';
import { expanded } from '../graph/recipes.ts';
import { laws } from '../rig/laws.ts';
import { applied } from '../steps/last.ts';
import { type Bench, benchOf, NODE } from './bench.ts';
import { CRIO } from './crio.ts';
import { providing } from './tools.ts';

const below = (version: string): readonly PluginUse[] => [
  providing(ociRuntime, { path: '/usr/local/sbin/runc' }),
  providing(podNetwork, {
    name: 'pods',
    subnet: '10.244.0.0/24',
    bin: '/opt/pods/bin',
    config: '/etc/cni/net.d',
    bridge: 'pods0',
  }),
  providing(criClient, { crictl: '/usr/local/bin/crictl', endpoint: (socket) => socket }),
  providing(kubernetesRelease, {
    ...{ version, imageRepository: 'registry.lab', pauseImage: 'registry.lab/pause:3.10' },
    ...{ bin: '/usr/local/bin', programs: {} },
  }),
];
const PROXY = {
  http: 'http://proxy.example:3128',
  https: 'http://me:s"c$\\ret@proxy.example:3128',
  no: 'mirror.example',
};
const DIRECT: Host = {
  ...{ name: 'near', roles: NODE.roles, proxy: false },
  connection: { kind: 'ssh', address: 'near' },
};

const RUNTIMES = {
  containerd: {
    plugins: [...below('1.30.0'), containerd()],
    setup: { bytes: { containerd: JSON.stringify({ 'bin/containerd': 'containerd', 'bin/ctr': 'ctr' }) } },
  },
  crio: {
    plugins: [...below('1.36.3'), crio({ version: '1.36.3' })],
    setup: CRIO,
  },
} as const;

const on = ({ hosts }: Bench, name: string) => hosts.get(name)!; // the recipe has it

for (const [name, { plugins, setup }] of Object.entries(RUNTIMES)) {
  const file = `/etc/cc/${name}.env`;
  const unit = `/etc/systemd/system/${name}.service`;
  const recipe: Recipe = { plugins, hosts: [DIRECT], proxy: PROXY };
  const more = name === 'crio' ? ['packages', 'drop-ins'] : [];

  laws(`${name} behind a proxy`, recipe, {
    ...{ ...setup, plugin: name, kept: more },
    left: name === 'crio' ? { 'node-1': ['iptables'], near: ['iptables'] } : {},
  });

  test(`${name} is told of proxies by a file that root alone reads, and goes without to nodes and pods`, async (t) => {
    const bench = await benchOf(t, recipe, setup);
    await bench.run();
    const node = on(bench, 'node-1');
    assert.equal(
      node.read(file),
      `HTTP_PROXY="http://proxy.example:3128"
HTTPS_PROXY="http://me:s\\"c\\$\\\\ret@proxy.example:3128"
NO_PROXY="mirror.example,localhost,127.0.0.1,::1,node-1,on paper,near,10.244.0.0/24"
`,
    );
    const { mode } = node.disk.get(file) as { readonly mode: number }; // it was read
    assert.equal(mode, 0o600);
    assert.match(node.read(unit), new RegExp(`\\nEnvironmentFile=-${file}\\nExecStart=`));
    assert.doesNotMatch(node.read(unit), /proxy\.example/);
    const left = JSON.stringify([...node.stamps, node.ran]);
    assert.doesNotMatch(left, /s\\*"c/);
    assert.ok(!left.includes(digestOf(node.read(file))), 'a password could be guessed by its digest');
  });

  test(`${name} of a host that goes without a proxy is told of none`, async (t) => {
    const bench = await benchOf(t, recipe, setup);
    await bench.run();
    assert.equal(on(bench, 'near').disk.has(file), false);
    assert.equal(on(bench, 'near').units.get(`${name}.service`)?.active, 'active');
  });

  test(`${name} without a proxy has the unit that it always had`, async (t) => {
    const bench = await benchOf(t, { ...recipe, proxy: {} }, setup);
    await bench.run();
    assert.doesNotMatch(on(bench, 'node-1').read(unit), /EnvironmentFile/);
    assert.deepEqual(
      bench.tasks.filter(({ step }) => step.name === 'proxy'),
      [],
    );
  });

  test(`${name} is restarted when its proxies change: it is as old as the file that it has read`, async (t) => {
    const bench = await benchOf(t, recipe, setup);
    await bench.run();
    const task = bench.tasks.find(({ id }) => id === `node-1/${name}/running`)!; // it has one
    const { inputs } = (await bench.facts(task)) as { readonly inputs: Readonly<Record<string, string>> };
    // A digest of the file would let its password be guessed.
    assert.match(inputs[file] ?? '', /^(sealed )?[0-9a-f]{64}$/);
    assert.notEqual(inputs[file], digestOf(on(bench, 'node-1').read(file)));
    const before = { ...inputs, [file]: digestOf('of other proxies') };
    const found = { active: 'active', enabled: 'enabled', inputs };
    const last = applied({ ...found, inputs: before });
    assert.deepEqual(task.step.plan(found, last).map(describe), [`have ${name}.service restarted`]);
  });

  test(`${name} goes to Services and their names without a proxy where kubeadm makes the cluster`, () => {
    const { tasks } = expanded({
      ...recipe,
      hosts: [NODE],
      plugins: [...plugins, kubeadm({ serviceSubnet: '10.112.0.0/12' })],
    });
    const { step } = tasks.find(({ id }) => id === `node-1/${name}/proxy`)!; // it has one
    const [change] = step.plan(
      { digest: null, mode: null, owned: false, direct: false },
      {
        ...{ current: false, why: 'new', unfinished: false, facts: undefined },
      },
    );
    assert.ok(change?.kind === 'write');
    assert.match(String(change.text), /,10\.244\.0\.0\/24,10\.112\.0\.0\/12,\.svc,\.cluster\.local"\n$/);
  });
}

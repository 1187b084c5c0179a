/** The CNI plugins and the network they make. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plugin } from '../../core/model/plugin.ts';
import * as v from '../../core/model/vocabulary.ts';
import { type PodNetwork, podNetwork } from '../../plugins/capabilities.ts';
import { cni } from '../../plugins/cni.ts';
import { CLEAR } from '../../plugins/flannel/state.ts';
import { laws } from '../rig/laws.ts';
import type { Paper } from '../rig/paper.ts';
import { ARCHIVE } from './archive.ts';
import { type BenchSetup, benchOf } from './bench.ts';
import { listing, script } from './tools.ts';

const CONFLIST = '/etc/cni/net.d/10-cc.conflist';
const bytes = { 'cni-plugins': JSON.stringify({ bridge: 'bridge', portmap: 'portmap' }) };

const reads = (host: Paper) => [listing(host)];
/** What only refuses takes nothing back. */
const kept = ['precedence', 'in-use'];

laws('cni', { plugins: [cni()] }, { bytes, reads, kept });
laws('cni from Debian', { plugins: [ARCHIVE, cni({ from: 'debian' })] }, { plugin: 'cni', reads, kept });
const FLANNEL = { plugins: [cni({ network: 'flannel' })] };
const setup: BenchSetup = {
  ...{ bytes, reads },
  bare: (host) => {
    host.write('/run/x', '');
    host.disk.delete('/run/x');
  },
  does: () => [[script(CLEAR), '']],
};
laws('cni for flannel', FLANNEL, { ...setup, plugin: 'cni', kept });

test('what a flannel that cc never set up has on a node stays', async (t) => {
  const bench = await benchOf(t, FLANNEL, setup);
  const node = bench.hosts.get('node-1')!; // the bench has this host
  node.write('/run/flannel/subnet.env', 'of another');
  await bench.run('undo');
  assert.equal(node.read('/run/flannel/subnet.env'), 'of another');
});

async function conflist(t: Parameters<typeof benchOf>[0], given: Parameters<typeof cni>[0]) {
  const bench = await benchOf(t, { plugins: [cni(given)] }, { bytes, reads });
  await bench.run();
  return bench.hosts.get('node-1')!.read(CONFLIST); // the bench has this host
}

test('network of the default options is a bridge cc0 with addresses of its own', async (t) => {
  assert.equal(
    await conflist(t, {}),
    `{
  "cniVersion": "0.4.0",
  "name": "cc",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "cc0",
      "isGateway": true,
      "ipMasq": true,
      "hairpinMode": true,
      "ipam": {
        "type": "host-local",
        "ranges": [
          [
            {
              "subnet": "10.244.0.0/24"
            }
          ]
        ],
        "routes": [
          {
            "dst": "0.0.0.0/0"
          }
        ]
      }
    },
    {
      "type": "portmap",
      "capabilities": {
        "portMappings": true
      }
    }
  ]
}
`,
  );
});

test('network takes its bridge and subnet from the options', async (t) => {
  const text = await conflist(t, { bridge: 'pods', subnet: '10.1.0.0/16' });
  const { plugins } = JSON.parse(text);
  assert.deepEqual([plugins[0].bridge, plugins[0].ipam.ranges], ['pods', [[{ subnet: '10.1.0.0/16' }]]]);
});

test('programs that others put into the usual folder stay', async (t) => {
  const bench = await benchOf(t, { plugins: [cni()] }, { bytes });
  const host = bench.hosts.get('node-1')!; // the bench has this host
  host.write('/opt/cni/bin/flannel', 'of another');
  await bench.run();
  assert.equal(host.read('/opt/cni/bin/flannel'), 'of another');
  await bench.run('undo');
  assert.equal(host.read('/opt/cni/bin/flannel'), 'of another');
});

test('pods are handed over to flannel in the same file, on the same bridge', async (t) => {
  assert.deepEqual(JSON.parse(await conflist(t, { network: 'flannel' })), {
    cniVersion: '0.4.0',
    name: 'cc',
    plugins: [
      { type: 'flannel', delegate: { bridge: 'cc0', isDefaultGateway: true, hairpinMode: true } },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  });
});

/** The value that others get. */
async function offered(t: Parameters<typeof benchOf>[0], given: Parameters<typeof cni>[0]) {
  const seen: PodNetwork[] = [];
  const asker = plugin({
    name: 'asker',
    help: '',
    options: v.strictObject({}),
    build: (_, { use }) => {
      seen.push(use(podNetwork));
      return { steps: [] };
    },
  });
  const { tasks } = await benchOf(t, { plugins: [ARCHIVE, cni(given), asker()] }, { bytes });
  return { value: seen[0], tasks };
}

test('others are told the subnet of all nodes, and who connects them', async (t) => {
  const own = await offered(t, {});
  assert.deepEqual(own.value, {
    name: 'cc',
    subnet: '10.244.0.0/24',
    bridge: 'cc0',
    bin: '/opt/cc/cni',
    config: '/etc/cni/net.d',
  });
  const shared = await offered(t, { network: 'flannel', from: 'debian' });
  assert.deepEqual(shared.value, {
    name: 'cc',
    subnet: '10.244.0.0/16',
    bridge: 'cc0',
    bin: '/opt/cni/bin',
    config: '/etc/cni/net.d',
    overlay: 'flannel',
  });
});

/** Seen in the release scripts of the tags; the plugin of flannel left with 1.0.0. */
const RELEASES: readonly (readonly [version: string, archive: string, flannel: boolean, spec: string])[] = [
  ['0.7.0', 'v0.7.0/cni-plugins-amd64-v0.7.0.tgz', false, '0.3.1'],
  ['0.8.0', 'v0.8.0/cni-plugins-linux-amd64-v0.8.0.tgz', false, '0.4.0'],
  ['0.9.1', 'v0.9.1/cni-plugins-linux-amd64-v0.9.1.tgz', false, '0.4.0'],
  ['1.9.1', 'v1.9.1/cni-plugins-linux-amd64-v1.9.1.tgz', true, '0.4.0'],
];

for (const [version, archive, apart, spec] of RELEASES) {
  test(`release ${version} is fetched by its name, with a plugin for flannel and a configuration it reads`, async (t) => {
    const { tasks } = await offered(t, { network: 'flannel', version });
    const sources = tasks
      .flatMap(({ step }) => step.artifacts ?? [])
      .map(({ name, source }) => [name, source]);
    const url = `https://github.com/containernetworking/plugins/releases/download/${archive}`;
    const flannel =
      'https://github.com/flannel-io/cni-plugin/releases/download/v1.9.1-flannel3/flannel-amd64';
    assert.deepEqual(sources, [
      ['cni-plugins', { kind: 'url', url, sums: `${url}.sha256` }],
      ...(apart ? [['cni-flannel', { kind: 'url', url: flannel }]] : []),
    ]);
    assert.equal(JSON.parse(await conflist(t, { network: 'flannel', version })).cniVersion, spec);
  });
}

/** The CNI plugins and the network they make. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cni } from '../../plugins/cni.ts';
import { laws } from '../rig/laws.ts';
import { ARCHIVE } from './archive.ts';
import { benchOf } from './bench.ts';

const CONFLIST = '/etc/cni/net.d/10-cc.conflist';
const bytes = { 'cni-plugins': JSON.stringify({ bridge: 'bridge', portmap: 'portmap' }) };

laws('cni', { plugins: [cni()] }, { bytes });
laws('cni from Debian', { plugins: [ARCHIVE, cni({ from: 'debian' })] }, { plugin: 'cni' });

async function conflist(t: Parameters<typeof benchOf>[0], given: Parameters<typeof cni>[0]) {
  const bench = await benchOf(t, { plugins: [cni(given)] }, { bytes });
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

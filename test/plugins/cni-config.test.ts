/** Which configuration of pods' network wins, and that pods who have one are not cut off. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cni } from '../../plugins/cni.ts';
import type { Lasting } from '../rig/temp.ts';
import { benchOf } from './bench.ts';
import { listing } from './tools.ts';

const FOLDER = '/etc/cni/net.d';
const bytes = { 'cni-plugins': JSON.stringify({ bridge: 'bridge', portmap: 'portmap' }) };

async function node(
  t: Lasting,
  files: Readonly<Record<string, string>>,
  given: Parameters<typeof cni>[0] = {},
) {
  const bench = await benchOf(
    t,
    { plugins: [cni(given)] },
    {
      bytes,
      bare: (host) => {
        host.write('/run/x', '');
        for (const [path, text] of Object.entries(files)) host.write(path, text);
      },
      reads: (host) => [listing(host)],
    },
  );
  return { bench, host: bench.hosts.get('node-1')! }; // every bench has this host
}

/** The failures of a run or a look, by task. */
const failuresOf = ({
  outcomes,
}: {
  readonly outcomes: ReadonlyMap<string, { readonly failure?: unknown }>;
}) => Object.fromEntries([...outcomes].flatMap(([id, { failure }]) => (failure ? [[id, failure]] : [])));

const said = (...names: readonly string[]) => ({
  'node-1/cni/precedence': {
    kind: 'check-failed',
    host: 'node-1',
    what: 'pods get the network that is declared',
    reasons: names.map(
      (name) =>
        `${FOLDER}/${name} comes before 10-cc.conflist by name, so pods would get its network; move it away: mv ${FOLDER}/${name} ${FOLDER}/${name}.disabled`,
    ),
  },
});

for (const names of [
  ['10-calico.conflist'],
  ['05-cilium.conf'],
  ['00-multus.json'],
  ['10-bridge.conf', '10-calico.conflist'],
  ['1.conf'],
])
  test(`${names.join(' and ')} of an earlier cluster comes before cc's file, and is named before anything is changed`, async (t) => {
    const files = Object.fromEntries(names.toReversed().map((name) => [`${FOLDER}/${name}`, '{}']));
    const { bench, host } = await node(t, files);
    const before = host.snapshot();
    assert.deepEqual(failuresOf(await bench.run()), said(...names));
    assert.deepEqual(host.snapshot(), before);
  });

for (const name of [
  '10-flannel.conflist',
  '100-crio-bridge.conflist',
  '87-podman-bridge.conflist',
  '99-loopback.conf',
  '10-calico.conflist.disabled',
  '.kubernetes-cni-keep',
  'calico-kubeconfig',
])
  test(`${name} is not read before cc's file, and is left alone`, async (t) => {
    const { bench, host } = await node(t, { [`${FOLDER}/${name}`]: '{}' });
    assert.deepEqual(failuresOf(await bench.run()), {});
    assert.equal(host.read(`${FOLDER}/${name}`), '{}');
  });

test('file that comes before once all is as declared is told by the next look', async (t) => {
  const { bench, host } = await node(t, {});
  assert.deepEqual(failuresOf(await bench.run()), {});
  host.write(`${FOLDER}/10-calico.conflist`, '{}');
  const { failed } = await bench.look();
  assert.deepEqual(Object.keys(failed), ['node-1/cni/precedence']);
  assert.deepEqual(failuresOf(await bench.run()), said('10-calico.conflist'));
});

const FIX =
  'declare what is there; or end all pods first: cc run cleanup before you change the recipe, cc run all after';

for (const [given, differences] of [
  [{ bridge: 'cc1' }, [{ what: 'its bridge', is: 'cc0', declared: 'cc1' }]],
  [{ subnet: '10.9.0.0/24' }, [{ what: 'its subnet', is: '10.244.0.0/24', declared: '10.9.0.0/24' }]],
  [
    { network: 'flannel' },
    [
      { what: 'who sees to it', is: 'bridge', declared: 'flannel' },
      { what: 'its subnet', is: '10.244.0.0/24', declared: "flannel's" },
    ],
  ],
] as const)
  test(`pods that have a network are given no other: ${JSON.stringify(given)}`, async (t) => {
    const first = await node(t, {});
    await first.bench.run();
    const text = first.host.read(`${FOLDER}/10-cc.conflist`);
    const files = { [`${FOLDER}/10-cc.conflist`]: text };
    const before = await node(t, files, given);
    assert.deepEqual(
      failuresOf(await before.bench.run()),
      {},
      'nothing is refused while no pod has a network',
    );
    const { bench, host } = await node(t, { ...files, '/sys/class/net/cc0': '' }, given);
    assert.deepEqual(failuresOf(await bench.run()), {
      'node-1/cni/in-use': {
        ...{ kind: 'cannot-change', host: 'node-1', what: 'the network of pods' },
        ...{ differences, fix: FIX },
      },
    });
    assert.equal(host.read(`${FOLDER}/10-cc.conflist`), text);
    const same = await node(t, { ...files, '/sys/class/net/cc0': '' });
    assert.deepEqual(failuresOf(await same.bench.run()), {});
  });

/** The RuntimeClass for the VM runtime of a recipe. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cluster, vmRuntime } from '../../plugins/capabilities.ts';
import { vmClass } from '../../plugins/runtime-class.ts';
import { EXPAND_CONTEXT, expanded, failureIn } from '../graph/recipes.ts';
import { laws } from '../rig/laws.ts';
import { type Bench, type BenchSetup, benchOf, NODE } from './bench.ts';
import { applying, asking, KUBECTL } from './kubectl.ts';
import { providing } from './tools.ts';

const below = (version: string) => [
  providing(cluster, {
    version,
    kubeconfig: '/etc/kubernetes/admin.conf',
    kubectl: '/usr/local/bin/kubectl',
  }),
  providing(vmRuntime, {
    handler: 'kata-qemu',
    path: '/opt/shim',
    type: 'vm',
    overhead: { cpu: '250m', memory: '320Mi' },
  }),
];

const recipe = (given: Parameters<typeof vmClass>[0] = {}, version = '1.20.2') => ({
  plugins: [...below(version), vmClass(given)],
});
const setup: BenchSetup = { reads: (host) => asking(host), does: applying };
const CLASS = '/RuntimeClass.kata-qemu';
const node = ({ hosts }: Bench) => hosts.get('node-1')!; // every bench has this host

laws('runtime-class', recipe(), setup);

const NAMED = { kind: 'RuntimeClass', metadata: { name: 'kata-qemu' }, handler: 'kata-qemu' };
const COUNTED = { overhead: { podFixed: { cpu: '250m', memory: '320Mi' } } };
const CLASSES: readonly (readonly [version: string, overhead: boolean, object: object])[] = [
  ['1.36.4', true, { apiVersion: 'node.k8s.io/v1', ...NAMED, ...COUNTED }],
  ['1.20.2', false, { apiVersion: 'node.k8s.io/v1', ...NAMED }],
  ['1.18.20', true, { apiVersion: 'node.k8s.io/v1beta1', ...NAMED, ...COUNTED }],
  ['1.14.10', true, { apiVersion: 'node.k8s.io/v1beta1', ...NAMED }],
];

for (const [version, overhead, object] of CLASSES) {
  test(`class of Kubernetes ${version} is the one it reads, with overhead ${overhead}`, async (t) => {
    const bench = await benchOf(t, recipe({ overhead }, version), setup);
    await bench.run();
    assert.deepEqual(JSON.parse(node(bench).read(CLASS)), object);
  });
}

test('Kubernetes that does not know classes is refused', () => {
  const given = { hosts: [NODE], ...recipe({}, '1.13.12') };
  const problems = [{ path: 'runtime-class.kubernetes', message: 'expected 1.14.0 or later, found 1.13.12' }];
  assert.deepEqual(
    failureIn(() => expanded(given)),
    { kind: 'config-invalid', file: EXPAND_CONTEXT.file, problems },
  );
});

test('class that was deleted is made again', async (t) => {
  const bench = await benchOf(t, recipe(), setup);
  await bench.run();
  node(bench).disk.delete(CLASS);
  bench.ran.length = 0;
  const ran = await bench.run();
  assert.deepEqual(ran.reason('node-1/runtime-class/class' as never), {
    kind: 'drifted',
    details: ['RuntimeClass kata-qemu is not there'],
  });
});

test('undo where the cluster is silent leaves the class to whoever takes the cluster away', async (t) => {
  const api = { answers: true };
  const bench = await benchOf(t, recipe(), { reads: (host) => asking(host, api), does: applying });
  await bench.run();
  api.answers = false;
  bench.ran.length = 0;
  const { outcomes } = await bench.run('undo');
  assert.deepEqual(
    [...outcomes.values()].map(({ state }) => state),
    ['verified'],
  );
  assert.deepEqual(
    bench.ran.filter(({ argv }) => argv.join(' ').startsWith(`${KUBECTL} delete`)),
    [],
  );
});

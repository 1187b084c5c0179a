/** The RuntimeClass for the VM runtime of a recipe. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cluster, vmRuntime } from '../../plugins/capabilities.ts';
import { NOTED } from '../../plugins/kubeadm/traces.ts';
import { vmClass } from '../../plugins/runtime-class.ts';
import { EXPAND_CONTEXT, expanded, failureIn } from '../graph/recipes.ts';
import { laws } from '../rig/laws.ts';
import type { Lasting } from '../rig/temp.ts';
import { type Bench, type BenchSetup, benchOf, NODE } from './bench.ts';
import { ADMIN, applying, asking, KUBECTL, REFUSED } from './kubectl.ts';
import { providing } from './tools.ts';
import { MACHINE } from './virtual.ts';

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
    machine: MACHINE,
    overhead: { cpu: '250m', memory: '320Mi' },
  }),
];

const recipe = (given: Parameters<typeof vmClass>[0] = {}, version = '1.20.2') => ({
  plugins: [...below(version), vmClass(given)],
});
const bare: BenchSetup['bare'] = (host) => host.write(ADMIN, '');
const setup: BenchSetup = { bare, reads: (host) => asking(host), does: applying };
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

const SILENT = {
  kind: 'cannot-tell',
  host: 'node-1',
  what: 'ask the API of the cluster',
  why: REFUSED.stderr.trim(),
};

/** A host whose API has made the class, and does not answer any more. */
async function silenced(t: Lasting, { ours }: { ours: boolean }) {
  const api = { answers: true };
  const bench = await benchOf(t, recipe(), { ...setup, reads: (host) => asking(host, api) });
  await bench.run();
  if (ours) node(bench).write(NOTED, '');
  api.answers = false;
  bench.ran.length = 0;
  const changed = () =>
    bench.ran.filter(({ argv }) => / (delete|apply) /.test(`${argv.join(' ')} `)).map(({ argv }) => argv);
  return { bench, changed };
}

test('class of an API that is silent cannot be told, and is not made anew', async (t) => {
  const { bench, changed } = await silenced(t, { ours: true });
  const { outcomes } = await bench.run();
  assert.deepEqual(
    [...outcomes.values()].map(({ state, failure }) => [state, failure]),
    [['failed', SILENT]],
  );
  assert.deepEqual(changed(), []);
});

test('class of an API that is silent goes with the control plane that cc has made, which is said', async (t) => {
  const { bench, changed } = await silenced(t, { ours: true });
  const { outcomes, events } = await bench.run('undo');
  assert.deepEqual(
    [...outcomes.values()].map(({ state }) => state),
    ['verified'],
  );
  const notices = events.flatMap((event) => (event.kind === 'notice' ? event.text : []));
  assert.deepEqual(notices, [
    'left to go with the control plane, whose API does not answer: RuntimeClass kata-qemu',
  ]);
  assert.deepEqual(changed(), []);
});

test('class of an API that is silent and not of this run is not taken for gone', async (t) => {
  const { bench, changed } = await silenced(t, { ours: false });
  const { outcomes } = await bench.run('undo');
  assert.deepEqual(
    [...outcomes.values()].map(({ state, failure }) => [state, failure]),
    [['failed', SILENT]],
  );
  assert.deepEqual(changed(), []);
});

test('class goes without a word where there is no control plane any more', async (t) => {
  const { bench } = await silenced(t, { ours: false });
  node(bench).disk.delete(ADMIN);
  const { outcomes, events } = await bench.run('undo');
  assert.deepEqual(
    [...outcomes.values()].map(({ state }) => state),
    ['verified'],
  );
  assert.deepEqual(
    events.filter(({ kind }) => kind === 'notice'),
    [],
  );
});

test('API that does not know the kind yet has nothing of it', async (t) => {
  const unknown = 'no matches for kind "RuntimeClass" in version "node.k8s.io/v1"';
  const bench = await benchOf(t, recipe(), setup);
  const host = node(bench);
  host.when(`${KUBECTL} get -f -`, { code: 1, stderr: `unable to recognize "STDIN": ${unknown}\n` });
  assert.deepEqual(await bench.facts(bench.tasks[0]!), { found: [] });
});

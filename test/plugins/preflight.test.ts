/** Hosts that are compared before anything on them is changed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from '../../core/model/plugin.ts';
import { step } from '../../core/model/step.ts';
import { debian } from '../../plugins/debian.ts';
import { machine } from '../../plugins/machine.ts';
import { preflight } from '../../plugins/preflight.ts';
import { expanded, steps } from '../graph/recipes.ts';
import { laws } from '../rig/laws.ts';
import type { Paper } from '../rig/paper.ts';
import type { Lasting } from '../rig/temp.ts';
import { type BenchSetup, benchOf, matches } from './bench.ts';

const SECOND: Host = { name: 'node-2', roles: ['worker'], connection: { kind: 'ssh', address: 'second' } };
const THIRD: Host = { name: 'node-3', roles: ['worker'], connection: { kind: 'ssh', address: 'third' } };

const idOf = (name: string) => name.replaceAll(/\D/g, '').repeat(32);

/** What a host says; it has another machine-id where that is given. */
function saying(host: Paper, machineId = idOf(host.host)) {
  const rest = `node: ${host.host}\nmachine-id: ${machineId}\narch: x86_64\nkernel: 6.1.0\n`;
  return [['sh -c', () => `clock: ${Date.now() / 1000}\n${rest}`]] as const;
}

/** A change of each host, which a run makes after what is first. */
const CHANGED = steps(
  'site',
  step<{ there: boolean }>({
    name: 'file',
    needs: [],
    probe: async (view) => ({ there: (await view.stat('/etc/x')) !== undefined }),
    plan: ({ there }) =>
      there ? [] : [{ kind: 'write', path: '/etc/x', text: 'x', mode: 0o644, why: '/etc/x is not there' }],
    undo: () => [{ kind: 'remove', path: '/etc/x', why: '/etc/x was made by cc' }],
  }),
);

const benchFor = (t: Lasting, hosts: readonly Host[], setup: BenchSetup, given = {}) =>
  benchOf(t, { hosts, plugins: [preflight(given), CHANGED] }, setup);

const clones: BenchSetup = {
  does: (host) => saying(host, host.host === 'node-1' ? idOf('1') : idOf('2')),
};

laws('preflight', { hosts: [SECOND], plugins: [preflight()] }, { does: (host) => saying(host) });

test('recipe with one host has no task of preflight', async (t) => {
  const bench = await benchFor(t, [], {});
  assert.deepEqual(
    bench.tasks.map(({ id }) => id),
    ['node-1/site/file'],
  );
});

test('hosts that do not fit stop before they are changed, and others go on', async (t) => {
  const bench = await benchFor(t, [SECOND, THIRD], clones);
  const { outcomes } = await bench.run();
  const found = Object.fromEntries([...outcomes].map(([id, { state }]) => [id, state]));
  assert.deepEqual(found, {
    'node-1/preflight/hosts': 'applied',
    'node-2/preflight/hosts': 'failed',
    'node-3/preflight/hosts': 'failed',
    'node-1/site/file': 'applied',
    'node-2/site/file': 'skipped',
    'node-3/site/file': 'skipped',
  });
  assert.equal(bench.hosts.get('node-2')?.disk.has('/etc/x'), false);
  assert.deepEqual(outcomes.get(bench.tasks.find(({ id }) => id === 'node-2/preflight/hosts')!.id)?.failure, {
    kind: 'check-failed',
    host: 'node-2',
    what: 'it fits the other hosts',
    reasons: [
      `machine-ids: node-2 and node-3 have the same machine-id, ${idOf('2')}; on all but one: rm -f /etc/machine-id /var/lib/dbus/machine-id; systemd-machine-id-setup; reboot`,
      "what is meant to be so: options: { preflight: { allow: ['CHECK'] } }, by the first word of its line",
    ],
  });
});

test('what a recipe allows is told in the log and stops nobody', async (t) => {
  const bench = await benchFor(t, [SECOND, THIRD], clones, { allow: ['machine-ids'] });
  const { outcomes, events } = await bench.run();
  assert.deepEqual([...new Set([...outcomes.values()].map(({ state }) => state))], ['applied']);
  const said = events.flatMap((event) =>
    event.kind === 'output' && event.id === 'node-2/preflight/hosts' ? [event.text] : [],
  );
  assert.match(said.join(''), /^allowed: node-2 and node-3 have the same machine-id, /m);
});

test('hosts are asked once for all of a run, and not at all by the next one', async (t) => {
  const bench = await benchFor(t, [SECOND, THIRD], { does: (host) => saying(host) });
  const asked = () => bench.ran.filter(({ argv }) => matches('sh -c', argv)).map(({ host }) => host.host);
  await bench.run();
  assert.deepEqual(asked().toSorted(), ['node-1', 'node-2', 'node-3']);
  await bench.run();
  assert.equal(asked().length, 3);
});

test('host that comes later asks the others, whose own tasks do nothing', async (t) => {
  const bench = await benchFor(t, [SECOND, THIRD], { does: (host) => saying(host) });
  await bench.run();
  bench.hosts.get('node-3')?.stamps.clear();
  bench.ran.length = 0;
  const { outcomes } = await bench.run();
  const states = [...outcomes].filter(([id]) => id.includes('preflight')).map(([, { state }]) => state);
  assert.deepEqual(states, ['verified', 'verified', 'applied']);
  assert.equal(bench.ran.filter(({ argv }) => matches('sh -c', argv)).length, 3);
});

test('machine that the recipe makes is compared once all are made', () => {
  const machines = Object.fromEntries(
    ['one', 'two'].map((name, index) => [name, { address: `198.18.77.1${index}`, roles: ['worker'] }]),
  );
  const { tasks } = expanded({ plugins: [debian(), machine({ machines }), preflight()] });
  const own = tasks.filter(({ plugin }) => plugin === 'preflight');
  assert.deepEqual(
    own.map(({ id, needs }) => [id, needs]),
    ['one', 'two'].map((name) => [
      `${name}/preflight/hosts`,
      ['controller/machine/boot-one', 'controller/machine/boot-two'],
    ]),
  );
});

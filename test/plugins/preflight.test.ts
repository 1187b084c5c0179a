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

/** A bench whose hosts do not answer, or are not there, as long as they are named in `down`. */
async function benchWith(t: Lasting, more: (host: Paper) => string | undefined = () => undefined) {
  const down = new Set<string>();
  const bench = await benchFor(t, [SECOND, THIRD], {
    does: (host) => {
      const [[command, answer]] = saying(host, more(host));
      const asked = () => {
        if (down.has(host.host)) throw new Error('it does not answer');
        return answer();
      };
      return [[command, asked]];
    },
  });
  const states = async () => {
    const { outcomes } = await bench.run();
    return Object.fromEntries(
      [...outcomes].flatMap(([id, { state }]) =>
        id.includes('preflight') ? [[id.split('/')[0], state]] : [],
      ),
    );
  };
  return { bench, down, states };
}

test('host that did not answer is compared when it is back, by those that have passed without it, too', async (t) => {
  const { bench, down, states } = await benchWith(t);
  const asked = () => bench.ran.filter(({ argv }) => matches('sh -c', argv)).length;
  down.add('node-3');
  assert.deepEqual(await states(), { 'node-1': 'applied', 'node-2': 'applied', 'node-3': 'failed' });
  down.clear();
  bench.ran.length = 0;
  assert.deepEqual(await states(), { 'node-1': 'applied', 'node-2': 'applied', 'node-3': 'applied' });
  assert.equal(asked(), 3);
  assert.deepEqual(await states(), { 'node-1': 'verified', 'node-2': 'verified', 'node-3': 'verified' });
  assert.equal(asked(), 3);
});

test('two hosts are compared that have passed, each without the other', async (t) => {
  const twins = (host: Paper) => (host.host === 'node-2' ? undefined : idOf('7'));
  const { bench, down, states } = await benchWith(t, twins);
  const forget = (name: string) => bench.hosts.get(name)?.stamps.clear();
  down.add('node-3');
  await states(); // node-1 passes without node-3
  const kept = new Map(bench.hosts.get('node-1')?.stamps);
  down.delete('node-3');
  down.add('node-1');
  forget('node-1');
  await states(); // node-3 passes without node-1
  down.clear();
  for (const [name, stamp] of kept) bench.hosts.get('node-1')?.stamps.set(name, stamp);
  assert.deepEqual(await states(), { 'node-1': 'failed', 'node-2': 'applied', 'node-3': 'failed' });
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

/** A build: known by its outputs and by what was remembered of making them. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Artifact } from '../../core/model/artifact.ts';
import { cmd } from '../../core/model/command.ts';
import { digestOf } from '../../core/model/digest.ts';
import type { Json } from '../../core/model/json.ts';
import type { Last } from '../../core/model/step.ts';
import { built } from '../../core/steps/built.ts';
import { paperView } from '../rig/view.ts';
import { applied, changed, INTERRUPTED, NEVER, PERFORMED } from './last.ts';

const src: Artifact = { name: 'src', source: { kind: 'url', url: 'https://x.org/src.tgz' } };
const [kubelet, kubectl] = ['/o/kubelet', '/o/kubectl'];
const commands = [cmd`tar -xf ${src}`, cmd`make all`];
const step = built({
  name: 'make',
  artifacts: [src],
  outputs: [kubelet, kubectl],
  make: commands,
  inputs: { go: '1.15' },
  timeout: 9,
});
const [one, two] = [digestOf('1'), digestOf('2')];
const seen = { outputs: { [kubelet]: one, [kubectl]: two } };
const run = (why: string) => commands.map((command) => ({ kind: 'run', command, why }));

test('built records commands, outputs, artifacts and what no command shows', () => {
  assert.deepEqual([step.name, step.timeout, step.artifacts], ['make', 9, [src]]);
  assert.deepEqual(step.inputs, {
    extra: { go: '1.15' },
    outputs: [kubelet, kubectl],
    artifacts: [{ name: 'src', from: 'https://x.org/src.tgz' }],
    make: [
      { argv: ['tar', '-xf', '<https://x.org/src.tgz>'], input: undefined, env: undefined, cwd: undefined },
      { argv: ['make', 'all'], input: undefined, env: undefined, cwd: undefined },
    ],
  });
});

test('built sees the digest of each output, and that one is missing', async () => {
  const view = paperView({
    stat: {
      [kubelet]: { kind: 'file', mode: 0o755, owner: 'root:root', size: 1, digest: one },
      [kubectl]: null,
    },
  });
  assert.deepEqual(await step.probe(view), { outputs: { [kubelet]: one, [kubectl]: null } });
});

test('built takes a folder where a file should be for no output', async () => {
  const folder = { kind: 'directory', mode: 0o755, owner: 'root:root' } as const;
  const view = paperView({ stat: { [kubelet]: folder, [kubectl]: folder } });
  assert.deepEqual(await step.probe(view), { outputs: { [kubelet]: null, [kubectl]: null } });
});

const missing = { outputs: { [kubelet]: one, [kubectl]: null } };
const PLANS: readonly (readonly [string, Json, Last, readonly unknown[]])[] = [
  ['runs all its commands when an output is missing', missing, applied(seen), run(`${kubectl} is not built`)],
  ['runs on outputs that it did not make', seen, NEVER, run('never applied')],
  ['runs again after an interruption', seen, INTERRUPTED, run('interrupted in run 1')],
  [
    'runs when an input has changed',
    seen,
    changed('inputs.extra.go: 1.14 → 1.15', seen),
    run('inputs.extra.go: 1.14 → 1.15'),
  ],
  [
    'runs when an output was altered',
    { outputs: { [kubelet]: two, [kubectl]: two } },
    applied(seen),
    run('an output is not what was built'),
  ],
  ['has nothing to do when outputs are what it built', seen, applied(seen), []],
  ['is proven by outputs that are there', seen, PERFORMED, []],
  ['is not proven while an output is missing', missing, PERFORMED, run(`${kubectl} is not built`)],
];

for (const [claim, facts, last, changes] of PLANS) {
  test(`built ${claim}`, () => assert.deepEqual(step.plan(facts, last), changes));
}

test('built by a script runs the script, and records its title', () => {
  const script = async () => undefined;
  const scripted = built({ name: 'image', outputs: [kubelet], make: { title: 'pack it', script } });
  assert.deepEqual(scripted.inputs, { extra: {}, outputs: [kubelet], artifacts: [], make: 'pack it' });
  assert.deepEqual(scripted.plan({ outputs: { [kubelet]: one } }, NEVER), [
    { kind: 'script', title: 'pack it', script, why: 'never applied' },
  ]);
});

test('built has no undo', () => assert.equal(step.undo, undefined));

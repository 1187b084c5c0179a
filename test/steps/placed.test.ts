/** A file from an artifact: what is seen of it, what is wrong with it, and whose it is. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Artifact } from '../../core/model/artifact.ts';
import { digestOf } from '../../core/model/digest.ts';
import { placed } from '../../core/steps/placed.ts';
import { paperView } from '../rig/view.ts';
import { ALL, applied, NEVER } from './last.ts';

const runc: Artifact = { name: 'runc', source: { kind: 'url', url: 'https://x.org/runc' } };
const path = '/usr/local/sbin/runc';
const [right, wrong] = [digestOf('right'), digestOf('wrong')];
const step = placed(runc, { path });

const file = (mode: number, digest = right) =>
  ({ kind: 'file', mode, owner: 'root:root', size: 5, digest }) as const;

test('placed declares its artifact and everything that decides the result', () => {
  assert.deepEqual(
    [step.name, step.artifacts, step.inputs],
    ['runc', [runc], { path, mode: 0o755, artifact: { name: 'runc', from: 'https://x.org/runc' } }],
  );
  assert.equal(placed(runc, { path, name: 'bin' }).name, 'bin');
  assert.deepEqual(placed(runc, { path, where: 'controller', needs: ['x'], root: false }).needs, ['x']);
});

test('placed sees the file, its owner and what it must be', async () => {
  const view = paperView({ stat: { [path]: file(0o755) }, owned: { [path]: true }, locked: { runc: right } });
  assert.deepEqual(await step.probe(view), { wanted: right, digest: right, mode: 0o755, owned: true });
});

for (const [what, stat] of [
  ['nothing', null],
  ['a folder', { kind: 'directory', mode: 0o755, owner: 'root:root' }],
  ['a socket', { kind: 'other' }],
] as const) {
  test(`placed sees ${what} as no file`, async () => {
    const view = paperView({ stat: { [path]: stat }, owned: { [path]: false }, locked: { runc: null } });
    assert.deepEqual(await step.probe(view), { wanted: null, digest: null, mode: null, owned: false });
  });
}

test('placed asks for nothing else', async () => {
  await assert.rejects(
    step.probe(paperView({ locked: { runc: right } })),
    new Error(`the paper host was not told of stat ${path}`),
  );
});

const seen = { wanted: right, digest: right, mode: 0o755, owned: true };
const WHYS: readonly (readonly [string, object, string])[] = [
  ['is missing', { digest: null, mode: null }, `${path} is not there`],
  ['has other bytes', { digest: wrong }, `${path} has other bytes than declared`],
  ['was never fetched', { wanted: null }, `${path} has other bytes than declared`],
  ['has another mode', { mode: 0o644 }, `${path} has mode 0644, declared 0755`],
  ['is set-uid', { mode: 0o4755 }, `${path} has mode 4755, declared 0755`],
];

for (const [what, facts, why] of WHYS) {
  test(`placed places a file that ${what}`, () => {
    const changes = [{ kind: 'place', path, artifact: runc, mode: 0o755, why }];
    assert.deepEqual(step.plan({ ...seen, ...facts }, NEVER), changes);
    assert.deepEqual(step.plan({ ...seen, ...facts }, applied(seen)), changes);
  });
}

test('placed leaves a file alone that is as declared, whatever is remembered', () => {
  assert.deepEqual(step.plan(seen, NEVER), []);
});

test('placed takes away its own file only', () => {
  assert.deepEqual(step.undo?.(seen, ALL), [{ kind: 'remove', path, why: `${path} was put there by cc` }]);
  assert.deepEqual(step.undo?.({ ...seen, owned: false }, ALL), []);
});

/** Changes: what they do in the words of a plan, and which bytes they need. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Artifact } from '../../core/model/artifact.ts';
import { artifactsOfChange, type Change, changeData, describe } from '../../core/model/change.ts';
import { cmd } from '../../core/model/command.ts';

const ball: Artifact = { name: 'a', source: { kind: 'url', url: 'https://x.org/a' } };
const CHANGES: {
  readonly [K in Change['kind']]: readonly [Extract<Change, { kind: K }>, string, readonly Artifact[]];
} = {
  run: [{ kind: 'run', command: cmd`cat ${ball}`, why: 'w' }, 'run cat <a>', [ball]],
  write: [{ kind: 'write', path: '/p', text: 't', mode: 0o644, why: 'w' }, 'write /p', []],
  folder: [{ kind: 'folder', path: '/p', why: 'w' }, 'make the folder /p', []],
  place: [{ kind: 'place', path: '/p', artifact: ball, mode: 0o755, why: 'w' }, 'place a at /p', [ball]],
  unpack: [{ kind: 'unpack', path: '/p', artifact: ball, strip: 1, why: 'w' }, 'unpack a into /p', [ball]],
  fetch: [{ kind: 'fetch', artifact: ball, why: 'w' }, 'fetch a from https://x.org/a', []],
  remove: [{ kind: 'remove', path: '/p', why: 'w' }, 'remove /p', []],
  unit: [{ kind: 'unit', unit: 'x.service', state: 'started', why: 'w' }, 'have x.service started', []],
  packages: [{ kind: 'packages', names: ['a', 'b'], why: 'w' }, 'install a b', []],
  script: [{ kind: 'script', title: 'do it', script: async () => undefined, why: 'w' }, 'do it', []],
};

for (const [kind, [change, what, artifacts]] of Object.entries(CHANGES)) {
  test(`a ${kind} change says what it does and which bytes it needs`, () => {
    assert.equal(describe(change), what);
    assert.deepEqual(artifactsOfChange(change), artifacts);
    assert.deepEqual(changeData(change), { kind, what, why: 'w' });
  });
}

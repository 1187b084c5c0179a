/** Artifacts: where they come from, in one line. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { type Artifact, artifactInput, isArtifact, origin, type Source } from '../../core/model/artifact.ts';

const deb = { apt: '/etc/apt', package: 'runc', suite: 'bookworm' };
const artifact = (source: Source): Artifact => ({ name: 'a', source });

const ORIGINS: { readonly [K in Source['kind']]: readonly [Extract<Source, { kind: K }>, string] } = {
  url: [{ kind: 'url', url: 'https://x.org/a' }, 'https://x.org/a'],
  git: [
    { kind: 'git', repository: 'https://x.org/a.git', commit: 'c0ffee' },
    'https://x.org/a.git at c0ffee',
  ],
  deb: [{ kind: 'deb', ...deb, member: 'usr/sbin/runc' }, 'Debian package runc of bookworm (usr/sbin/runc)'],
  debs: [
    { kind: 'debs', apt: deb.apt, suite: deb.suite, packages: ['runc', 'curl'] },
    'Debian packages runc, curl of bookworm',
  ],
  'deb-source': [{ kind: 'deb-source', ...deb }, 'Debian source runc of bookworm (upstream tarball)'],
  built: [{ kind: 'built', by: 'go/make', path: '/o' }, 'built by go/make'],
};

test('origin says in one line where an artifact comes from', () => {
  for (const [source, line] of Object.values(ORIGINS)) assert.equal(origin(artifact(source)), line);
  assert.equal(origin(artifact({ kind: 'deb', ...deb })), 'Debian package runc of bookworm');
});

test('artifactInput records the name and the origin', () => {
  assert.deepEqual(artifactInput(artifact(ORIGINS.url[0])), { name: 'a', from: 'https://x.org/a' });
});

test('isArtifact knows artifacts from words', () => {
  assert.equal(isArtifact(artifact(ORIGINS.url[0])), true);
  for (const other of ['a', null, undefined, {}, { name: 'a' }]) assert.equal(isArtifact(other), false);
});

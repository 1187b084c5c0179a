/** runc: one program, from its release, from Debian, or built from the tree of a commit. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { verified } from '../../core/store/signature.ts';
import { KEYS } from '../../plugins/runc/keys.ts';
import { runc } from '../../plugins/runc.ts';
import { keyless } from '../rig/keys.ts';
import { laws } from '../rig/laws.ts';
import { tempFolder } from '../rig/temp.ts';
import { ARCHIVE } from './archive.ts';
import { COMPILER, GO } from './compiler.ts';

const RC4 = { version: '1.0.0-rc4', commit: '2e7cfe036e2c6dc51ccca6eb7fa3ee6b63976dcd' };

laws('runc', { plugins: [runc()] });
laws('runc from Debian', { plugins: [ARCHIVE, runc({ from: 'debian' })] }, { plugin: 'runc' });
laws(
  'runc from source',
  { plugins: [ARCHIVE, GO, runc(RC4)] },
  {
    ...COMPILER,
    plugin: 'runc',
    kept: ['tools', 'compile'],
    left: { controller: ['CACHE/runc/1.0.0-rc4/bin/runc', 'gcc', 'libc6-dev'] },
  },
);

/** A tag of opencontainers/runc, v1.2.3, as its makers have signed it: `git cat-file tag v1.2.3`. */
const TAG = `object 0d37cfd4b557771e555a184d5a78d0ed4bdb79a5
type commit
tag v1.2.3
tagger Aleksa Sarai <cyphar@cyphar.com> 1733880402 +1100

runc v1.2.3 -- "Winter is not a season, it's a celebration."

This is the third patch release of the 1.2.z release branch of runc. It
primarily fixes some minor regressions introduced in 1.2.0.

 * Fixed a regression in use of securejoin.MkdirAll, where multiple
   runc processes racing to create the same mountpoint in a shared rootfs
   would result in spurious EEXIST errors. In particular, this regression
   caused issues with BuildKit. (#4543, #4550)
 * Fixed a regression in eBPF support for pre-5.6 kernels after upgrading
   Cilium's eBPF library version to 0.16 in runc. (#3008, #4551)

Thanks to all of the contributors who made this release possible:

 * Aleksa Sarai <cyphar@cyphar.com>
 * Kir Kolyshkin <kolyshkin@gmail.com>
 * lifubang <lifubang@acmcoder.com>

Signed-off-by: Aleksa Sarai <cyphar@cyphar.com>
`;
const SIGNATURE = `-----BEGIN PGP SIGNATURE-----

iHUEABYKAB0WIQS2TklVsp+j1GPyqQYol/rSt+lEbwUCZ1jwxAAKCRAol/rSt+lE
b60QAP9ohUVaSh9QJQyYrrr77b51Y6Jlp460YsDio3ZEqRRuXAEArAkhCp6vX1Mu
gDbH84JB3jvHKoPShklP4yZdT3rDawE=
=IJFA
-----END PGP SIGNATURE-----
`;

test('runc is signed by keys that are here', { skip: keyless() }, async (t) => {
  const folder = await tempFolder(t);
  const [file, signature] = [join(folder, 'tag'), join(folder, 'tag.asc')];
  await writeFile(file, TAG);
  await writeFile(signature, SIGNATURE);
  const by = 'C9C370B246B09F6DBCFC744C34401015D1D2D386';
  const never = new AbortController().signal;
  assert.deepEqual(await verified({ file, signature }, KEYS, never), { text: TAG, by });
});

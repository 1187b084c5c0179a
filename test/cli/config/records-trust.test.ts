/** Who may write what cc keeps of a recipe: the folder, and all that stands in it, because cc does what records say. */
import assert from 'node:assert/strict';
import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { ccWith } from '../../rig/cc.ts';
import { notes } from '../notes.ts';
import {
  asRoot,
  type Caller,
  type Change,
  linked,
  ME,
  moded,
  owned,
  type Place,
  STRANGER,
  said,
} from './owners.ts';

const made =
  (name: string, uid: number): Change =>
  async (folder) => {
    await mkdir(join(folder, name));
    await owned(name, uid)(folder);
  };

const RECORDS: Place = {
  files: { 'state/stamps.tsv': '', 'state/runs/1/events.ndjson': '', 'package.json': '{}' },
  mine: ['', 'state', 'state/stamps.tsv', 'state/runs', 'state/runs/1'],
  path: 'state',
  as: 'records',
};

const TRUSTED: readonly (readonly [what: string, changes: readonly Change[], caller?: Caller])[] = [
  ['are mine', []],
  ['I made, and root through sudo', ['state/stamps.tsv', 'state/runs'].map((name) => owned(name, 0))],
  ['root made through sudo', ['state', 'state/stamps.tsv', 'state/runs'].map((name) => owned(name, 0))],
  ['I made before I became root by sudo', [], { uid: 0, env: { SUDO_UID: `${ME}` } }],
  ['have a link to the latest run', [linked('runs/1', 'state/latest', ME)]],
  ['have a link to a run that is gone', [linked('runs/0', 'state/latest', ME)]],
  ['are behind a link of mine', [linked('state', 'link', ME)], { path: 'link' }],
  ['are not there yet', [], { path: 'state/a/b' }],
  ['are not there, behind a link', [linked('nowhere', 'link', ME)], { path: 'link' }],
  [
    'cannot be, below a file that everyone may write',
    [moded('package.json', 0o666)],
    { path: 'package.json/a/b' },
  ],
  ['stand beside a package.json of somebody else', [owned('package.json', STRANGER)]],
];

for (const [what, changes, caller = {}] of TRUSTED)
  test(`records are trusted that ${what}`, asRoot, async (t) => {
    assert.equal(await said(t, RECORDS, changes, caller), '');
  });

const theirs = (path: string, record = path) =>
  `Cannot trust ~/state: somebody else may change what it does
  ${path} belongs to stranger
  fix: read ${record} first, because cc does what it says; then sudo chown -h me ${path}, or rm -r ${record}`;

const REFUSED: readonly (readonly [what: string, changes: readonly Change[], text: string, Caller?])[] = [
  ['are of somebody else', [owned('state', STRANGER)], theirs('~/state')],
  ['have stamps of somebody else', [owned('state/stamps.tsv', STRANGER)], theirs('~/state/stamps.tsv')],
  ['have runs of somebody else', [owned('state/runs', STRANGER)], theirs('~/state/runs')],
  [
    'have notes that somebody else put there',
    [made('state/artifacts', STRANGER)],
    theirs('~/state/artifacts'),
  ],
  ['have a link of somebody else', [linked('runs', 'state/latest', STRANGER)], theirs('~/state/latest')],
  [
    'have a link to a folder of somebody else',
    [made('theirs', STRANGER), linked('../theirs', 'state/artifacts', ME)],
    theirs('~/theirs', '~/state/artifacts'),
  ],
  [
    'are behind a link to a folder of somebody else',
    [made('theirs', STRANGER), linked('theirs', 'link', ME)],
    `Cannot trust ~/link: somebody else may change what it does
  ~/theirs belongs to stranger
  fix: read ~/link first, because cc does what it says; then sudo chown -h me ~/theirs, or rm -r ~/link`,
    { path: 'link' },
  ],
  [
    'have runs that everyone may add to',
    [moded('state/runs', 0o1777)],
    `Cannot trust ~/state: somebody else may change what it does
  ~/state/runs may be written by everyone (mode 1777)
  fix: read ~/state/runs first, because cc does what it says; then chmod go-w ~/state/runs, or rm -r ~/state/runs`,
  ],
  [
    'everyone may add to',
    [moded('state', 0o1777)],
    `Cannot trust ~/state: somebody else may change what it does
  ~/state may be written by everyone (mode 1777)
  fix: read ~/state first, because cc does what it says; then chmod go-w ~/state, or rm -r ~/state`,
  ],
  [
    'are of a user of whom root knows nothing',
    [owned('', 0), owned('state', 0), owned('state/runs', 0)],
    `Cannot trust ~/state: somebody else may change what it does
  ~/state/stamps.tsv belongs to me
  fix: read ~/state/stamps.tsv first, because cc does what it says; then chown -h root ~/state/stamps.tsv, or rm -r ~/state/stamps.tsv`,
    { uid: 0 },
  ],
];

for (const [what, changes, text, caller = {}] of REFUSED)
  test(`records are refused that ${what}`, asRoot, async (t) => {
    assert.equal(await said(t, RECORDS, changes, caller), text);
  });

test('no command believes records that somebody else has put beside those of cc', asRoot, async (t) => {
  const { cwd, run } = await notes(t);
  assert.equal((await run('run', 'all')).code, 0);
  const runs = join(cwd, 'state/cc/notes/runs');
  await chown(runs, STRANGER, STRANGER);
  for (const words of [
    'run all',
    'run cleanup',
    'plan',
    'status',
    'why note',
    'list',
    'graph',
    'logs note',
  ]) {
    const { code, stdout, stderr } = await run(...words.split(' '));
    const [what = ''] = stderr.split('\n');
    const expected = 'Cannot trust ~/state/cc/notes: somebody else may change what it does';
    assert.deepEqual([code, stdout, what], [65, '', expected], words);
  }
  await chown(runs, 0, 0);
});

test('root who came by sudo uses the records of who called', asRoot, async (t) => {
  const { cwd, run } = await notes(t);
  assert.equal((await run('run', 'all')).code, 0);
  const stamps = join(cwd, 'state/cc/notes/stamps.tsv');
  await chown(stamps, STRANGER, STRANGER);
  assert.equal((await ccWith({ SUDO_UID: `${STRANGER}` }, cwd, 'status')).code, 0);
  await chown(stamps, 0, 0);
});

/** Who may write what cc keeps of a recipe: the folder, and all that stands in it, because cc does what records say. */
import assert from 'node:assert/strict';
import { chmod, chown, lchown, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { trustOf } from '../../../core/cli/config/trust.ts';
import { Failed } from '../../../core/model/failure.ts';
import { explained } from '../../../core/report/explain.ts';
import { ccWith, folder } from '../../rig/cc.ts';
import { rootless } from '../../rig/tools.ts';
import { notes } from '../notes.ts';

const ME = 61001;
const STRANGER = 61002;
const asRoot = { skip: rootless('may give files away') };

type Change = (folder: string) => Promise<void>;

const owned =
  (name: string, uid: number): Change =>
  (cwd) =>
    lchown(join(cwd, name), uid, uid);
const moded =
  (name: string, mode: number): Change =>
  (cwd) =>
    chmod(join(cwd, name), mode);
const made =
  (name: string, uid: number): Change =>
  async (cwd) => {
    await mkdir(join(cwd, name));
    await chown(join(cwd, name), uid, uid);
  };
const linked =
  (target: string, name: string, uid: number): Change =>
  async (cwd) => {
    await symlink(target, join(cwd, name));
    await lchown(join(cwd, name), uid, uid);
  };

interface Caller {
  readonly uid?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly path?: string;
}

/** What is said of the records of `me`, with the folder around them called `~`; nothing when they are trusted. */
async function said(
  t: Parameters<typeof folder>[0],
  changes: readonly Change[],
  { uid = ME, env = {}, path = 'state' }: Caller,
): Promise<string> {
  const cwd = await folder(t, {
    'etc/passwd': `root:x:0:0::/root:/bin/sh\nme:x:${ME}:${ME}::/:/bin/sh\nstranger:x:${STRANGER}:${STRANGER}::/:/bin/sh\n`,
    'etc/group': `me:x:${ME}:\nstranger:x:${STRANGER}:\n`,
    ...{ 'state/stamps.tsv': '', 'state/runs/1/events.ndjson': '', 'package.json': '{}' },
  });
  const mine = ['', 'state', 'state/stamps.tsv', 'state/runs', 'state/runs/1'];
  for (const change of [...mine.map((name) => owned(name, ME)), ...changes]) await change(cwd);
  try {
    trustOf(env, uid, join(cwd, 'etc'))(join(cwd, path), 'records');
    return '';
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    return explained(error.failure).join('\n').replaceAll(cwd, '~');
  }
}

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
    assert.equal(await said(t, changes, caller), '');
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
    assert.equal(await said(t, changes, caller), text);
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

/** Who may write a file that cc is about to run: owners, modes, groups, and the folders and links on the way to it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, chown, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { cc, ccWith, folder, MOD } from '../../rig/cc.ts';
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
  TEAM,
  THEIRS,
  UNKNOWN,
} from './owners.ts';

const SITE: Place = {
  files: { 'a/cc.config.ts': '', 'package.json': '{}' },
  mine: ['', 'package.json', 'a', 'a/cc.config.ts'],
  path: 'a/cc.config.ts',
};

const TRUSTED: readonly (readonly [string, readonly Change[], Caller?])[] = [
  ['is mine', []],
  ['belongs to root', ['a', 'a/cc.config.ts'].map((name) => owned(name, 0, 0))],
  ['is mine, where I became root by sudo', [], { uid: 0, env: { SUDO_UID: `${ME}` } }],
  [
    'may be written by my group, in which nobody else is',
    [moded('a/cc.config.ts', 0o664), moded('a', 0o775)],
  ],
  ['may be written by the group of root, in which nobody is', [moded('a/cc.config.ts', 0o664, 0)]],
  ['stands in a folder that is as /tmp', [owned('a', 0, 0), moded('', 0o1777)]],
  ['is behind a link of mine', [linked('a', 'b', ME)], { path: 'b/cc.config.ts' }],
  ['is not there', [], { path: 'a/b/c' }],
  ['is behind links that lead nowhere', [linked('b', 'b', ME)], { path: 'b/c' }],
];

for (const [what, changes, caller = {}] of TRUSTED)
  test(`a file is trusted that ${what}`, asRoot, async (t) => {
    assert.equal(await said(t, SITE, changes, caller), '');
  });

const FILE = '~/a/cc.config.ts';

const REFUSED: readonly (readonly [string, readonly Change[], string, Caller?])[] = [
  [
    'everyone may write',
    [moded('a/cc.config.ts', 0o666)],
    `${FILE} may be written by everyone (mode 0666)\nfix: chmod go-w ${FILE}`,
  ],
  [
    'belongs to somebody else',
    [owned('a/cc.config.ts', STRANGER)],
    `${FILE} belongs to stranger\nfix: sudo chown -h me ${FILE}`,
  ],
  [
    'belongs to the user of whom root knows nothing',
    [owned('', 0), owned('a', 0), owned('package.json', 0)],
    `${FILE} belongs to me\nfix: chown -h root ${FILE}`,
    { uid: 0 },
  ],
  [
    'belongs to another than who became root by sudo',
    [owned('', 0), owned('a', 0), owned('package.json', 0)],
    `${FILE} belongs to me\nfix: chown -h stranger ${FILE}`,
    { uid: 0, env: { SUDO_UID: `${STRANGER}` } },
  ],
  [
    'is of somebody for whom SUDO_UID stands, but without root',
    [owned('a/cc.config.ts', STRANGER)],
    `${FILE} belongs to stranger\nfix: sudo chown -h me ${FILE}`,
    { env: { SUDO_UID: `${STRANGER}` } },
  ],
  [
    'a group may write that has another member',
    [moded('a/cc.config.ts', 0o664, TEAM)],
    `${FILE} may be written by the group team, which has stranger (mode 0664)\nfix: chmod go-w ${FILE}`,
  ],
  [
    'a group may write that is the first one of somebody else',
    [moded('a/cc.config.ts', 0o664, THEIRS)],
    `${FILE} may be written by the group theirs, which has stranger (mode 0664)\nfix: chmod go-w ${FILE}`,
  ],
  [
    'a group may write that nobody knows',
    [moded('a/cc.config.ts', 0o664, UNKNOWN)],
    `${FILE} may be written by the group ${UNKNOWN}, whose members /etc/group does not name (mode 0664)\nfix: chmod go-w ${FILE}`,
  ],
  [
    'stands in a folder that everyone may write',
    [moded('a', 0o777)],
    '~/a may be written by everyone (mode 0777)\nfix: chmod go-w ~/a',
  ],
  [
    'stands in a folder as /tmp of somebody else',
    [owned('a', 0), async (site) => chmod(join(site, 'a'), 0o1777), owned('a', STRANGER)],
    '~/a belongs to stranger\nfix: sudo chown -h me ~/a',
  ],
  [
    'has somebody else and everyone on the way',
    [owned('a', STRANGER), moded('a/cc.config.ts', 0o666)],
    `~/a belongs to stranger
${FILE} may be written by everyone (mode 0666)
fix: sudo chown -h me ~/a && chmod go-w ${FILE}`,
  ],
  [
    'is behind a link of somebody else',
    [linked('a', 'b', STRANGER)],
    '~/b belongs to stranger\nfix: sudo chown -h me ~/b',
    { path: 'b/cc.config.ts' },
  ],
  [
    'is read as a package.json says that everyone may write',
    [moded('package.json', 0o666)],
    '~/package.json may be written by everyone (mode 0666)\nfix: chmod go-w ~/package.json',
  ],
];

for (const [what, changes, text, caller = {}] of REFUSED)
  test(`a file is refused that ${what}`, asRoot, async (t) => {
    const [, ...lines] = (await said(t, SITE, changes, caller)).split('\n').map((line) => line.trim());
    assert.equal(lines.join('\n'), text);
  });

/** Says that it was run. */
const RUNS = `import { writeFileSync } from 'node:fs'; writeFileSync(import.meta.dirname + '/ran', '');`;

const PLACES: readonly (readonly [what: string, changed: string, files: Readonly<Record<string, string>>])[] =
  [
    ['a configuration', 'cc.config.ts', { 'cc.config.ts': `${RUNS} export default {};` }],
    [
      'what a configuration imports',
      'b/part.ts',
      { 'cc.config.ts': `import './b/part.ts'; ${RUNS} export default {};`, 'b/part.ts': RUNS },
    ],
    [
      'what it asks for while it runs',
      'part.cjs',
      {
        'cc.config.mjs':
          "import { createRequire } from 'node:module'; createRequire(import.meta.url)('./part.cjs'); export default {};",
        'part.cjs': "require('node:fs').writeFileSync(__dirname + '/ran', '');",
      },
    ],
    [
      'a package that it uses',
      'node_modules/p/lib/index.js',
      {
        'cc.config.mjs': `import 'p'; ${RUNS} export default {};`,
        'node_modules/p/package.json': '{"type":"module","exports":"./lib/index.js"}',
        'node_modules/p/lib/index.js': RUNS,
      },
    ],
    [
      'a recipe that it extends',
      'b/base.json',
      { 'cc.config.json': '{"extends":"./b/base.json"}', 'b/base.json': '{}' },
    ],
    ['its lock', 'cc.lock', { 'cc.config.json': '{}', 'cc.lock': '{"version":1,"artifacts":{}}' }],
    ['data for cc in package.json', 'package.json', { 'package.json': '{"cc":{}}' }],
  ];

for (const [what, changed, files] of PLACES)
  test(`${what} is refused before it is used, where everyone may write it`, async (t) => {
    const cwd = await folder(t, files);
    await chmod(join(cwd, changed), 0o666);
    const { code, stdout, stderr } = await cc(cwd, 'list');
    assert.deepEqual([code, stdout], [65, '']);
    const file = join(cwd, changed);
    assert.equal(
      stderr,
      `Cannot trust ${file}: somebody else may change what it does\n` +
        `  ${file} may be written by everyone (mode 0666)\n  fix: chmod go-w ${file}\n`,
    );
    await assert.rejects(chmod(join(cwd, 'ran'), 0o600), { code: 'ENOENT' });
  });

test(
  'root runs no configuration of somebody else, but one of the user who became root by sudo',
  asRoot,
  async (t) => {
    const cwd = await folder(t, { 'cc.config.ts': `${RUNS} export default { plugins: [] };` });
    for (const name of ['', 'cc.config.ts']) await chown(join(cwd, name), STRANGER, STRANGER);
    const refused = await cc(cwd, 'list');
    assert.match(
      refused.stderr,
      /^Cannot trust .*\n.* belongs to 61002\n.* belongs to 61002\n {2}fix: chown -h root /,
    );
    await assert.rejects(chmod(join(cwd, 'ran'), 0o600), { code: 'ENOENT' });
    await ccWith({ SUDO_UID: `${STRANGER}` }, cwd, 'list');
    await chmod(join(cwd, 'ran'), 0o600);
  },
);

const LINKS: readonly (readonly [
  what: string,
  changed: string,
  files: Readonly<Record<string, string>>,
  link: readonly [target: string, name: string],
])[] = [
  [
    'what a configuration imports',
    'open',
    {
      'cc.config.ts': `import './open/part.ts'; ${RUNS} export default {};`,
      'b/part.ts': RUNS,
      'open/x': '',
    },
    ['../b/part.ts', 'open/part.ts'],
  ],
  [
    'a folder that it imports from',
    'open',
    {
      'cc.config.ts': `import './open/b/part.ts'; ${RUNS} export default {};`,
      'b/part.ts': RUNS,
      'open/x': '',
    },
    ['../b', 'open/b'],
  ],
  [
    'what it requires without an ending',
    'open',
    {
      'cc.config.cjs': `require('./open/part'); module.exports = {};`,
      'b/part.js': "require('node:fs').writeFileSync(__dirname + '/../ran', '');",
      'open/x': '',
    },
    ['../b/part.js', 'open/part.js'],
  ],
  [
    'a package',
    'node_modules',
    {
      'cc.config.mjs': `import 'p'; ${RUNS} export default {};`,
      'b/p/package.json': '{"type":"module","exports":"./index.js"}',
      'b/p/index.js': RUNS,
      'node_modules/x': '',
    },
    ['../b/p', 'node_modules/p'],
  ],
  [
    'a package, where another might stand nearer',
    'a/node_modules',
    {
      'cc.config.mjs': `import './a/part.mjs'; ${RUNS} export default {};`,
      'a/part.mjs': "import 'p';",
      'a/node_modules/x': '',
      'b/p/package.json': '{"type":"module","exports":"./index.js"}',
      'b/p/index.js': RUNS,
      'node_modules/x': '',
    },
    ['../b/p', 'node_modules/p'],
  ],
];

for (const [what, changed, files, [target, name]] of LINKS)
  test(`${what} is refused behind a link that everyone may change`, async (t) => {
    const cwd = await folder(t, { 'package.json': '{}', ...files });
    await symlink(target, join(cwd, name));
    const config = Object.keys(files)[0] ?? '';
    const list = async () => cc(cwd, '--config', config, 'list');
    await chmod(join(cwd, changed), 0o777);
    const { code, stdout, stderr } = await list();
    assert.deepEqual([code, stdout], [65, '']);
    const [head, why, fix] = stderr.replaceAll(cwd, '~').split('\n');
    assert.match(head ?? '', /^Cannot trust ~\/.*: somebody else may change what it does$/);
    assert.equal(why, `  ~/${changed} may be written by everyone (mode 0777)`);
    assert.equal(fix, `  fix: chmod go-w ~/${changed}`);
    await assert.rejects(chmod(join(cwd, 'ran'), 0o600), { code: 'ENOENT' });
    await chmod(join(cwd, changed), 0o755);
    assert.doesNotMatch((await list()).stderr, /Cannot trust/);
  });

test('a file that is asked for late and not trusted is told as one that is imported', async (t) => {
  const cwd = await folder(t, {
    'late.ts': RUNS,
    'cc.config.ts': `import { plugin, recipe, step, v } from '${MOD}';
const probe = async () => { await import('./late.ts'); return null; };
const s = step<null>({ name: 's', where: 'controller', root: false, probe, plan: () => [] });
const p = plugin({ name: 'p', help: 'x', options: v.strictObject({}), build: () => ({ steps: [s] }) });
export default recipe({ name: 'a', plugins: [p()] });`,
  });
  const file = join(cwd, 'late.ts');
  await chmod(file, 0o666);
  const { code, stdout } = await cc(cwd, 'run', 'all');
  assert.equal(code, 65);
  assert.deepEqual(stdout.split('\n').slice(2, 5), [
    `  Cannot trust ${file}: somebody else may change what it does`,
    `    ${file} may be written by everyone (mode 0666)`,
    `    fix: chmod go-w ${file}`,
  ]);
  await assert.rejects(chmod(join(cwd, 'ran'), 0o600), { code: 'ENOENT' });
});

test('a pipe that a configuration imports is refused, and nobody waits for it', async (t) => {
  for (const [config, part] of [
    ["import './pipe.ts';", ''],
    ["export * from './lib/part.ts';", "import '../cc.config.ts'; export * from '../pipe.ts';"],
    ["await import('./lib/part.ts');", "await import('../pipe.ts');"],
  ] as const) {
    const cwd = await folder(t, {
      'cc.config.ts': `${config} ${RUNS} export default {};`,
      'lib/part.ts': part,
    });
    execFileSync('mkfifo', [join(cwd, 'pipe.ts')]);
    const { code, stderr } = await cc(cwd, 'list');
    assert.equal(stderr.replaceAll(cwd, '~'), 'Cannot load ~/pipe.ts\n  it is a pipe, not a file\n');
    assert.equal(code, 65);
  }
});

/** What other tools read in a folder; each of them says when it is run. */
const META = Object.fromEntries(
  ['cjs', 'js', 'ts', 'mjs'].map((ending) => [
    `.config/config.${ending}`,
    ending === 'cjs'
      ? "require('node:fs').writeFileSync(__dirname + '/../ran', ''); module.exports = {};"
      : "import { writeFileSync } from 'node:fs'; writeFileSync(import.meta.dirname + '/../ran', ''); export default {};",
  ]),
);

const BESIDE: readonly (readonly [what: string, files: Readonly<Record<string, string>>])[] = [
  ['the key cc of package.json', { 'package.json': '{"cc":{"plugins":[]}}' }],
  ['cc.config.yaml', { 'cc.config.yaml': 'plugins: []' }],
  ['nothing', { 'a/b': '' }],
];

for (const [what, files] of BESIDE)
  for (const [name, code] of Object.entries(META))
    test(`${name} is not run beside ${what}`, async (t) => {
      const cwd = await folder(t, { ...files, [name]: code });
      await cc(cwd, 'list');
      await assert.rejects(chmod(join(cwd, 'ran'), 0o600), { code: 'ENOENT' });
    });

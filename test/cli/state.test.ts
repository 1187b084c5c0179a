/** A place for cc's own files that is read-only, somebody else's, no folder, or full: told in order, and nothing is left behind. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { CC, CC_LINE, folder, MOD, node } from '../rig/cc.ts';
import { confined, rootless } from '../rig/tools.ts';

const ROOT = { skip: rootless('may mount') || confined('--mount') };
/** A user of whom nobody knows anything. */
const STRANGER = 54321;

const SITE = `import { built, cmd, folder, plugin, recipe, v, written } from '${MOD}';
const at = { where: 'controller', root: false } as const;
const out = process.env.OUT;
const say = 'echo ' + 'x'.repeat(3000) + '; echo y >"$0"';
const p = plugin({ name: 'p', help: 'x', options: v.strictObject({}), build: () => ({ steps: [
  ...['a', 'b'].map((name) => built({ name, outputs: [out + name], make: [cmd\`sh -c \${say} \${out + name}\`], ...at })),
  folder({ name: 'c', path: out + 'c', ...at }),
  written('z'.repeat(5000), { name: 'd', path: out + 'c/d', ...at }),
] }) });
export default recipe({ name: 'st', plugins: [p()] });
`;

interface Place {
  /** Makes the place, in a private mount namespace; \`$1\` is a folder of the test. */
  readonly setup?: string;
  readonly state?: string;
  readonly words?: string;
  /** Runs cc by other words. */
  readonly as?: string;
  /** Starts cc, if it is not to be as the tests are run. */
  readonly by?: string;
}

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly left: string;
}

/** Runs cc in a namespace whose mounts are gone with it; `left` are the names in the state folder in the end. */
async function inPlace(
  cwd: string,
  { setup = ':', state = '$1/m', words = 'run all', as = '', by = CC_LINE }: Place,
): Promise<Ended> {
  const script = `cd "$1" && mkdir -p m out && ${setup} || exit 99
XDG_STATE_HOME=${state} XDG_CACHE_HOME="$1/cache" OUT="$1/out/" NODE_DISABLE_COMPILE_CACHE=1 ${as} timeout 60 ${by} ${words} </dev/null >out.txt 2>&1
code=$?
cat out.txt; echo "<$code>"; ls m/cc/st 2>/dev/null | tr '\\n' ' '`;
  const text = await new Promise<string>((done) => {
    execFile('unshare', ['-m', 'sh', '-c', script, 'sh', cwd], (_, stdout) => done(stdout));
  });
  const [, out = '', code, left = ''] = /^(.*)<(\d+)>\n(.*)$/s.exec(text) ?? [];
  await writeFile(join(cwd, 'out.txt'), '');
  return { code: Number(code), out: out.replaceAll(cwd, '~'), left };
}

function inOrder({ out, left }: Ended, what: string): void {
  assert.doesNotMatch(out, /bug of cc|^ +at \S+ \(/m, what);
  assert.doesNotMatch(left, /hold/, `${what}: ${left}`);
}

const site = (t: Parameters<typeof folder>[0]) => folder(t, { 'cc.config.ts': SITE });
const READ_ONLY = 'mount --bind m m && mount -o remount,ro,bind m';
const AS_STRANGER = `env -u NODE_V8_COVERAGE setpriv --reuid ${STRANGER} --clear-groups`;
const ELSEWHERE = 'XDG_STATE_HOME and XDG_CACHE_HOME name other places for what cc keeps';
const FIX = 'fix: name a place that can be written, or make this one so';

const PLACES: readonly (readonly [string, Place, string])[] = [
  ['that is read-only', { setup: READ_ONLY }, "EROFS: read-only file system, mkdir '~/m/cc'"],
  ['below a file', { setup: 'echo >f', state: '$1/f' }, "ENOTDIR: not a directory, mkdir '~/f/cc'"],
  [
    'behind a link to nothing',
    { setup: 'ln -s nowhere link', state: '$1/link' },
    '~/link is a link to what is not there',
  ],
  [
    'of another user',
    { setup: 'chmod 755 . m', as: AS_STRANGER },
    "EACCES: permission denied, mkdir '~/m/cc'",
  ],
];

for (const [what, place, why] of PLACES) {
  test(`state folder ${what} is told, before anything is done`, ROOT, async (t) => {
    const { code, out } = await inPlace(await site(t), place);
    const path = `${(place.state ?? '$1/m').replace('$1', '~')}/cc/st`;
    assert.deepEqual(
      [code, out.split('\n')],
      [65, [`Cannot write ${path}`, `  ${why}`, `  ${ELSEWHERE}`, `  ${FIX}`, '']],
    );
  });
}

test('user without a home is told what to set, and needs none who has set it', ROOT, async (t) => {
  const cwd = await site(t);
  const as = `${AS_STRANGER} env -u HOME`;
  const none = await inPlace(cwd, { setup: 'chmod 755 .', as: `${as} -u XDG_STATE_HOME`, words: 'plan' });
  assert.equal(none.code, 1);
  assert.match(
    none.out,
    /^Cannot find a place for what cc keeps on controller\n {2}HOME is not set, .*: set XDG_STATE_HOME and /,
  );
  assert.equal((await inPlace(cwd, { as, words: 'plan' })).code, 2);
});

test('records that may not be read are no absent ones', ROOT, async (t) => {
  const cwd = await site(t);
  assert.equal((await inPlace(cwd, {})).code, 0);
  const shown = { setup: 'chmod 755 . m m/cc m/cc/st; chmod 644 m/cc/st/site', as: AS_STRANGER };
  const hidden = await inPlace(cwd, { ...shown, setup: 'chmod 755 . m m/cc m/cc/st', words: 'status' });
  assert.deepEqual(
    [hidden.code, hidden.out],
    [
      1,
      `Cannot read ~/m/cc/st/site on controller
  Error: EACCES: permission denied, open '~/m/cc/st/site'
  fix: run the same command as root, whose it is: sudo --preserve-env=HOME,XDG_STATE_HOME,XDG_CACHE_HOME cc …
`,
    ],
  );
  for (const [words, told] of [
    ['status', /^! controller\/p\/a\n {4}Cannot read ~\/m\/cc\/st\/stamps\.tsv on controller\n/],
    ['logs p', /^Cannot read the record of runs on controller\n/],
  ] as const) {
    const ended = await inPlace(cwd, { ...shown, words });
    assert.equal(ended.code, 1, words);
    assert.match(ended.out, told);
  }
});

test('current folder that is gone is told', ROOT, async (t) => {
  const gone = `sh -c 'mkdir gone && cd gone && rmdir ../gone && exec "$@"' sh`;
  const by = `'${node()}' '${CC}'`; // Deno does not start in such a folder
  const { code, out } = await inPlace(await site(t), { as: gone, by, words: 'plan' });
  assert.deepEqual(
    [code, out],
    [1, 'Cannot find the current folder on controller\n  it was removed: cd to another one\n'],
  );
});

/** Every place where a run writes is met by one of these: the space of memory pages, and the number of files. */
const SIZES = [4, 12, 20, 28, 48].map((pages) => `size=${pages}k,nr_inodes=1000`);
const COUNTS = Array.from({ length: 12 }, (_, index) => `size=1m,nr_inodes=${index + 4}`);

test(
  'state folder that is full at any write ends the run in order, and is free for the next',
  ROOT,
  async (t) => {
    const cwd = await site(t);
    const codes = new Set<number>();
    for (const limit of [...SIZES, ...COUNTS]) {
      const ended = await inPlace(cwd, {
        setup: `rm -rf out && mkdir out && mount -t tmpfs -o ${limit} none m`,
      });
      inOrder(ended, limit);
      codes.add(ended.code);
      if (ended.code === 0) continue;
      assert.equal(ended.code, 1, `${limit}: ${ended.out}`);
      assert.match(ended.out, /on controller: no space is left on the device\n +fix: free some space/, limit);
      if (ended.out.startsWith('run st')) assert.match(ended.out, /^\d changed in /m, limit);
    }
    assert.deepEqual(codes, new Set([0, 1]), 'some have room enough, and some have not');
  },
);

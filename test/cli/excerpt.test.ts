/** Bundles that bring an excerpt of Debian's archive: from a small archive, by the real apt; and all that such a bundle may try. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { hold, ownerOf } from '../../core/host/hold.ts';
import { digestOf } from '../../core/model/digest.ts';
import { type Archive, archiveless, makers } from '../rig/archive.ts';
import { startCc } from '../rig/cc.ts';
import { tempFolder } from '../rig/temp.ts';
import type { Answer } from '../rig/web.ts';
import { altered, type Site, siteOf, spoiled } from './excerpt.ts';

type Test = Parameters<typeof siteOf>[0];

const skip = archiveless();
const LIST = 'dists/stable/InRelease';
const HELLO = 'pool/hello_1-1_all.deb';
const RUNS = 'state/cc/small/runs';
const ROOTED = 'stable/usr/bin/hello';

/** One key for all, two versions of the archive, and a bundle of each. */
const made = skip ? undefined : await prepared({ after });

async function prepared(t: Test) {
  const { key, suite, signed } = await makers(t);
  const [first, newer] = [suite('stable', 1), suite('stable', 2)];
  const bundleOf = async (archive: Archive) => {
    const { cwd, run } = await siteOf(t, key, archive);
    const { code, stderr } = await run('bundle', 'b.tar');
    assert.equal(code, 0, stderr);
    return join(cwd, 'b.tar');
  };
  const files = await Promise.all([first, newer].map(bundleOf));
  const bundles = files.map((file) => readFileSync(file));
  return { key, suite, signed, first, newer, file: files[0]!, old: bundles[0]!, new: bundles[1]!, bundleOf }; // two of them
}

/** requires: not skipped. */
const here = () => made!;
const elsewhere = (t: Test) => siteOf(t, here().key, new Map());
const text = ({ cwd }: Site, name: string) => readFileSync(join(cwd, name), 'utf8');
const there = ({ cwd }: Site, name: string) => existsSync(join(cwd, name));
/** The runs so far that did not end before anything started. */
const began = (site: Site) => (there(site, RUNS) ? readdirSync(join(site.cwd, RUNS)) : []);

test('bundle of the same archive has the same bytes wherever it is made', { skip }, async () => {
  const { first, old, bundleOf } = here();
  assert.deepEqual(readFileSync(await bundleOf(first)), old);
});

test('run takes all from the bundle, and then has no need of it', { skip }, async (t) => {
  const site = await elsewhere(t);
  const { code, stdout } = await site.from(here().old, 'all');
  assert.equal(code, 0, stdout);
  const got = ['program', 'source', ROOTED, 'stable/usr/bin/libhello'].map((name) => text(site, name));
  const hello = 'hello, Version: 1-1\n';
  assert.deepEqual(got, [hello, 'hello_1.orig.tar.xz\n', hello, 'libhello, Version: 1\n']);
  assert.match((await site.from(here().old, 'all')).stdout, /^0 changed in /m);
  rmSync(join(site.cwd, 'b.tar'));
  assert.match((await site.run('run', 'all', '--bundle', 'b.tar')).stdout, /^0 changed in /m);
  assert.deepEqual(site.asked, []);
});

/** What was signed of the list of the older archive. */
function plain(): string {
  const whole = String(here().first.get(LIST));
  return whole.slice(whole.indexOf('Suite: '), whole.indexOf('-----BEGIN PGP SIGNATURE'));
}

const LISTS = {
  'tampered with': () => String(here().first.get(LIST)).replace('Components: main', 'Components: mine'),
  "signed by another's key": () => String(here().signed(plain(), 'others')),
};

for (const [how, list] of Object.entries(LISTS)) {
  test(`archive whose list is ${how} is refused, and not in the way of its mirror`, { skip }, async (t) => {
    const site = await siteOf(t, here().key, here().first);
    const bad = await altered(here().file, { [`archive/${LIST}`]: list() });
    const { code, stdout } = await site.from(bad, 'small/program');
    assert.equal(code, 65, stdout);
    assert.match(stdout, /^ {2}Cannot use what the bundle has of the Debian archive$/m);
    assert.deepEqual([site.asked, existsSync(site.excerpt)], [[], false]);
    assert.equal((await site.run('run', 'small/program')).code, 0);
    assert.equal(text(site, 'program'), 'hello, Version: 1-1\n');
    assert.equal(site.asked[0], `/${LIST}`);
  });
}

test('archive whose list is bad gives nothing to what reads it by itself; a good one replaces it', {
  skip,
}, async (t) => {
  const site = await elsewhere(t);
  const bad = await altered(here().file, { [`archive/${LIST}`]: LISTS['tampered with']() });
  const { code, stdout } = await site.from(bad, 'small/stable');
  assert.deepEqual([code, there(site, ROOTED)], [1, false], stdout);
  assert.equal((await site.from(here().old, 'small/stable')).code, 0);
});

test('package with other bytes is taken by nobody', { skip }, async (t) => {
  const site = await elsewhere(t);
  const bad = await altered(here().file, {
    [`archive/${HELLO}`]: here().newer.get('pool/hello_2-1_all.deb')!,
  }); // it has it
  const { code, stdout } = await site.from(bad, 'small/program');
  assert.equal(code, 65, stdout);
  assert.match(stdout, /^ {2}Cannot use hello: /m);
  assert.equal((await site.from(bad, 'small/stable')).code, 1);
  assert.deepEqual([there(site, 'program'), there(site, ROOTED)], [false, false]);
});

test('files of a bundle with names that cc itself uses change no byte of the store', { skip }, async (t) => {
  const site = await elsewhere(t);
  const names = ['archive.json', 'archive/archive.json', 'archive/files.json', 'archive.part/x', 'lists/x'];
  const hello = here().first.get(HELLO)!; // it has it
  const odd = await altered(here().file, Object.fromEntries(names.map((name) => [name, hello])));
  const { code, stdout } = await site.from(odd, 'all');
  assert.equal(code, 0, stdout);
});

test('name that is of a file and of a folder is refused, and nothing is left of it', { skip }, async (t) => {
  const names = ['archive/dists', `archive/${LIST}/x`];
  await Promise.all(
    names.map(async (name) => {
      const site = await elsewhere(t);
      const { code, stderr } = await site.from(await altered(here().file, { [name]: 'x' }), 'all');
      assert.equal(code, 65, name);
      assert.match(stderr, /^Cannot read the bundle ~\/b\.tar\n {2}two files at /);
      assert.deepEqual(readdirSync(dirname(site.excerpt)), []);
      assert.deepEqual(began(site), []);
    }),
  );
});

for (const name of [HELLO, LIST]) {
  test(`excerpt whose ${name} was altered is made anew from the bundle`, { skip }, async (t) => {
    const site = await elsewhere(t);
    assert.equal((await site.from(here().old, 'all')).code, 0);
    appendFileSync(join(site.excerpt, name), 'more'); // these are the store's bytes too
    rmSync(join(site.cwd, 'stable'), { recursive: true });
    const { code, stdout } = await site.from(here().old, 'all');
    assert.equal(code, 0, stdout);
    assert.equal(text(site, ROOTED), 'hello, Version: 1-1\n');
  });
}

const CARELESS = `Acquire::AllowInsecureRepositories "true";
APT::Get::AllowUnauthenticated "true";
Acquire::Check-Valid-Until "false";
`;

for (const [what, name, list, said] of [
  ['that nobody signed', 'Release', () => plain(), 'is not signed'],
  [
    'whose list has expired',
    'InRelease',
    () => here().signed(plain().replace(/^Date: .*$/m, '$&\nValid-Until: Fri, 02 Jan 2026 00:00:00 UTC')),
    'is expired',
  ],
] as const) {
  test(`archive ${what} is not read, whatever apt.conf says`, { skip }, async (t) => {
    const odd = new Map(here().first);
    odd.delete(LIST);
    odd.set(`dists/stable/${name}`, Buffer.from(list()));
    const careless = join(await tempFolder(t), 'apt.conf');
    writeFileSync(careless, CARELESS);
    const site = await siteOf(t, here().key, odd, {}, { APT_CONFIG: careless });
    const { code, stdout } = await site.run('run', 'small/program');
    assert.equal(code, 1, stdout);
    assert.match(stdout, new RegExp(`Cannot read the Debian archive[\\s\\S]* ${said}`));
    assert.equal(there(site, 'program'), false);
  });
}

test('index that was altered after apt had verified it is read anew', { skip }, async (t) => {
  const unchanged: Answer = (to, { headers }) => {
    const time = 'Thu, 01 Jan 2026 00:00:00 GMT';
    if (headers['if-modified-since'] === time) to.writeHead(304, { 'last-modified': time }).end();
    else to.writeHead(200, { 'last-modified': time }).end(here().first.get(LIST));
  };
  const site = await siteOf(t, here().key, here().first, { [`/${LIST}`]: unchanged });
  assert.equal((await site.run('run', 'small/program')).code, 0);
  const lists = join(site.excerpt, '../lists');
  const evil = here().newer.get('pool/hello_2-1_all.deb')!; // it has it
  const good = here().first.get(HELLO)!;
  writeFileSync(join(site.cwd, 'cache/cc/bytes', digestOf(evil)), evil);
  const indices = readdirSync(lists).filter((name) => name.endsWith('_Packages'));
  assert.equal(indices.length, 1);
  for (const name of indices) {
    const whole = readFileSync(join(lists, name), 'utf8');
    writeFileSync(
      join(lists, name),
      whole
        .replace(digestOf(good), digestOf(evil))
        .replace(
          `pool/hello_1-1_all.deb\nSize: ${good.length}`,
          `pool/hello_1-1_all.deb\nSize: ${evil.length}`,
        ),
    );
    assert.notEqual(readFileSync(join(lists, name), 'utf8'), whole);
  }
  for (const path of ['program', 'state/cc/small/artifacts'])
    rmSync(join(site.cwd, path), { recursive: true });
  const { code, stdout } = await site.run('run', 'small/program');
  assert.equal(code, 0, stdout);
  assert.equal(text(site, 'program'), 'hello, Version: 1-1\n');
});

test('older excerpt replaces a newer one, and a newer an older', { skip }, async (t) => {
  const site = await elsewhere(t);
  for (const [bundle, version] of [
    [here().new, 2],
    [here().old, 1],
    [here().new, 2],
  ] as const) {
    rmSync(join(site.cwd, 'state/cc/small/artifacts'), { recursive: true, force: true }); // else there is nothing to take
    assert.equal((await site.from(bundle, 'small/program')).code, 0);
    assert.equal(text(site, 'program'), `hello, Version: ${version}-1\n`);
  }
});

for (const [what, wishes, lacks] of [
  ['suite', { suites: ['stable', 'testing'] }, 'root-testing'],
  ['package', { packages: ['hello', 'more'] }, 'root-stable'],
] as const) {
  test(`bundle for a recipe with one more ${what} is refused before anything starts`, { skip }, async (t) => {
    const site = await elsewhere(t);
    site.configure(wishes);
    const refused = async () => {
      const { code, stderr } = await site.from(here().old, 'all');
      assert.equal(code, 65);
      assert.match(
        stderr,
        new RegExp(`^Cannot run from the bundle ~/b.tar: it lacks 1 artifact\n  ${lacks}\n`),
      );
    };
    await refused();
    assert.deepEqual([began(site), existsSync(site.excerpt)], [[], false]);
    site.configure({});
    assert.equal((await site.from(here().old, 'all')).code, 0);
    site.configure(wishes);
    await refused();
    assert.equal(began(site).length, 1, 'it began with the excerpt that was there before');
  });
}

test('run without a bundle that takes more than the excerpt has is refused, until the excerpt is removed', {
  skip,
}, async (t) => {
  const { key, first, suite, old } = here();
  const site = await siteOf(t, key, new Map([...first, ...suite('testing', 1)]));
  assert.equal((await site.from(old, 'all')).code, 0);
  site.configure({ suites: ['stable', 'testing'] });
  const { code, stderr } = await site.run('run', 'all');
  const [what, lacks, fix = ''] = stderr.split('\n  ');
  assert.deepEqual(
    [code, what, lacks, began(site).length, site.asked],
    [
      65,
      'Cannot run from what a bundle brought of the Debian archive: it lacks 1 artifact',
      'root-testing',
      1,
      [],
    ],
  );
  // What it does not lack goes on.
  assert.equal((await site.run('run', 'small/program')).code, 0);
  assert.deepEqual(site.asked, []);
  const [, folder] = /; to take them from the network: rm -r (\S+)$/.exec(fix.trimEnd()) ?? [];
  assert.equal(folder, site.excerpt.replace(site.cwd, '~'));
  rmSync(site.excerpt, { recursive: true });
  const more = await site.run('run', 'small/testing');
  assert.equal(more.code, 0, more.stdout);
  assert.equal(there(site, 'testing/usr/bin/hello'), true);
});

test('excerpt that somebody deleted a file of is made whole by the next run', { skip }, async (t) => {
  const site = await elsewhere(t);
  assert.equal((await site.from(here().old, 'small/program')).code, 0);
  const lost = 'pool/libhello_1_all.deb';
  rmSync(join(site.excerpt, lost));
  assert.equal((await site.from(here().old, 'all')).code, 0);
  assert.deepEqual(readFileSync(join(site.excerpt, lost)), here().first.get(lost));
});

test('run beside another one is refused, and the excerpt stays as it is', { skip }, async (t) => {
  const site = await elsewhere(t);
  assert.equal((await site.from(here().old, 'small/program')).code, 0);
  const before = statSync(site.excerpt, { bigint: true });
  const holding = await hold(join(site.cwd, 'state/cc/small/hold'), ownerOf('other', 'cc run all'));
  const { code, stderr } = await site.from(here().new, 'all');
  await holding[Symbol.asyncDispose]();
  assert.equal(code, 75, stderr);
  const { ino, ctimeNs } = statSync(site.excerpt, { bigint: true });
  assert.deepEqual([ino, ctimeNs], [before.ino, before.ctimeNs]);
});

test('list of another suite is not taken for the one whose place it has, whatever else it says', {
  skip,
}, async (t) => {
  const other = String(here().suite('oldstable', 1).get('dists/oldstable/InRelease'));
  const says = 'Suite: stable\n';
  const testing = 'dists/testing/InRelease'; // which a recipe may want later, of the excerpt that is there by then
  const lists = [
    [LIST, other, 'of another suite'],
    [testing, other, 'of another suite'],
    [LIST, other + says, 'of another suite'],
    [LIST, other.replace(/(?<=BEGIN PGP SIGNATURE-----\n)/, says), 'of another suite'],
    [LIST, other.replace(/(?=Hash: )/, says), 'not signed'],
    [LIST, says + other, 'not signed'],
    [LIST, plain(), 'not signed'],
  ] as const;
  await Promise.all(
    lists.map(async ([place, list, why]) => {
      const site = await elsewhere(t);
      const { code, stderr } = await site.from(
        await altered(here().file, { [`archive/${place}`]: list }),
        'all',
      );
      assert.deepEqual([code, began(site), readdirSync(dirname(site.excerpt))], [65, [], []], list);
      assert.ok(
        stderr.startsWith(`Cannot read the bundle ~/b.tar\n  its ${place} is ${why}\n`),
        stderr + list,
      );
    }),
  );
});

test('what the host does after its own updates is not done after those of cc', { skip }, async (t) => {
  const folder = await tempFolder(t);
  const [conf, mark] = [join(folder, 'apt.conf'), join(folder, 'done')];
  const hooks = ['Pre-Invoke', 'Post-Invoke', 'Post-Invoke-Success'];
  writeFileSync(conf, hooks.map((hook) => `APT::Update::${hook} { "touch ${mark}"; };\n`).join(''));
  const site = await siteOf(t, here().key, here().first, {}, { APT_CONFIG: conf });
  assert.equal((await site.run('run', 'small/program')).code, 0);
  assert.equal(existsSync(mark), false);
});

test('bundle that is interrupted exits with 130 and leaves no file', { skip }, async (t) => {
  const { key, first } = here();
  let pid = 0;
  const stop = () => void process.kill(pid, 'SIGINT'); // by child.kill, Deno would report the signal instead of the exit code
  const { cwd } = await siteOf(t, key, first, { [`/${HELLO}`]: stop });
  const { child, ended } = startCc({ no_proxy: '127.0.0.1' }, cwd, 'bundle', 'b.tar');
  pid = child.pid!; // it can be started
  assert.equal((await ended).code, 130);
  assert.deepEqual(
    readdirSync(cwd).filter((name) => name.includes('b.tar')),
    [],
  );
});

test('bytes that are not what their name says are seen', async (t) => {
  const store = await tempFolder(t);
  for (const name of [digestOf('a'), digestOf('b')]) writeFileSync(join(store, name), 'a');
  assert.deepEqual(spoiled(store), [digestOf('b')]);
});

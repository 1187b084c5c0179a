/** A recipe that takes a program, a source and a whole system from an archive in Debian's form, and bundles of it. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, digestOf } from '../../core/model/digest.ts';
import { END, header, members, padding } from '../../core/store/tar.ts';
import type { Archive } from '../rig/archive.ts';
import { ccWith, folder, MOD } from '../rig/cc.ts';
import { type Answer, served } from '../rig/web.ts';

/** Makes a system of a list of sources, as tools do that cc starts: with the list and apt alone. */
const INSTALL = `set -eu
list=$1 root=$2 part=$2.part
shift 2
rm -rf "$part"
mkdir -p "$part/etc/apt/preferences.d" "$part/var/lib/apt/lists/partial" "$part/var/cache/apt/archives/partial"
apt() {
  apt-get -q -o "Dir=$part" -o "Dir::Etc::SourceList=$list" -o Dir::Etc::SourceParts=/dev/null \\
    -o Dir::State::status=/dev/null -o APT::Sandbox::User= -o Debug::NoLocking=1 -o Acquire::Languages=none "$@"
}
apt -o APT::Update::Error-Mode=any update
apt --yes --download-only install '?essential' apt "$@"
mkdir "$part/root"
for deb in "$part"/var/cache/apt/archives/*.deb; do dpkg-deb --extract "$deb" "$part/root"; done
mv -T "$part/root" "$root"
rm -rf "$part"
`;

export interface Wishes {
  readonly address: string;
  readonly key: string;
  readonly suites: readonly string[];
  readonly packages: readonly string[];
}

/** The sources are named as plugins/debian.ts names them, but for the key. */
export function small(wishes: Wishes): string {
  return `import { built, cmd, plugin, recipe, step, v } from '${MOD}';

const { address, key, suites, packages } = ${JSON.stringify(wishes)};
const install = ${JSON.stringify(INSTALL)};
const here = import.meta.dirname;
const at = { where: 'controller', root: false, needs: ['small/sources'] };
const line = (kind, target, from, suite) =>
  kind + ' [signed-by=' + key + ' target=' + target + (from.startsWith('copy:') ? ' check-valid-until=no' : '') + '] ' +
  from + ' ' + suite + ' main\\n';

const small = plugin({
  name: 'small',
  help: 'takes a little from an archive',
  options: v.strictObject({}),
  build: ({}, { cache }) => {
    const apt = cache + '/apt';
    const files = (from) => [
      { path: apt + '/sources.list', text: suites.map((suite) => line('deb', 'Packages', from, suite) + line('deb-src', 'Sources', from, suite)).join('') },
      ...suites.map((suite) => ({ path: apt + '/' + suite + '.list', text: line('deb', 'Packages', from, suite) })),
    ];
    const of = (name, source) => ({ name, source: { apt, ...source }, needs: at.needs });
    const sources = step({
      name: 'sources', ...at, needs: [], inputs: { address, suites },
      probe: async (view) => {
        const from = (await view.stat(apt + '/archive/dists')) ? 'copy:' + apt + '/archive' : address;
        const looks = files(from).map(async ({ path, text }) => ((await view.text(path)) === text ? [] : [path]));
        return { from, wrong: (await Promise.all(looks)).flat() };
      },
      plan: ({ from, wrong }) => files(from).filter(({ path }) => wrong.includes(path)).flatMap(({ path, text }) =>
        [cmd\`mkdir -p \${apt}\`, { ...cmd\`tee \${path}\`, input: text, title: 'a list of sources' }].map((command) =>
          ({ kind: 'run', command, why: path + ' does not name the archive' }))),
    });
    const took = (name, artifact) =>
      built({ name, ...at, artifacts: [artifact], outputs: [here + '/' + name], make: [cmd\`cp \${artifact} \${here}/\${name}\`] });
    const rooted = (suite) => built({
      name: suite, ...at,
      artifacts: [of('root-' + suite, { kind: 'debs', packages, suite })],
      outputs: packages.map((name) => here + '/' + suite + '/usr/bin/' + name),
      make: [{ ...cmd\`sh -c \${install} cc \${apt}/\${suite}.list \${here}/\${suite} \${packages}\`, title: 'a script that makes a root' }],
    });
    return { steps: [
      sources,
      took('program', of('hello', { kind: 'deb', package: 'hello', suite: suites[0], member: 'usr/bin/hello' })),
      took('source', of('hello-source', { kind: 'deb-source', package: 'hello', suite: suites[0] })),
      ...suites.map(rooted),
    ] };
  },
});

export default recipe({ name: 'small', plugins: [small()] });
`;
}

export interface Site {
  readonly cwd: string;
  /** What its mirror was asked for. */
  readonly asked: string[];
  /** Where the excerpt stands. */
  readonly excerpt: string;
  configure(wishes: Partial<Wishes>): void;
  /** Runs cc; the folder is called `~`. Whatever it did, bytes in the store are what their names say. */
  run(...words: readonly string[]): ReturnType<typeof ccWith>;
  /** The same with this bundle. */
  from(bundle: Uint8Array, ...words: readonly string[]): ReturnType<typeof ccWith>;
}

/** A folder with the recipe, whose mirror has this archive and answers oddly where it is told. */
export async function siteOf(
  t: Parameters<typeof folder>[0],
  key: string,
  archive: Archive,
  odd: Readonly<Record<string, Answer>> = {},
  surroundings: Readonly<Record<string, string>> = {},
): Promise<Site> {
  const answers = [...archive].map(([path, bytes]): [string, Answer] => [`/${path}`, (to) => to.end(bytes)]);
  const { url, asked } = await served(t, { ...Object.fromEntries(answers), ...odd });
  const first = { address: url, key, suites: ['stable'], packages: ['hello'] };
  const cwd = await folder(t, { 'cc.config.ts': small(first) });
  const env = {
    no_proxy: '127.0.0.1', // a machine's own apt may have a proxy, which cannot reach this server
    ...surroundings,
  };
  const run = async (...words: readonly string[]) => {
    const { code, stdout, stderr } = await ccWith(env, cwd, ...words);
    assert.deepEqual(spoiled(join(cwd, 'cache/cc/bytes')), []);
    return { code, stdout: stdout.replaceAll(cwd, '~'), stderr: stderr.replaceAll(cwd, '~') };
  };
  return {
    ...{ cwd, asked, run },
    excerpt: join(cwd, 'cache/cc/recipes/small/apt/archive'),
    configure: (wishes) => writeFileSync(join(cwd, 'cc.config.ts'), small({ ...first, ...wishes })),
    from: (bundle, ...words) => {
      writeFileSync(join(cwd, 'b.tar'), bundle);
      return run('run', ...words, '--bundle', 'b.tar');
    },
  };
}

/** The files of a store whose bytes are not those that they are named after. */
export function spoiled(store: string): readonly string[] {
  const names = existsSync(store) ? readdirSync(store) : [];
  return names.filter((name) => digestOf(readFileSync(join(store, name))) !== name);
}

/** A bundle with other bytes at some places, whatever these places are. */
export async function altered(
  file: string,
  places: Readonly<Record<string, Uint8Array | string>>,
): Promise<Buffer> {
  const whole = readFileSync(file);
  const found = new Map(
    [...(await members(file))!].map(([name, { offset, size }]) => [
      name,
      whole.subarray(offset, offset + size),
    ]), // cc wrote it
  );
  const list = JSON.parse(String(found.get('files.json'))) as Record<string, Digest>;
  for (const [place, given] of Object.entries(places)) {
    const bytes = Buffer.from(given);
    list[place] = digestOf(bytes);
    found.set(`bytes/${digestOf(bytes)}`, bytes);
  }
  found.set('files.json', Buffer.from(JSON.stringify(list)));
  const files = [...found].flatMap(([name, bytes]) => [
    header(name, bytes.length),
    bytes,
    padding(bytes.length),
  ]);
  return Buffer.concat([...files, END]);
}

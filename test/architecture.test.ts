/** What the sources promise about themselves: who imports whom, how long things are, what only main.ts may touch. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Source {
  /** From the root: `core/graph/order.ts`. */
  readonly path: string;
  readonly text: string;
  /** The lines without what stands in comments. */
  readonly code: readonly string[];
  /** Files of this repository, and packages, as they are imported; types and loads at run time included. */
  readonly files: readonly string[];
  readonly packages: readonly string[];
}

const IMPORT = /\b(?:from|import)\s*\(?\s*'([^']+)'/g;

function sourceOf(path: string): Source {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const code = text
    .split('\n')
    .map((line) => (/^\s*(\/\*|\*|\/\/)/.test(line) ? '' : line.replace(/\s\/\/ .*/, '')));
  const names = [...code.join('\n').matchAll(IMPORT)].map(([, name = '']) => name);
  return {
    path,
    text,
    code,
    files: names.filter((name) => name.startsWith('.')).map((name) => normalize(join(dirname(path), name))),
    packages: names.filter((name) => !name.startsWith('.') && !name.startsWith('node:')).map(packageOf),
  };
}

/** `zx/core` is of zx, `@dagrejs/graphlib` stays whole. */
function packageOf(name: string): string {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}

const SOURCES = ['core', 'plugins', 'recipes']
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  )
  .filter((path) => path.endsWith('.ts'))
  .toSorted()
  .map(sourceOf);
const CORE = SOURCES.filter(({ path }) => path.startsWith('core/'));

/** `core/graph/order.ts` is of `graph`, `core/mod.ts` of `mod`, a plugin of `plugins`. */
function layerOf(path: string): string {
  const [top = '', layer = ''] = path.split('/');
  return top === 'core' ? layer.replace(/\.ts$/, '') : top;
}

/** Who may see whom; each layer sees itself, too. */
const SEES: Readonly<Record<string, readonly string[]>> = {
  model: [],
  steps: ['model'],
  graph: ['model', 'steps'], // the engine derives one fetch step for every artifact
  host: ['model'],
  store: ['model', 'host'], // stamps stand on hosts, and archives are read by programs
  report: ['model'],
  run: ['model', 'steps', 'graph', 'host', 'store'],
  cli: ['model', 'graph', 'host', 'store', 'report', 'run'],
  main: ['model', 'report', 'cli'],
  mod: ['model', 'steps'],
  plugins: ['mod'],
  recipes: ['mod', 'plugins'],
};

test('imports lead downward only, types included', () => {
  const upward = SOURCES.flatMap(({ path, files }) =>
    files
      .filter((file) => layerOf(file) !== layerOf(path) && !SEES[layerOf(path)]?.includes(layerOf(file)))
      .map((file) => `${path} imports ${file}`),
  );
  assert.deepEqual(upward, []);
});

test('run sees only types of the ready-made steps', () => {
  const values = CORE.filter(({ path }) => layerOf(path) === 'run').flatMap(({ path, code }) =>
    code
      .filter((line) => line.includes("'../steps/") && !line.startsWith('import type'))
      .map((line) => path + line),
  );
  assert.deepEqual(values, []);
});

test('every import is of a file that is there', () => {
  const known = new Set(SOURCES.map(({ path }) => path));
  assert.deepEqual(
    SOURCES.flatMap(({ path, files }) =>
      files.filter((file) => !known.has(file)).map((file) => `${path}: ${file}`),
    ),
    [],
  );
});

test('no file imports itself by way of others, types included', () => {
  const imports = new Map(SOURCES.map(({ path, files }) => [path, files]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, open: readonly string[]): void => {
    if (open.includes(path)) cycles.push([...open.slice(open.indexOf(path)), path].join(' → '));
    if (open.includes(path) || done.has(path)) return;
    for (const next of imports.get(path) ?? []) visit(next, [...open, path]);
    done.add(path);
  };
  for (const { path } of SOURCES) visit(path, []);
  assert.deepEqual(cycles, []);
});

test('each npm package sits behind one file, and is one that package.json names', () => {
  const users = new Map<string, string[]>();
  for (const { path, packages } of SOURCES)
    for (const name of new Set(packages)) users.set(name, [...(users.get(name) ?? []), path]);
  assert.deepEqual(Object.fromEntries(users), {
    '@dagrejs/graphlib': ['core/graph/order.ts'],
    '@noble/hashes': ['core/model/digest.ts'],
    cosmiconfig: ['core/cli/config/yaml.ts'],
    ora: ['core/report/live.ts'],
    'p-queue': ['core/run/gates.ts'],
    // Exception: the words of a plugin take the types of its schema; the library itself is behind schema.ts.
    valibot: ['core/model/plugin.ts', 'core/model/schema.ts', 'core/model/vocabulary.ts'],
    zx: ['core/host/zx.ts'],
  });
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    dependencies: Readonly<Record<string, string>>;
  };
  assert.deepEqual(Object.keys(dependencies).toSorted(), [...users.keys()].toSorted());
});

/** Words of core that are also names of plugins, and mean something else or are no dependency. */
const NAMED = [
  'core/cli/commands.ts: cleanup', // the help says what a user will look for
  'core/cli/commands.ts: runc', // and shows it by the name of a plugin
  'core/cli/options.ts: cleanup',
  'core/graph/place.ts: cleanup', // the name that every recipe has for it
  'core/host/local.ts: machine', // what node:os calls it
  'core/host/platform.ts: machine', // what uname calls it
  'core/host/transport.ts: machine',
  'core/host/wire.ts: machine', // what the agent calls it
  'core/report/explanations.ts: cleanup', // the fix is that command
  'core/report/explanations.ts: debian', // the fix names the option that mends it
  'core/report/explanations.ts: machine', // what a host is
  'core/run/sweep.ts: machine',
  'core/store/excerpt.ts: debian',
  'core/store/fetch.ts: debian', // the file beside it
];

test('core names no plugin', () => {
  const plugins = readdirSync(join(ROOT, 'plugins'))
    .filter((name) => name.endsWith('.ts') && name !== 'capabilities.ts')
    .map((name) => basename(name, '.ts'));
  const found = CORE.flatMap(({ path, code }) =>
    plugins
      .filter((name) => code.some((line) => new RegExp(`(?<![\\w-])${name}(?![\\w-])`).test(line)))
      .map((name) => `${path}: ${name}`),
  );
  assert.deepEqual(found, NAMED);
});

const TALL = 300;

test('files have at most 300 lines', () => {
  const tall = SOURCES.filter(({ text }) => text.split('\n').length - 1 > TALL).map(({ path }) => path);
  assert.deepEqual(tall, []);
});

const LONG = 40;

/** Files with longer functions, and why. */
const LONGER: Readonly<Record<string, string>> = {
  'core/host/view.ts': 'one method of a view for each question; could be a class by rule 13',
  'core/store/bytes.ts': 'an object of small methods over the memory of digests; could be a class by rule 13',
  'plugins/containerd.ts': 'build: a list of steps, read from top to bottom',
  'plugins/crio.ts': 'build: a list of steps, read from top to bottom',
  'plugins/debian.ts': 'build: a list of steps, read from top to bottom',
  'plugins/kubeadm.ts': 'build: a list of steps, read from top to bottom',
  'plugins/kubernetes/build.ts': 'the steps of one source build',
  'plugins/machine/root.ts': 'the steps of one machine',
};

/** The number of lines in each function's body; the formatter puts its end at the indent of its beginning. */
function bodies(code: readonly string[]): readonly number[] {
  return code.flatMap((line, start) => {
    if (!/^\s*\).* \{$|\bfunction\b.* \{$|=> \{$|^\s*(async )?\w+\(.*\).* \{$/.test(line)) return [];
    if (/^\s*(\} )?(if|for|while|switch|catch|else)\b/.test(line)) return [];
    const indent = /^\s*/.exec(line)?.[0] ?? '';
    const end = code.findIndex((each, index) => index > start && each.startsWith(`${indent}}`));
    return [end - start - 1];
  });
}

test('functions have at most 40 lines', () => {
  const long = SOURCES.filter(({ code }) => bodies(code).some((lines) => lines > LONG)).map(
    ({ path }) => path,
  );
  assert.deepEqual(long, Object.keys(LONGER));
});

test('every file begins by saying what it is', () => {
  assert.deepEqual(
    SOURCES.filter(({ text }) => !/^\/\*\*(\n \*)? \S/.test(text)).map(({ path }) => path),
    [],
  );
});

test('files are called by a noun in kebab case, maybe with a version, and none is a drawer for everything', () => {
  const odd = /^(utils?|helpers?|common|types|constants|index)$/;
  const names = SOURCES.map(({ path }) => basename(path, '.ts'));
  assert.deepEqual(
    names.filter((name) => !/^[a-z]+(-[a-z]+)*(-\d+\.\d+)?$/.test(name) || odd.test(name)),
    [],
  );
});

test('only recipes have a default export', () => {
  const found = SOURCES.filter(({ code }) => code.some((line) => line.startsWith('export default')));
  assert.deepEqual(
    found.filter(({ path }) => !path.startsWith('recipes/')).map(({ path }) => path),
    [],
  );
});

/** The forms that `any` takes as a type; in a string or in prose it is a word. */
const ANY = /(:\s*|\bas |<|,\s*|\|\s*|\breadonly )any\b(\[\]|\s*[>,;)=|]|$)/;

test('no type is any', () => {
  assert.deepEqual(
    SOURCES.flatMap(({ path, code }) =>
      code.filter((line) => ANY.test(line)).map((line) => `${path}: ${line.trim()}`),
    ),
    [],
  );
});

/** What belongs to the process or to chance, and is handed down from core/main.ts. */
const IMPURE =
  /\bconsole\.|\bprocess\.(?!ts\b)\w+|\bDate\.now\b|\bnew Date\b|\bperformance\.now\b|\bMath\.random\b|\brandom(UUID|Bytes)\b|\bhomedir\b/g;

/** Where it is used all the same, and why. */
const IMPURE_FILES: Readonly<Record<string, readonly string[]>> = {
  'core/cli/config/cause.ts': ['process.execPath'], // checks what V8 tells no place of
  'core/cli/config/content.ts': ['process.once', 'process.off'], // when nothing is left to wait for
  'core/cli/config/trust.ts': ['process.getuid'], // whose files are as good as cc's own
  'core/cli/made-here.ts': ['process.geteuid'], // compared with owners of files
  'core/cli/run.ts': ['new Date', 'process.pid', 'process.hrtime'], // the run's id and the real clock
  'core/host/agent.ts': ['randomBytes'], // what nobody on the way says by chance
  'core/host/attached.ts': ['process.on', 'process.off', 'process.kill'], // while a program has cc's terminal
  'core/host/hold.ts': ['process.pid', 'new Date'], // the hold names its owner
  'core/host/memo.ts': ['Date.now', 'process.geteuid'], // compared with times and owners of files
  'core/host/own-files.ts': ['process.getuid'], // compared with owners of files
  'core/host/seal.ts': ['randomBytes'], // a key that nobody can guess
  'core/host/ssh.ts': ['Math.random'], // so that not all who were turned away come back at once
  'core/report/live.ts': ['process.stderr'], // the spinner's stream
  'core/run/record.ts': ['new Date'], // when a stamp was written
  'core/run/session-pool.ts': ['process.getuid'], // where notes about this machine are kept
  'core/store/bundle.ts': ['process.pid'], // names of files that are being written
  'core/store/bytes.ts': ['process.pid'], // names of files that are being made
  'core/store/durable.ts': ['process.pid'], // names of files that are being written
  'core/store/part.ts': ['process.pid'], // names of files that are arriving
  'core/store/paths.ts': ['homedir'],
  'core/store/site.ts': ['randomUUID'], // an identity must be unlike all others // where HOME is not set
  'plugins/kubeadm/certificates.ts': ['new Date'], // puts a time that was read into words
  'core/store/web.ts': ['process.versions'], // an old Node would go around proxies
  'plugins/preflight/round.ts': ['performance.now'], // what the clocks of hosts are measured by
};

test('only core/main.ts touches the process, the clock and chance, but for known exceptions', () => {
  const found = SOURCES.filter(({ path }) => path !== 'core/main.ts').flatMap(({ path, code }) => {
    const uses = new Set(
      code
        .filter((line) => !/^import |\/console\.log`/.test(line))
        .flatMap((line) => line.match(IMPURE) ?? []),
    );
    return uses.size > 0 ? [[path, [...uses]] as const] : [];
  });
  assert.deepEqual(Object.fromEntries(found), IMPURE_FILES);
});

test('sources can be parsed by the oldest Node that package.json allows', () => {
  const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    engines: { node: string };
  };
  const oldest = Number(/\d+/.exec(engines.node)?.[0]);
  const found = SOURCES.filter(({ code }) => code.some((line) => /^\s*(await )?using \w+ =/.test(line)));
  assert.deepEqual(oldest >= 24 ? [] : found.map(({ path }) => path), []);
});

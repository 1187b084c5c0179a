/**
 * `npm run bench`: what cc costs beside what it cannot do without. Ratios of medians, each against a floor or a peer that
 * was measured in the same rounds; nothing passes or fails here, because machines differ.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { far, fleet, hosts, large } from './hosts.ts';
import { measured, node, nodeWithMemory, sampleOf } from './measure.ts';
import { commands, files, layered, ninjaFile } from './recipes.ts';
import { digestOfZeros, releases } from './releases.ts';
import { compared, print, title } from './report.ts';
import { type Site, site } from './site.ts';

const EMPTY = { name: 'node -e 0', argv: node('-e', '0'), cwd: '/' };
const EMPTY_WITH_MEMORY = { ...EMPTY, argv: nodeWithMemory('-e', '0') };

const BENCHES: Readonly<Record<string, (site: Site) => void | Promise<void>>> = {
  ...{ noop, ninja, plan, output, fetch, many },
  ...{ hosts, large, far, fleet },
};

/** How long after its last change a file must be read for its digest to be remembered, in ms; core/host/memo.ts. */
const SETTLED = 2_000;

/** Ten files that are as declared, and have been for a while: the digests of new ones are made anew by each run. */
function noop(on: Site): void {
  const place = on.place('noop', files(10, join(on.folder, 'noop', 'out')));
  const subject = { name: 'cc run all', argv: node(...place.cc('run', 'all')), ...place.around };
  sampleOf(subject);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SETTLED);
  const [empty, found] = measured([EMPTY, subject], 20);
  title('10 tasks, all as declared: start-up and looking', 'at most 2.0');
  compared(empty!, found!); // as many as were asked for
}

/** What it costs Node to start as many processes as cc does, and to do nothing else: no task runner in Node is faster. */
const SPAWN = `import { spawn } from 'node:child_process';
let left = 1000;
const next = () => left-- > 0 && spawn('true', { stdio: ['ignore', 'pipe', 'pipe'], detached: true }).on('close', next);
next(); next();`;
const SPAWNING = { ...EMPTY, name: 'node spawn', argv: node('--input-type=module', '-e', SPAWN) };

/** A thousand commands, each too small to matter, on a graph that two at a time can always work on. */
function ninja(on: Site): void {
  const graph = layered(1000, 50, 1);
  const place = on.place('commands', commands(graph, ['true'], 2));
  const cc = {
    name: 'cc run all',
    argv: node(...place.cc('run', 'all', '--concurrency', '2')),
    ...place.around,
  };
  title('1,000 tasks that each run `true`, two at a time, on an empty state', 'at most 1.5');
  if (spawnSync('ninja', ['--version']).error) {
    print('  ninja is missing: apt-get install --no-install-recommends ninja-build');
    const [floor, alone] = measured([SPAWNING, { ...cc, before: place.forget }], 3);
    compared(floor!, alone!);
    return;
  }
  const folder = join(on.folder, 'ninja');
  mkdirSync(folder);
  writeFileSync(join(folder, 'build.ninja'), ninjaFile(graph, 'true'));
  const before = () => rmSync(join(folder, '.ninja_log'), { force: true });
  const peer = { name: 'ninja -j2', argv: ['ninja', '-j2'], cwd: folder, before };
  const [other, floor, own] = measured([peer, SPAWNING, { ...cc, before: place.forget }], 5);
  compared(other!, own!);
  compared(floor!, own!);
}

/** Ten thousand tasks that all have something to do, and are only looked at. */
function plan(on: Site): void {
  const place = on.place('plan', commands(layered(10_000, 100, 2), ['true'], 8));
  const argv = nodeWithMemory(...place.cc('plan'));
  const [empty, planned] = measured(
    [EMPTY_WITH_MEMORY, { name: 'cc plan', argv, ...place.around, exits: [2] }],
    5,
  );
  title('plan of 10,000 tasks', '500 ms and 150 MB');
  compared(empty!, planned!);
}

/** Four tasks at once, each printing 50 MB. */
function output(on: Site): void {
  const print50 = ['sh', '-c', 'yes cc bench output | head -c 52428800'];
  const place = on.place('output', commands([[], [], [], []], print50, 4));
  const argv = nodeWithMemory(...place.cc('run', 'all'));
  const subject = { name: 'cc run all', argv, ...place.around, before: place.forget };
  const [empty, ran] = measured([EMPTY_WITH_MEMORY, subject], 3);
  title('tasks that print 200 MB in all', '150 MB');
  compared(empty!, ran!);
}

const MIB = 1024 ** 2;

/** One large release from a mirror, verified and in the store, beside what a script would do. */
function fetch(on: Site): void {
  const size = 1024 * MIB;
  using from = releases(on, 'fetch', [size], 0);
  const { folder, cc, around, forget } = from.place;
  const script = `curl -sSf ${from.url}${size} | tee got | sha256sum >sum && grep -q ${digestOfZeros(size)} sum && install -m 600 got kept`;
  const before = () => {
    forget();
    for (const file of ['got', 'kept']) rmSync(join(folder, file), { force: true });
  };
  const peer = { name: 'curl', argv: ['sh', '-c', script], cwd: folder, before };
  const argv = nodeWithMemory(...cc('run', 'fetch/r0'));
  const [other, own] = measured([peer, { name: 'cc run', argv, ...around, before }], 5);
  title(
    '1 GiB from a mirror on this machine, verified and kept, beside curl, sha256sum and install',
    'at most 1.11',
  );
  compared(other!, own!);
}

/** Eight releases from a mirror that gives each connection two MiB a second, beside the longest of them alone. */
function many(on: Site): void {
  const sizes = [2, 4, 6, 8, 10, 12, 14, 16].map((size) => size * MIB);
  using from = releases(on, 'many', sizes, 2 * MIB);
  const { folder, cc, around, forget } = from.place;
  const longest = Math.max(...sizes);
  const script = `curl -sSf ${from.url}${longest} >got`;
  const peer = { name: 'curl, longest', argv: ['sh', '-c', script], cwd: folder };
  const argv = node(...cc('run', ...sizes.map((_, index) => `fetch/r${index}`)));
  const [other, own] = measured([peer, { name: 'cc run, all', argv, ...around, before: forget }], 3);
  title('8 releases from a mirror that limits each connection, beside the longest of them', 'at most 1.15');
  compared(other!, own!);
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  print(`Cannot find bench "${unknown.join('", "')}"; there are ${Object.keys(BENCHES).join(', ')}`);
  process.exitCode = 64;
} else {
  using on = site();
  print(`${cpus().length} x ${cpus()[0]?.model}, node ${process.version}, load ${loadavg()[0]?.toFixed(1)}`);
  for (const [name, bench] of Object.entries(BENCHES))
    if (wanted.length === 0 || wanted.includes(name)) await bench(on);
}

/**
 * Runs tests in a Debian of their own, on Node and on Deno, and says at the end what passed, failed and was skipped:
 *   node test/suite.ts [--node | --deno | --coverage | --e2e] [FILE...]
 * Where such a Debian cannot be, they run on the machine as it is, and those skip that miss something. The lab of `--e2e` is
 * always on the machine itself, as a user has it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, realpathSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { packedIn } from './e2e/site.ts';
import { CACHE } from './rig/cache.ts';
import { debianRoot, NAMESPACES } from './rig/debian-root.ts';
import { closing, type Half, isGood, ofJunit, ofTally } from './rig/outcome.ts';
import { makePackage } from './rig/package.ts';
import { partsOf } from './rig/parts.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const BIN = join(ROOT, 'node_modules/.bin');
const ENTER = join(ROOT, 'test/rig/in-debian.sh');
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Where reports are written; seen by those inside as well. */
const REPORTS = join(CACHE, `suite-${process.pid}`);

/** The cc that the tests start: on Node a package starts in half the time of the sources; see docs/measurements.md. */
const BUILT = join(REPORTS, 'package');

/** Tests of the code; the others are of what is said to real programs and odd hosts, and of the lab. */
const CODE = [
  'test/*.test.ts',
  'test/{model,steps,graph,host,store,report,run,cli,plugins,recipes}/**/*.test.ts',
];
const AN_HOUR = 3_600_000;

/** How to run a program: the words before it, and its environment. */
interface Place {
  readonly before: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      ...{ node: { type: 'boolean' }, deno: { type: 'boolean' } },
      ...{ e2e: { type: 'boolean' }, coverage: { type: 'boolean' } },
    },
    allowPositionals: true,
  });
  const code = () => (positionals.length > 0 ? positionals : globSync(CODE, { cwd: ROOT }).toSorted());
  const layer = await mkdtemp(join(tmpdir(), 'cc-suite-'));
  const site = await mkdtemp(join(tmpdir(), 'cc-e2e-'));
  await mkdir(REPORTS, { recursive: true });
  try {
    const place = await placeOn(layer);
    const built = { ...place, env: { ...place.env, CC_BUILT: BUILT } };
    const halves: Half[] = [];
    if (values.e2e) {
      const { real, measuring, lab } = partsOf(ROOT, positionals);
      // Without a file Node would look for tests itself.
      if (real.length > 0) halves.push(await onNode('Real programs', place, real, { concurrency: 2 }));
      if (measuring.length > 0) halves.push(await onNode('Measured', place, measuring, { concurrency: 1 }));
      if (lab.length > 0)
        halves.push(await onNode('Lab', labOn(site), lab, { concurrency: 1, timeout: AN_HOUR }));
    } else if (values.coverage) {
      halves.push(await onNode('Node', place, code(), { concurrency: 2 }, COVERAGE));
    } else {
      await makePackage(BUILT);
      if (!values.deno) halves.push(await onNode('Node', built, code(), { concurrency: 2 }));
      if (!values.node) halves.push(await onDeno(built, code()));
    }
    process.stdout.write(`\n${closing(halves)}`);
    return halves.every(isGood) ? 0 : 1;
  } finally {
    for (const folder of [layer, site]) await rm(folder, { recursive: true, force: true });
    await rm(REPORTS, { recursive: true, force: true });
  }
}

const AS_IT_IS: Place = { before: [], env: { ...process.env, PATH: `${BIN}:${process.env['PATH']}` } };

/** Sites of the lab share a package, and a folder, so that Kubernetes is compiled once for all that do not ask for their own. */
function labOn(site: string): Place {
  return { ...AS_IT_IS, env: { CC_E2E_SITE: site, CC_E2E_PACKAGE: packedIn(REPORTS), ...AS_IT_IS.env } };
}

async function placeOn(layer: string): Promise<Place> {
  const root = await debianRoot();
  if (root.kind === 'missing') {
    process.stderr.write(`The tests run on this machine as it is: ${root.why}\n`);
    return AS_IT_IS;
  }
  const ids = [process.getuid?.(), process.getgid?.()].map(String);
  const { TMPDIR: _, ...env } = process.env;
  const npm = npmOf(env);
  const seen = [ROOT, CACHE, ...(npm === undefined ? [] : [dirname(dirname(npm))])];
  return {
    before: ['unshare', ...NAMESPACES, '--', 'sh', ENTER, root.folder, layer, ...ids, ...seen, '--'],
    env: {
      HOME: '/',
      ...env,
      npm_execpath: npm,
      npm_config_cache: join(CACHE, 'npm'),
      PATH: `${BIN}:${PATH}`,
    },
  };
}

/** The program of npm, in `bin` of its package: who runs this says it, where that is npm. */
function npmOf({ npm_execpath: own, PATH: places = '' }: Place['env']): string | undefined {
  const all = places.split(delimiter).map((place) => join(place, 'npm'));
  const found = own ?? all.find((path) => existsSync(path));
  return found && realpathSync(found);
}

/** Of what the tests load, and the cc that they start; what Perl does has no branches here. */
const COVERAGE = [
  ...['--experimental-test-coverage', '--test-coverage-include=core/**', '--test-coverage-branches=95'],
];

interface Limits {
  /** Files at once. */
  readonly concurrency: number;
  /** Milliseconds for a test. */
  readonly timeout?: number;
}

async function onNode(
  runtime: string,
  place: Place,
  files: readonly string[],
  limits: Limits,
  more: readonly string[] = [],
): Promise<Half> {
  const report = join(REPORTS, runtime);
  const reporters = [
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...['--test-reporter=./test/rig/tally.ts', `--test-reporter-destination=${report}`],
  ];
  // Most files import the same: what Node makes of them is kept.
  const env = { NODE_COMPILE_CACHE: join(CACHE, 'code'), ...place.env };
  const given = [...Object.entries(limits).map(([limit, value]) => `--test-${limit}=${value}`), ...more];
  const ended = await run({ ...place, env }, [join(BIN, 'node'), '--test', ...given, ...reporters, ...files]);
  return { runtime, ended, outcomes: ofTally(await written(report)) };
}

async function onDeno(place: Place, files: readonly string[]): Promise<Half> {
  const report = join(REPORTS, 'deno.xml');
  const color = process.stdout.isTTY ? {} : { NO_COLOR: '1' };
  const env = { ...place.env, ...color, DENO_DIR: join(CACHE, 'deno') };
  const options = ['-A', '--no-check', '--quiet', '--parallel', `--junit-path=${report}`];
  const ended = await run({ ...place, env }, [
    join(ROOT, 'node_modules/deno/deno'),
    'test',
    ...options,
    ...files,
  ]);
  return { runtime: 'Deno', ended, outcomes: ofJunit(await written(report)) };
}

async function run({ before, env }: Place, argv: readonly string[]): Promise<number | string> {
  const [program, ...words] = [...before, ...argv];
  const child = spawn(program!, words, { cwd: ROOT, env, stdio: ['ignore', 'inherit', 'inherit'] }); // argv has a program
  const [code, signal] = await once(child, 'exit');
  return code ?? signal;
}

/** What a runner wrote; nothing where it did not come to that. */
function written(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

process.exitCode = await main();

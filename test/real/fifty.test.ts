/** Fifty hosts behind real servers: made, found so, and some of them silent in all the ways that hosts are silent. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { after, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { folder } from '../rig/cc.ts';
import { hostRig, type RigHost } from '../rig/hosts.ts';
import { freePort } from '../rig/sshd.ts';
import { events, noBug, type OddSite, oddSite, reachedBy, summary } from './odd.ts';

const execute = promisify(execFile);
const rig = await hostRig({ after });
const { skip } = rig;

/** What each of these may take, in milliseconds, on slow cores, too: silent hosts are waited for a minute. */
const PATIENCE = 600_000;
const must = { skip, timeout: PATIENCE };

/** Tasks of each host. docs/measurements.md has figures of 50; on slow cores these would take three minutes. */
const TASKS = Number(process.env['CC_FIFTY_TASKS'] ?? 20);

/** Started once for all tests. */
const all: readonly RigHost[] =
  skip === false
    ? await Promise.all(Array.from({ length: 50 }, (_, index) => rig.host({ after }, `h${index}`)))
    : [];

/** So many tasks for each host: files, and a step of packages. */
function stepsOf(count: number): string {
  const files = Array.from({ length: count - 1 }, (_, index) => {
    return `written('line ${index}\\n', { name: 'f${index}', path: '/srv/fifty/f${index}' }),`;
  });
  return [...files, `packages(['procps', 'sudo']),`].join('\n');
}

/** Has the runner, a Node, leave its peak of memory in its folder. */
const REPORT =
  "data:text/javascript,process.on('exit',()=>process.getBuiltinModule('node:fs').writeFileSync('peak',String(process.resourceUsage().maxRSS)))";
/** What the runner may take, in kilobytes. */
const MEMORY = 200 * 1024;

type Place = Pick<RigHost, 'name' | 'target'>;

async function siteOf(t: TestContext, places: readonly Place[], steps = stepsOf(TASKS)): Promise<OddSite> {
  const hosts = Object.fromEntries(places.map((place) => [place.name, place]));
  return oddSite(t, hosts, { steps, env: { NODE_OPTIONS: `--import ${REPORT}` } });
}

const timed = async <Value>(work: () => Promise<Value>) => {
  const start = performance.now();
  return { value: await work(), took: Math.round(performance.now() - start) };
};

/** Runs a site; answers how long it took, in milliseconds. */
async function ran(
  t: TestContext,
  site: OddSite,
  whole: string,
  words: readonly string[] = [],
): Promise<number> {
  const { value, took } = await timed(() => site.run('run', 'all', ...words));
  assert.deepEqual(summary(value), { code: 0, whole, stderr: '' });
  const peak = Number(await readFile(join(site.cwd, 'peak'), 'utf8'));
  t.diagnostic(`${whole}: ${took} ms, ${Math.round(peak / 1024)} MB`);
  assert.ok(peak > 0 && peak < MEMORY, `${peak} kB`);
  return took;
}

/** Logs in to all of them at once and does nothing: what no run can do without. */
async function loggedIn(): Promise<void> {
  const login = ({ target: { port, user, address, identity, knownHosts } }: RigHost) => {
    const files = ['-F', '/dev/null', '-i', identity, '-o', `UserKnownHostsFile=${knownHosts}`];
    return execute('ssh', [...files, '-o', 'BatchMode=yes', '-p', `${port}`, `${user}@${address}`, 'true']);
  };
  await Promise.all(all.map(login));
}

test('fifty hosts are made, and found so in little more than the time of their logins', must, async (t) => {
  const site = await siteOf(t, all);
  const made = 50 * (TASKS - 1); // packages are there
  await ran(t, site, `${made} changed: ${made} applied, 50 adopted`);
  const one = await ran(t, site, `0 changed: ${TASKS} verified`, ['--limit', 'h0']);
  const fifty = await ran(t, site, `0 changed: ${50 * TASKS} verified`);
  const { took: logins } = await timed(loggedIn);
  t.diagnostic(`one host ${one} ms, fifty ${fifty} ms, their logins alone ${logins} ms`);
  assert.ok(fifty < 3 * logins, `${fifty} ms against ${logins} ms`); // 1.5 on quiet cores; see docs/measurements.md
});

test('bytes that fifty hosts get at once are held in memory for none of them', must, async (t) => {
  const bytes = randomBytes(8 * 1024 ** 2);
  const file = join(await folder(t, { release: '' }), 'release');
  await writeFile(file, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const entry = { url: `file://${file}`, sha256, size: bytes.length, trust: 'sums' };
  const artifact = JSON.stringify({ name: 'release', source: { kind: 'url', url: entry.url } });
  const site = await siteOf(t, all, `placed(${artifact}, { path: '/srv/release' })`);
  const lock = { version: 1, artifacts: { release: { amd64: entry, arm64: entry } } };
  await writeFile(join(site.cwd, 'cc.lock'), JSON.stringify(lock));
  for (const box of all) await box.exec(['rm', '-r', '/var/lib/cc']);
  await ran(t, site, '51 changed: 51 applied', ['--concurrency', '50']);
  for (const box of all) await box.exec(['rm', '-r', '/srv/release', '/var/lib/cc']);
});

/** Hosts that nobody comes in to, each in a way of its own, with what is said of it. */
const SILENT: Readonly<Record<string, { make(t: TestContext, box: RigHost): Promise<Place>; says: RegExp }>> =
  {
    'nobody listens': {
      make: async (_, box) => ({ name: box.name, ...reachedBy(box, { port: await freePort() }) }),
      says: /Connection refused/,
    },
    'whoever listens says nothing': {
      make: async (t, box) => {
        const server = createServer(() => {}).listen(0, '127.0.0.1');
        await once(server, 'listening');
        t.after(() => server.close());
        const address = server.address();
        assert.ok(typeof address === 'object' && address);
        return { name: box.name, ...reachedBy(box, { port: address.port }) };
      },
      says: /timed out/,
    },
    'sshd is stopped': {
      make: async (t, box) => {
        await box.exec(['pkill', '-STOP', '-x', 'sshd']);
        t.after(() => box.exec(['pkill', '-CONT', '-x', 'sshd']));
        return box;
      },
      says: /timed out/,
    },
    'the login never ends': {
      make: async (t, box) => {
        await box.exec(['sh', '-c', "echo 'sleep 1000' >/root/.bashrc"]);
        t.after(() => box.exec(['rm', '/root/.bashrc']));
        return box;
      },
      says: /its login did not come to an end within 60 s/,
    },
  };

/** Tasks for each host where some are silent: few, so that the minute that a login is waited for is most of the run. */
const EACH = 5;

test('hosts that are silent fail once each, in bounded time, and all others are done', must, async (t) => {
  const silent = Object.values(SILENT);
  const places = await Promise.all(all.map((box, index) => silent[index]?.make(t, box) ?? box));
  const site = await siteOf(t, places, stepsOf(EACH));
  for (const box of all) await box.exec(['rm', '-rf', '/srv/fifty', '/var/lib/cc']);
  const { value, took } = await timed(() => site.run('run', 'all'));
  noBug(value.stdout);
  t.diagnostic(`with ${silent.length} silent hosts: ${took} ms`);
  assert.ok(took < 90_000, `${took} ms`);
  assert.equal(value.code, 1);
  const names = all.slice(0, silent.length).map(({ name }) => name);
  const said = value.stdout.split('\n');
  assert.deepEqual(
    said.filter((line) => line.startsWith('not done: ')),
    [`not done: ${names.map((name) => `${name} (${EACH} of ${EACH} tasks)`).join(', ')}`],
  );
  for (const [index, { says }] of silent.entries()) {
    const name = names[index];
    const told = said.filter((line) => line.startsWith(`✘ ${name}/`) || line.startsWith(`- ${name}/`));
    assert.equal(told.length, 1, told.join('\n'));
    const at = said.indexOf(`  Cannot reach ${name} at 127.0.0.1`);
    assert.match(said.slice(at, at + 4).join('\n'), says);
  }
  const whole = said.find((line) => / changed in /.test(line))?.replace(/ in [^:]*:/, ':');
  assert.equal(whole, '184 changed: 184 applied, 46 adopted, 4 failed, 16 skipped');
  const done = await doneAt(site, names);
  t.diagnostic(`all others done after ${done} ms`);
  assert.ok(done < 55_000, 'others waited for the one whose login never ends');
});

/** When the last task of all other hosts was done, in milliseconds. */
async function doneAt(site: OddSite, names: readonly string[]): Promise<number> {
  const ends = (await events(site)).flatMap(({ kind, at, id, state }) => {
    const isOther = kind === 'task' && (state === 'applied' || state === 'adopted');
    return isOther && !names.some((name) => String(id).startsWith(`${name}/`)) ? [Number(at)] : [];
  });
  assert.equal(ends.length, 46 * EACH);
  return Math.max(...ends);
}

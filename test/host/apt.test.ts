/** Packages by apt: from signed archives alone, whatever its configuration says, and after whoever else is installing. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { install } from '../../core/host/apt.ts';
import { ownTransport } from '../../core/host/local-agent.ts';
import type { TaskContext } from '../../core/host/run.ts';
import type { Clock } from '../../core/host/shell.ts';
import { Failed, type Failure } from '../../core/model/failure.ts';
import { labelled } from '../../core/model/secret.ts';
import { archiveless, makers } from '../rig/archive.ts';
import { paperClock } from '../rig/clock.ts';
import { type Paper, paper } from '../rig/paper.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { rootless } from '../rig/tools.ts';

const skip = rootless('may install') || archiveless();
const made = skip ? undefined : await makers({ after });

/** What installing needs of a task, and what it says; it ends by a failure or well. */
function taskOn(transport: TaskContext['transport'], given: Partial<TaskContext>) {
  const [notices, log]: string[][] = [[], []];
  const context: TaskContext = {
    transport,
    bytes: () => assert.fail('apt uses no bytes'),
    fetch: () => assert.fail('apt fetches by itself'),
    reveal: async (text) => labelled(text),
    shell: () => assert.fail('apt is no script'),
    log: (text) => void log!.push(text),
    notice: (text) => void notices!.push(text),
    running: () => {},
    clock: paperClock(),
    signal: new AbortController().signal,
    env: {},
    proxies: {},
    cache: '/',
    trustedSources: [],
    ...given,
  };
  const failure = (): Promise<Failure | undefined> =>
    install(['hello'], context).then(
      () => undefined,
      (error: unknown) => (error instanceof Failed ? error.failure : Promise.reject(error)),
    );
  return { failure, notices: notices!, log: log! };
}

const CARELESS = `
Acquire::AllowInsecureRepositories "true";
Acquire::AllowWeakRepositories "true";
Acquire::AllowDowngradeToInsecureRepositories "true";
APT::Get::AllowUnauthenticated "true";
APT::Get::Force-Yes "true";
Acquire::Check-Valid-Until "false";
Acquire::Check-Date "false";
`;

interface Odd {
  /** What is done to the signed list of all indices; undefined leaves it out. */
  readonly list?: (text: string) => string;
  readonly signed?: boolean;
  readonly source?: (folder: string, key: string) => readonly [name: string, text: string];
}

/** A root with an apt of its own, an archive beside it, and a configuration that believes anything. */
async function place(t: Lasting, { list = (text) => text, signed = true, source }: Odd = {}) {
  const folder = await tempFolder(t);
  const [root, archive] = [join(folder, 'root'), join(folder, 'archive')];
  const put = (path: string, bytes: Uint8Array | string) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  };
  const { key, suite, signed: clearsigned } = made!; // not skipped
  for (const [path, bytes] of suite('stable', 1)) {
    if (!path.endsWith('/InRelease')) put(join(archive, path), bytes);
    else {
      const [, body = ''] = /\n\n([\s\S]*)-----BEGIN PGP SIGNATURE/.exec(String(bytes)) ?? [];
      if (signed) put(join(archive, path), clearsigned(list(body)));
      else put(join(archive, path.replace('InRelease', 'Release')), list(body));
    }
  }
  for (const name of ['apt/lists/partial', 'dpkg/info', 'dpkg/updates', 'dpkg/triggers'])
    mkdirSync(join(root, 'var/lib', name), { recursive: true });
  for (const name of [
    'etc/apt/apt.conf.d',
    'var/cache/apt/archives/partial',
    'var/log/apt',
    'etc/apt/sources.list.d',
  ])
    mkdirSync(join(root, name), { recursive: true });
  for (const name of ['status', 'available']) put(join(root, 'var/lib/dpkg', name), '');
  const usual = ['sources.list', `deb [signed-by=${key}] file:${archive} stable main\n`] as const;
  const [name, text] = source?.(archive, key) ?? usual;
  put(join(root, 'etc/apt', name), text);
  const conf = `Dir "${root}/";
Dir::Bin::methods "/usr/lib/apt/methods";
Dir::Bin::dpkg "/usr/bin/dpkg";
APT::Sandbox::User "";
APT::Architecture "amd64";
Acquire::Languages "none";
DPkg::Options:: "--root=${root}";
DPkg::Options:: "--force-architecture";
${CARELESS}`;
  put(join(folder, 'apt.conf'), conf);
  const transport = ownTransport('node-1', join(folder, 'base'));
  return {
    root,
    there: () => existsSync(join(root, 'usr/bin/hello')),
    task: (given: Partial<TaskContext> = {}) =>
      taskOn(transport, { env: { APT_CONFIG: join(folder, 'apt.conf') }, ...given }),
  };
}

test('packages come from an archive that is signed', { skip }, async (t) => {
  const { task, there } = await place(t);
  assert.deepEqual([await task().failure(), there()], [undefined, true]);
});

const DATED = (days: string) => (text: string) => text.replace(/^Date: .*$/m, (date) => `${date}\n${days}`);

for (const [what, odd, said, fix] of [
  ['that nobody signed', { signed: false }, /is not signed/, /name the key of that archive/],
  [
    'whose signed list is older than it may be',
    { list: DATED('Valid-Until: Fri, 02 Jan 2026 00:00:00 UTC') },
    /is expired/,
    /check-valid-until=no/,
  ],
  [
    'whose signed list is of a day to come',
    { list: (text: string) => text.replace(/^Date: .*$/m, 'Date: Thu, 01 Jan 2099 00:00:00 UTC') },
    /is not valid yet/,
    /correct the clock/,
  ],
] as const) {
  test(`packages do not come from an archive ${what}, whatever apt.conf says`, { skip }, async (t) => {
    const { task, there } = await place(t, odd);
    const failure = await task().failure();
    assert.ok(failure?.kind === 'not-installable', JSON.stringify(failure));
    assert.match(failure.why, said);
    assert.match(failure.fix ?? '', fix);
    assert.equal(there(), false);
  });
}

const SOURCES: readonly (readonly [
  what: string,
  name: string,
  line: number,
  option: string,
  text: (archive: string) => string,
])[] = [
  [
    'a line',
    'sources.list',
    2,
    'trusted=yes',
    (archive) => `# mine\ndeb [trusted=yes] file:${archive} stable main\n`,
  ],
  [
    'a stanza',
    'sources.list.d/mine.sources',
    4,
    'Trusted: yes',
    (archive) => `Types: deb\nURIs: file:${archive}\nSuites: stable\nTrusted: yes\nComponents: main\n`,
  ],
];

for (const [what, name, line, option, text] of SOURCES) {
  test(`packages do not come from an archive that ${what} trusts, unless the recipe does`, {
    skip,
  }, async (t) => {
    const { root, task, there } = await place(t, {
      signed: false,
      source: (archive) => [name, text(archive)],
    });
    const file = join(root, 'etc/apt', name);
    const why = `${file}:${line} has apt trust an archive unsigned: ${option}`;
    const failure = await task().failure();
    assert.ok(failure?.kind === 'not-installable', JSON.stringify(failure));
    assert.deepEqual([failure.why, there()], [why, false]);
    assert.match(failure.fix ?? '', new RegExp(`trustedSources: \\['${file}'\\]$`));
    const trusting = task({ trustedSources: [file] });
    assert.deepEqual([await trusting.failure(), there()], [undefined, true]);
    assert.deepEqual(trusting.notices, [`${why}; the recipe allows it`]);
  });
}

/** Takes a lock as apt does, of one file, until its input ends. */
const HOLDER = `use Fcntl; $| = 1; open my $file, '>>', $ARGV[0] or die $!;
my $lock = pack 's s x4 q q l x4', F_WRLCK, 0, 0, 0, 0;
fcntl $file, F_SETLK, $lock or die $!;
print "held\\n"; <STDIN>;`;

for (const lock of ['dpkg/lock', 'dpkg/lock-frontend', 'apt/lists/lock', '../cache/apt/archives/lock']) {
  test(`packages are installed once a process lets go of ${lock}, and it is named`, { skip }, async (t) => {
    const { root, task, there } = await place(t);
    const path = join(root, 'var/lib', lock);
    const holder = spawn('perl', ['-e', HOLDER, path], { stdio: ['pipe', 'pipe', 'inherit'] });
    t.after(() => holder.kill('SIGKILL'));
    const gone = once(holder, 'exit');
    await Promise.race([once(holder.stdout, 'data'), gone]);
    const clock = paperClock(async () => {
      holder.stdin.end();
      await gone;
    });
    const { failure, notices, log } = task({ clock });
    assert.deepEqual([await failure(), there()], [undefined, true], log.join(''));
    assert.deepEqual(notices, [`waits up to 900 s for perl (pid ${holder.pid}), which has ${path}`]);
    assert.equal(clock.slept.length, 1);
  });
}

/** A host where apt says this as long as somebody has the lock. */
function held(said: string, clock: (host: Paper) => Clock) {
  const host = paper('node-1');
  host.write(
    '/proc/locks',
    '1: POSIX  ADVISORY  WRITE 812 08:01:77 0 EOF\n2: FLOCK  ADVISORY  WRITE 9 08:01:77 0 EOF\n',
  );
  host.write('/proc/812/comm', 'unattended-upgr\n');
  host.when('stat -c %i', '77\n');
  let tries = 0;
  host.when('apt-get -q', ({ length }) => {
    tries += 1;
    return host.disk.has('/proc/812/comm') ? { code: 100, stderr: said } : `${length} words\n`;
  });
  return { host, tries: () => tries, ...taskOn(host, { clock: clock(host) }) };
}

const SAID = {
  'apt of 2016':
    'E: Could not get lock /var/lib/dpkg/lock - open (11: Resource temporarily unavailable)\nE: Unable to lock the administration directory (/var/lib/dpkg/), is another process using it?\n',
  'apt of today':
    'E: Could not get lock /var/lib/dpkg/lock. It is held by process 812 (unattended-upgr)\nN: Be aware that removing the lock file is not a solution.\n',
  'dpkg itself':
    'dpkg: error: dpkg status database is locked by another process\nE: Sub-process /usr/bin/dpkg returned an error code (2)\n',
};

for (const [who, said] of Object.entries(SAID)) {
  test(`packages wait for a lock that ${who} tells of`, async () => {
    const released = (host: Paper) =>
      paperClock((now) => {
        if (now < 10_000) return;
        host.disk.delete('/proc/812/comm');
        host.write('/proc/locks', '');
      });
    const { failure, notices, tries } = held(said, released);
    assert.equal(await failure(), undefined);
    assert.deepEqual(notices, [
      'waits up to 900 s for unattended-upgr (pid 812), which has /var/lib/dpkg/lock',
    ]);
    assert.equal(tries(), 3); // once in vain, an update, an installation
  });
}

test('packages that somebody else keeps from being installed fail by his name in the end', async () => {
  const { failure, notices, tries } = held(SAID['apt of 2016'], () => paperClock());
  assert.deepEqual(await failure(), {
    kind: 'packages-locked',
    host: 'node-1',
    packages: ['hello'],
    lock: '/var/lib/dpkg/lock',
    holder: 'unattended-upgr (pid 812)',
    within: 900,
  });
  assert.deepEqual([notices.length, tries()], [1, 1]);
});

test('packages that may not be locked are no lock to wait for', async () => {
  const denied = 'E: Could not open lock file /var/lib/dpkg/lock - open (13: Permission denied)\n';
  const { failure } = held(denied, () => paperClock());
  assert.equal((await failure())?.kind, 'not-installable');
});

/** Benches of hosts behind a real sshd: many beside ansible, one that is far away, and one that is sent much. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostRig, type RigHost } from '../rig/hosts.ts';
import { ansible, isHere, type States } from './ansible.ts';
import { measured, nodeWithMemory, type Subject, sampleOf } from './measure.ts';
import { compared, print, printSpreads, title } from './report.ts';
import type { Place, Site } from './site.ts';

const REPOSITORY = new URL('../..', import.meta.url);
/** `DENO=1` has Deno run the sources, where else Node runs what was built. */
const DENO = process.env['DENO'] === '1';

const STATES: States = {
  files: Array.from({ length: 10 }, (_, index) => ({
    path: `/srv/bench/f${index}`,
    text: `line ${index}\n`,
  })),
  folders: ['/srv/bench', '/srv/other'],
  packages: ['procps', 'sudo', 'zsh'],
};

/** A place with a recipe for these hosts, whose plugin has these steps. */
function placeFor(on: Site, name: string, hosts: readonly RigHost[], steps: string, mirrors = '[]'): Place {
  const from = DENO ? new URL('core/mod.ts', REPOSITORY).href : 'cc-kubernetes';
  const places = hosts.map((host) => ({ name: host.name, roles: [], connection: host.target }));
  const place = on.place(
    name,
    `import { folder, packages, placed, plugin, recipe, v, written } from '${from}';
const bench = plugin({ name: 'bench', help: 'measures', options: v.strictObject({}), build: () => ({ steps: [${steps}] }) });
export default recipe({
  name: 'bench', concurrency: ${Math.max(8, hosts.length)}, plugins: [bench()], hosts: ${JSON.stringify(places)}, mirrors: ${mirrors},
});
`,
  );
  // Nothing of the user's own configuration; a bench may add to this file.
  const bin = join(place.folder, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(place.folder, 'ssh_config'), '');
  writeFileSync(join(bin, 'ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F '${place.folder}/ssh_config' "$@"\n`);
  chmodSync(join(bin, 'ssh'), 0o755);
  return place;
}

function ccIn(place: Place, name: string, words: readonly string[], before?: () => void): Subject {
  const deno = ['node_modules/deno/deno', 'core/main.ts'].map((path) =>
    fileURLToPath(new URL(path, REPOSITORY)),
  );
  const argv = DENO
    ? [deno[0]!, 'run', '-A', '--quiet', deno[1]!, ...words]
    : nodeWithMemory(...place.cc(...words)); // of two
  const { cwd, env } = place.around;
  const path = `${join(place.folder, 'bin')}:${process.env['PATH']}`;
  return { name, argv, cwd, env: { ...env, PATH: path }, ...(before ? { before } : {}) };
}

/** So many hosts for one bench. */
async function withHosts(
  count: number,
  bench: (hosts: readonly RigHost[]) => void,
  packages: readonly string[] = [],
) {
  const ends: (() => unknown)[] = [];
  const lasting = { after: (done: () => unknown) => void ends.push(done) };
  const rig = await hostRig(lasting, packages);
  try {
    if (rig.skip !== false) return print(`  ${rig.skip}`);
    const names = Array.from({ length: count }, (_, index) => `h${index}`);
    bench(await Promise.all(names.map((name) => rig.host(lasting, name))));
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

const STEPS = [
  ...STATES.folders.map((path, index) => `folder({ name: 'd${index}', path: '${path}' })`),
  ...STATES.files.map(
    ({ path, text }, index) => `written(${JSON.stringify(text)}, { name: 'f${index}', path: '${path}' })`,
  ),
  `packages(${JSON.stringify(STATES.packages)})`,
].join(',\n');

/** Takes back what either has made, and what cc notes of it there. */
function forgotten(hosts: readonly RigHost[]): void {
  for (const { root } of hosts)
    for (const path of ['srv/bench', 'srv/other', 'var/lib/cc'])
      rmSync(join(root, path), { recursive: true, force: true });
}

/** Twenty hosts, thirteen states each: made, and then found as they are. */
export async function hosts(on: Site): Promise<void> {
  title('20 hosts, 13 states each, made and then found so, beside ansible-core');
  if (!isHere()) return print('  ansible is missing: apt-get install --no-install-recommends ansible-core');
  await withHosts(
    20,
    (all) => {
      const place = placeFor(on, 'hosts', all, STEPS);
      const peer = ansible(join(place.folder, 'ansible'), all, STATES);
      const before = () => {
        peer.close();
        forgotten(all);
      };
      const [first, second, made, found] = measured(
        [
          { ...peer.subject, name: 'ansible, 1st', before },
          { ...peer.subject, name: 'ansible, 2nd' },
          ccIn(place, 'cc, 1st', ['run', 'all'], () => {
            forgotten(all);
            place.forget();
          }),
          ccIn(place, 'cc, 2nd', ['run', 'all']),
        ],
        3,
      );
      peer.close();
      compared(first!, made!); // as many as were asked for
      compared(second!, found!);
    },
    ['python3', 'python3-apt'],
  );
}

const GIB = 1024 ** 3;

/** One large file placed on a host and verified there, beside what a script would do. */
export async function large(on: Site): Promise<void> {
  title('1 GiB placed on a host and verified there, beside ssh, cat and sha256sum');
  await withHosts(1, (all) => {
    const [host] = all;
    const file = join(on.folder, 'gigabyte');
    execFileSync('sh', ['-c', `head -c ${GIB} /dev/urandom >'${file}'`]);
    const sha256 = execFileSync('sha256sum', [file], { encoding: 'utf8' }).slice(0, 64);
    const entry = { url: `file://${file}`, sha256, size: statSync(file).size, trust: 'sums' };
    const artifact = JSON.stringify({ name: 'large', source: { kind: 'url', url: entry.url } });
    const place = placeFor(on, 'large', all, `placed(${artifact}, { path: '/srv/large' })`);
    const lock = { version: 1, artifacts: { large: { amd64: entry, arm64: entry } } };
    writeFileSync(join(place.folder, 'cc.lock'), JSON.stringify(lock));
    sampleOf(ccIn(place, 'cc run fetch', ['run', 'fetch/large']));
    const before = () => {
      for (const path of ['srv/large', 'var/lib/cc'])
        rmSync(join(host!.root, path), { recursive: true, force: true }); // the one
    };
    const ssh = sshTo(place, host!);
    const script = `${ssh} 'cat >/srv/large' <'${file}' && ${ssh} sha256sum /srv/large | grep -q ${sha256}`;
    const peer = { name: 'ssh, sum', argv: ['sh', '-c', script], cwd: place.folder, before };
    const [other, own] = measured([peer, ccIn(place, 'cc run', ['run', 'all'], before)], 5);
    compared(other!, own!);
  });
}

/** The words, for a shell, by which a script reaches the host as cc does. */
function sshTo(place: Place, { target }: RigHost): string {
  const { address, port, user, identity, knownHosts } = target;
  const files = `-i '${identity}' -o UserKnownHostsFile='${knownHosts}'`;
  return `'${place.folder}/bin/ssh' ${files} -o BatchMode=yes -p ${port} ${user}@${address}`;
}

const TASKS = 50;
const AWAY = 50;

/** A host to which each byte takes a while: what is paid beside logging in is the number of questions asked in turn. */
export async function far(on: Site): Promise<void> {
  title(`nothing to do in ${TASKS} tasks on a host ${AWAY} ms away, beside logging in`);
  await withHosts(1, (all) => {
    const [host] = all;
    const one = (_: unknown, index: number) =>
      `written('line\\n', { name: 'f${index}', path: '/srv/far/f${index}' })`;
    const place = placeFor(on, 'far', all, Array.from({ length: TASKS }, one).join(',\n'));
    sampleOf(ccIn(place, 'cc run all', ['run', 'all']));
    const relay = fileURLToPath(new URL('delay.ts', import.meta.url));
    const line = `ProxyCommand '${process.execPath}' '${relay}' %p ${AWAY}\n`;
    writeFileSync(join(place.folder, 'ssh_config'), line);
    const login = { name: 'ssh true', argv: ['sh', '-c', `${sshTo(place, host!)} true`], cwd: place.folder }; // the one
    const [floor, own] = measured([login, ccIn(place, 'cc run all', ['run', 'all'])], 5);
    compared(floor!, own!);
    const more = own!.ms.median - floor!.ms.median;
    print(
      `  beside login ${more.toFixed(0)} ms, as long as ${(more / (2 * AWAY)).toFixed(1)} times there and back`,
    );
  });
}

/** The memory of the runner alone; what ssh takes is not its own. */
export async function fleet(on: Site): Promise<void> {
  title('50 hosts, 13 states each: the memory of the runner', '150 MB');
  await withHosts(50, (all) => {
    const place = placeFor(on, 'fleet', all, STEPS);
    const before = () => {
      forgotten(all);
      place.forget();
    };
    printSpreads(
      ...measured(
        [ccIn(place, 'cc, 1st', ['run', 'all'], before), ccIn(place, 'cc, 2nd', ['run', 'all'])],
        2,
      ),
    );
  });
}

/**
 * What is generated for containerd, given to the real ones of four releases of Debian: 1.4, 1.6, 1.7 and 2.1. Skipped where no
 * archive of Debian answers; they are started where this user may make namespaces.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runProcess } from '../../core/host/own-agent.ts';
import { atLeast } from '../../plugins/capabilities.ts';
import { type Table, tables, toml, type Wanted } from '../../plugins/containerd/config.ts';
import { eraOf, SUITES, startsByPath } from '../../plugins/containerd/eras.ts';
import { REMOVE_PODS } from '../../plugins/containerd.ts';
import { KATA } from '../plugins/virtual.ts';
import { unpacked } from '../rig/debian.ts';
import { tempFolder } from '../rig/temp.ts';

const programs = await unpacked(...Object.keys(SUITES).map((suite) => [suite, ['containerd']] as const));
const skip = programs.kind === 'missing' && programs.why;

/** The one that pods are ended with. */
const SIGNAL = /--signal (\w+)/.exec(REMOVE_PODS)?.[1] ?? '';

/** A place of its own for what a service writes and listens on. */
const APART = ['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
const may = (await runProcess([...APART, 'true'])).code === 0;

async function said(suite: string, program: string, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProcess([join(binOf(suite), program), ...words]);
  assert.equal(code, 0, stderr);
  return stdout;
}

function binOf(suite: string): string {
  assert.ok(programs.kind === 'here'); // else it is skipped
  return join(programs.folder('containerd', suite), 'usr/bin');
}

/** What `containerd config dump` makes of a file, by table and key; its tables are quoted in either way. */
async function dumped(t: TestContext, suite: string, text: string): Promise<ReadonlyMap<string, unknown>> {
  const file = join(await tempFolder(t), 'config.toml');
  await writeFile(file, text);
  const found = new Map<string, unknown>();
  let table = '';
  for (const line of (await said(suite, 'containerd', '--config', file, 'config', 'dump')).split('\n')) {
    const [, name] = /^\s*\[(.+)\]$/.exec(line) ?? [];
    const [, key, value] = /^\s*(\w+) = (.*)$/.exec(line) ?? [];
    if (name !== undefined) table = name.replaceAll(/["']/g, '');
    else if (key !== undefined) found.set(`${table} ${key}`, JSON.parse(value!.replaceAll("'", '"'))); // both matched
  }
  return found;
}

/** The same of what was generated. */
function generated(all: readonly Table[]): ReadonlyMap<string, unknown> {
  return new Map(
    all.flatMap(([name, values]) =>
      Object.entries(values).map(([key, value]) => [`${name.join('.')} ${key}`, value] as const),
    ),
  );
}

const WANTED: readonly Wanted[] = [true, false].map((confined) => ({
  confined,
  cgroupDriver: confined ? 'systemd' : 'cgroupfs',
  cni: { bin: '/opt/pods/bin', config: '/etc/cni/net.d' },
  runc: '/usr/local/sbin/runc',
  pause: 'registry.lab/pause:3.2',
}));

/** With machines, where this version can be told of them. */
function wantedOf(version: string): readonly Wanted[] {
  return WANTED.flatMap((wanted) => (startsByPath(version) ? [wanted, { ...wanted, vm: KATA }] : [wanted]));
}

/** 1.4 does not print the options of a runtime: it keeps them unread until a pod starts. */
function prints(version: string, path: string): boolean {
  return !(version.startsWith('1.4.') && path.includes('.options '));
}

/** What plugins that make up the CRI are called and how they are, as `ctr plugins ls` says. */
const CRI = {
  first: ['io.containerd.grpc.v1 cri ok'],
  second: [
    'io.containerd.cri.v1 images ok',
    'io.containerd.cri.v1 runtime ok',
    'io.containerd.grpc.v1 cri ok',
  ],
} as const;

/** How the plugins of the CRI are; their third column is a platform. */
function criIn(plugins: string): readonly string[] {
  const rows = plugins.split('\n').map((line) => line.trim().split(/\s+/));
  const cri = rows.filter(([type, id]) => type === 'io.containerd.cri.v1' || id === 'cri');
  return cri.map(([type, id, , status]) => `${type} ${id} ${status}`).toSorted();
}

/**
 * START BIN CONFIG SIGNAL REMOVE_PODS: starts containerd on its usual paths, none of them this machine's; prints its plugins, what it finds
 * outdated in the configuration (from 1.7 on), and what it says when it reads an older form of it; then what it says of a signal
 * for a container that does not run, and what is left of that when pods are removed.
 */
const START = `set -eu
mount --bind "$1" /mnt
config=$(cat "$2")
for folder in /etc /opt /run /var/lib; do mount -t tmpfs tmpfs $folder; done
mkdir /etc/containerd
echo "$config" >/etc/containerd/config.toml
export PATH=/mnt:$PATH
containerd >/run/log 2>&1 &
service=$!
until ctr --connect-timeout 1s version >/dev/null 2>&1; do kill -0 $service || { cat /run/log >&2; exit 1; }; done
ctr plugins ls
echo ---
ctr deprecations list 2>/dev/null || true
echo ---
grep 'Configuration migrated' /run/log || true
echo ---
ctr --namespace k8s.io containers create --rootfs / idle true
ctr --namespace k8s.io tasks kill --signal "$3" --all idle 2>&1 || true
sh -c "$4" cc /mnt/ctr
ctr --namespace k8s.io containers list --quiet
kill $service`;

/** What the program of a suite is: sid moves on, and the table only says what it had. */
async function versionOf(suite: string): Promise<string> {
  return /\s(\d+\.\d+\.\d+)/.exec(await said(suite, 'containerd', '--version'))?.[1] ?? '';
}

for (const [suite, known] of Object.entries(SUITES)) {
  const version = skip ? known : await versionOf(suite);
  const era = eraOf(version)!; // one of a version that is not known fails all of these

  test(`Debian ${suite} has the containerd of the table`, { skip }, () => {
    if (suite === 'sid') assert.ok(atLeast(version, known), version);
    else assert.equal(version, known);
  });

  test(`containerd ${version} takes every key with its value`, { skip }, async (t) => {
    for (const wanted of wantedOf(version)) {
      const all = tables(wanted, era);
      const found = await dumped(t, suite, toml(all, era));
      const expected = [...generated(all)].filter(([path]) => prints(version, path));
      assert.notEqual(expected.length, 0);
      assert.deepEqual(
        expected.map(([path]) => [path, found.get(path)]),
        expected,
      );
    }
  });

  test(`containerd ${version} drops a key that it does not know, so that one it takes means something`, {
    skip,
  }, async (t) => {
    const all: readonly Table[] = [[['plugins', era.pods], { restrict_oom: true }]];
    const found = await dumped(t, suite, toml(all, era));
    assert.equal(found.get(`plugins.${era.pods} restrict_oom`), undefined);
    assert.equal(found.get(`plugins.${era.pods} restrict_oom_score_adj`), false);
  });

  test(`containerd ${version} starts with it, its CRI is ready, and nothing in it is outdated`, {
    skip: skip || (!may && 'this user may make no namespaces'),
  }, async (t) => {
    for (const wanted of wantedOf(version)) {
      const file = join(await tempFolder(t), 'config.toml');
      await writeFile(file, toml(tables(wanted, era), era));
      const { code, stdout, stderr } = await runProcess(
        [...APART, 'sh', '-c', START, 'cc', binOf(suite), file, SIGNAL, REMOVE_PODS],
        { signal: AbortSignal.timeout(30_000) },
      );
      assert.equal(code, 0, stderr);
      const [plugins = '', outdated, older, removing = ''] = stdout.split('---\n');
      assert.deepEqual(criIn(plugins), CRI[era.file === 2 ? 'first' : 'second']);
      const complaints = `${outdated}\n${older}`.split('\n');
      assert.deepEqual(
        complaints.filter((line) => line !== '' && !/^ID |deprecation\/cgroup-v1 /.test(line)), // that one is the host's
        [],
      );
      assert.match(removing, /^ctr: no running task found: .*\n$/);
    }
  });
}

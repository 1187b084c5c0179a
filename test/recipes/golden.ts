/** A recipe as text: its tasks with their needs, and what each would do to a bare host, change by change. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { expand } from '../../core/graph/expand.ts';
import { flattened } from '../../core/graph/flatten.ts';
import { type Change, describe } from '../../core/model/change.ts';
import { Failed } from '../../core/model/failure.ts';
import { manifestUrl } from '../../core/model/image.ts';
import { isIpv4 } from '../../core/model/network.ts';
import type { Host } from '../../core/model/plugin.ts';
import type { Recipe } from '../../core/model/recipe.ts';
import type { Task } from '../../core/model/task.ts';
import { look } from '../../core/run/look.ts';
import { LIST } from '../../plugins/kubeadm/certificates.ts';
import { register } from '../plugins/bench.ts';
import { ROUTE } from '../plugins/cluster.ts';
import { MISSING, networked, script } from '../plugins/tools.ts';
import { type Paper, paper } from '../rig/paper.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { contextOf } from '../run/context.ts';

/** What /etc/os-release says, as far as cc reads it, and whether cgroup v2 has its folder to itself after a fresh boot. */
const RELEASES = {
  'Ubuntu 16.04': { says: 'ID=ubuntu\nVERSION_ID="16.04"\n', unified: false },
  'Debian 12': { says: 'ID=debian\nVERSION_ID="12"\n', unified: true },
  'Ubuntu 24.04': { says: 'ID=ubuntu\nVERSION_ID="24.04"\n', unified: true },
} as const;
export type Release = keyof typeof RELEASES;

const EXPAND_CONTEXT = {
  arch: 'amd64',
  cache: '/cache',
  state: '/state',
  file: '/site/cc.config.ts',
} as const;

export function tasksOf(...layers: readonly Recipe[]): readonly Task[] {
  return expand(flattened(layers.flatMap(based), []), EXPAND_CONTEXT, []).tasks;
}

/** Images that a recipe names without a digest, with the addresses of their manifests. */
export function imagesOf(recipe: Recipe): ReadonlyMap<string, string> {
  const named = new Map<string, string>();
  const image = (name: string) => {
    const url = manifestUrl(name);
    if (url !== undefined) named.set(name, url);
    return name;
  };
  expand(flattened(based(recipe), []), { ...EXPAND_CONTEXT, image }, []);
  return named;
}

/** A recipe after those it extends. */
function based(recipe: Recipe): readonly Recipe[] {
  return typeof recipe.extends === 'object' ? [...based(recipe.extends), recipe] : [recipe];
}

export function needsText(tasks: readonly Task[]): string {
  const blocks = tasks.map(({ id, needs }) => [id, ...needs.map((need) => `  ${need}`)].join('\n'));
  return `${blocks.join('\n')}\n`;
}

/** The plan of every task of a host that is as bare as one can be. */
export async function planText(
  tasks: readonly Task[],
  host: string,
  release: Release,
  t: Lasting,
): Promise<string> {
  const own = tasks.filter((task) => task.host.name === host);
  const hosts = [...new Map(tasks.map(({ host }) => [host.name, host])).values()];
  const blocks = await Promise.all(own.map((task) => planned(task, release, t, hosts)));
  return `${blocks.join('\n')}\n`;
}

/** What one task would do; what cannot be looked at there says so. */
async function planned(task: Task, release: Release, t: Lasting, hosts: readonly Host[]): Promise<string> {
  try {
    const lines = (await changesOf(task, release, t, hosts)).map(
      (change) => `  ${describe(change)}\n    ${change.why}`,
    );
    return [task.id, ...lines].join('\n');
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    return `${task.id}\n  cannot tell: ${error.failure.kind}`;
  }
}

/** What one task would do to a host that is as bare as one can be, among others that are. */
export async function changesOf(
  task: Task,
  release: Release,
  t: Lasting,
  hosts: readonly Host[] = [task.host],
): Promise<readonly Change[]> {
  const papers = Object.fromEntries(hosts.map((host) => [host.name, bare(host, release)]));
  const { context } = contextOf({ folder: await tempFolder(t), hosts: papers, declaredHosts: hosts });
  return (await look(task, context)).changes;
}

function bare({ name, arch, connection }: Host, release: Release): Paper {
  const { says, unified } = RELEASES[release];
  const host = paper(name, says, arch);
  if (unified) host.write('/sys/fs/cgroup/cgroup.controllers', 'cpu memory pids\n');
  host.write('/proc/sys/net/ipv4/ip_forward', '0\n');
  host.write('/proc/net/route', ROUTE);
  const own = connection.kind === 'ssh' && isIpv4(connection.address) ? [connection.address] : [];
  register(host, [networked(...own.map((address) => `2: eth0    inet ${address}/24 scope global eth0`))]);
  host.when('ip -4 route show', '');
  host.when('uname -n', `${name}\n`);
  host.when((argv) => /\/(kubectl|ctr|crictl|curl)$/.test(argv[0] ?? ''), MISSING);
  // A host on which nothing keeps a virtual machine from starting.
  host.when((argv) => argv[0] === 'sh' && (argv[2] ?? '').startsWith('found='), '');
  host.when(script(LIST), '1790000000\n');
  host.when('stat', { code: 1, stderr: 'No such file or directory\n' });
  host.when((argv) => /\/(ctr|crictl)$/.test(argv[4] ?? ''), MISSING);
  return host;
}

/** Compares with the text of that name beside this file, or writes it where CC_WRITE_GOLDEN is set: then read the diff. */
export function assertGolden(text: string, name: string): void {
  const file = new URL(name, import.meta.url);
  if (process.env['CC_WRITE_GOLDEN']) writeFileSync(file, text);
  assert.equal(text, readFileSync(file, 'utf8'));
}

/** What tests of plugins share: programs that work on files, scripts by text, plugins that only provide. */
import { type Capability, plugin } from '../../core/model/plugin.ts';
import type { Until } from '../../core/model/shell.ts';
import * as v from '../../core/model/vocabulary.ts';
import type { ClusterConfig } from '../../plugins/kubeadm/config.ts';
import type { Answer, Paper } from '../rig/paper.ts';
import type { FakeCommand } from './bench.ts';

/** What kubeadm is told of a cluster, whatever its version. */
export const CLUSTER: Omit<ClusterConfig, 'version'> = {
  imageRepository: 'registry.lab',
  criSocket: 'unix:///run/cri.sock',
  cgroupDriver: 'systemd',
  podSubnet: '10.244.0.0/24',
  serviceSubnet: '10.96.0.0/12',
};

/** A host that does not have a program. */
export const MISSING: Answer = { code: 127, stderr: 'not found\n' };

/** What a host says of its own addresses, as `ip` prints them. */
export function networked(...addresses: readonly string[]): FakeCommand {
  const lines = ['1: lo    inet 127.0.0.1/8 scope host lo', ...addresses];
  return ['ip -o -4 address show', lines.map((line) => `${line}\n`).join('')];
}

/** /proc/net/route, by `NETWORK/PREFIX via GATEWAY dev LINK`; a line without a link drops packets. */
export function routed(...routes: readonly string[]): string {
  const hex = (address: string) =>
    address
      .split('.')
      .toReversed()
      .map((part) => Number(part).toString(16).toUpperCase().padStart(2, '0'))
      .join('');
  const mask = (prefix: number) =>
    [0, 8, 16, 24].map((from) => 256 - 2 ** (8 - Math.max(0, Math.min(8, prefix - from)))).join('.');
  const rows = routes.map((route) => {
    const [network = '', prefix = ''] = (route.split(' ')[0] ?? '').split('/');
    const after = (word: string, other: string) => new RegExp(` ${word} (\\S+)`).exec(route)?.[1] ?? other;
    return [
      after('dev', '*'),
      hex(network),
      hex(after('via', '0.0.0.0')),
      '0001',
      0,
      0,
      0,
      hex(mask(Number(prefix))),
      0,
      0,
      0,
    ].join('\t');
  });
  return `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n${rows.join('\n')}\n`;
}

/** The files of a folder, as `find` prints them for those who look for CNI configurations. */
export function listing(host: Paper, folder = '/etc/cni/net.d'): FakeCommand {
  const names = () =>
    [...host.disk.keys()]
      .filter((path) => path.startsWith(`${folder}/`))
      .map((path) => path.slice(folder.length + 1));
  return [
    `find ${folder}/`,
    () =>
      names()
        .map((name) => `${name}\0`)
        .join(''),
  ];
}

/** A plugin that is nothing but the value it provides. */
export function providing<Value>(wanted: Capability<Value>, value: Value) {
  return plugin({
    name: wanted.name,
    help: `provides ${wanted.name}`,
    options: v.strictObject({}),
    provides: [wanted],
    build: () => ({ provides: [wanted.of(value)], steps: [] }),
  })();
}

/** A script by its text: `sh -c TEXT cc …`. */
export function script(text: string): (argv: readonly string[]) => boolean {
  return ([program, , given]) => program === 'sh' && given === text;
}

/** The value of `--name=value`. */
export function option(argv: readonly string[], name: string): string {
  const start = `--${name}=`;
  return argv.find((word) => word.startsWith(start))?.slice(start.length) ?? '';
}

export function paths(argv: readonly string[]): readonly string[] {
  return argv.filter((word) => word.startsWith('/'));
}

/** The files of a host at a path and below it. */
function tree({ disk }: Paper, path: string) {
  return [...disk].filter(([other]) => other === path || other.startsWith(`${path}/`));
}

export function wrote(host: Paper, path: string, text: string): string {
  host.write(path, text);
  return '';
}

export function removed(host: Paper, ...gone: readonly string[]): string {
  for (const [path] of gone.flatMap((path) => tree(host, path))) host.disk.delete(path);
  return '';
}

export function folder(host: Paper, path: string): string {
  if (host.disk.has(path)) return '';
  host.write(`${path}/x`, '');
  host.disk.delete(`${path}/x`);
  return '';
}

function copied(host: Paper, from: string, to: string): string {
  folder(host, to.slice(0, to.lastIndexOf('/')));
  for (const [path, file] of tree(host, from)) host.disk.set(to + path.slice(from.length), file);
  return '';
}

function moved(host: Paper, from: string, to: string): string {
  copied(host, from, to);
  return removed(host, from);
}

/** Programs that work on files, as plugins use them: paths are absolute, and the last one is the target. */
export function files(host: Paper): readonly FakeCommand[] {
  const two = (argv: readonly string[]) => paths(argv).slice(-2) as [string, string];
  return [
    ['rm', (argv) => removed(host, ...paths(argv))],
    [
      'mkdir',
      (argv) =>
        paths(argv)
          .map((path) => folder(host, path))
          .join(''),
    ],
    ['cp', (argv) => copied(host, ...two(argv))],
    ['install', (argv) => copied(host, ...two(argv))],
    ['mv', (argv) => moved(host, ...two(argv))],
    ['tee', ([, path = ''], { input }) => wrote(host, path, String(input))],
    [
      'sha256sum',
      ([, path = '']) => {
        const file = host.disk.get(path);
        return file?.kind === 'file' ? `${file.digest}  ${path}\n` : { code: 1, stderr: `no file ${path}\n` };
      },
    ],
    ['tar --create', (argv) => wrote(host, option(argv, 'file'), `tar of ${argv.at(-1)}`)],
    ['mmdebstrap', (argv) => wrote(host, `${paths(argv)[0]}/var/lib/dpkg/status`, argv.join(' '))],
  ];
}

/** Looks three times, and throws why not yet after that. */
export const patient: Until = async (_, __, look) => {
  let why = await look();
  for (let left = 2; why !== undefined && left > 0; left--) why = await look();
  if (why !== undefined) throw new Error(why);
};

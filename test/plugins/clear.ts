/** Clear Containers on hosts of paper: what is built on the controller, and what a host without KVM is asked. */
import { READY } from '../../plugins/clear-containers/guest/init.ts';
import { IMAGE, INITRD, UNPACK_KERNEL } from '../../plugins/clear-containers/guest/scripts.ts';
import type { Network } from '../../plugins/clear-containers/network.ts';
import { rules } from '../../plugins/clear-containers/rules.ts';
import { clearContainers } from '../../plugins/clear-containers.ts';
import { type Accel, NO_ROOT } from '../../plugins/vm/boot.ts';
import type { Paper } from '../rig/paper.ts';
import { ARCHIVE } from './archive.ts';
import type { BenchSetup, FakeCommand } from './bench.ts';
import { COMPILER, GO } from './compiler.ts';
import { folder, wrote } from './tools.ts';
import { booting, looking } from './virtual.ts';

const SITE = 'https://mirror.example/clear-containers/3.0.21';
/** Programs of a site's own. */
export const PROGRAMS = {
  runtime: `${SITE}/cc-runtime`,
  proxy: `${SITE}/cc-proxy`,
  shim: `${SITE}/cc-shim`,
};

export type Given = Partial<NonNullable<Parameters<typeof clearContainers>[0]>>;
/** The plugin, with what its builds use. */
export function clear(given: Given = {}) {
  return { plugins: [ARCHIVE, GO, clearContainers(given)] };
}

const bytes = {
  'cc-kernel': JSON.stringify({ 'v4.14.22-86.container-binaries/vmlinuz-4.14.22-86.container': 'kernel' }),
  'cc-image': JSON.stringify({
    'image-cc-20640-agent-6f6e9e-binaries/cc-20640-agent-6f6e9e.img': 'image',
    'image-cc-20640-agent-6f6e9e-binaries/cc-20640-agent-6f6e9e.info': 'info',
  }),
  'kata-static': JSON.stringify({ './opt/kata/bin/qemu-system-x86_64': 'QEMU' }),
};

export const MODULE = '/sys/class/misc/vhost-net';
export const DEVICE = '/dev/vhost-net';

/** The scripts that make a guest, by how they begin, and which of their words names what they make. */
const SCRIPTS: readonly (readonly [text: string, output: number])[] = [
  [UNPACK_KERNEL, 5],
  [INITRD, 7],
  [IMAGE, 8],
];

/** The console of a guest that came up, of whichever kind it is. */
const EVERYTHING = `${NO_ROOT}\n${READY}\n`;

/** A host that starts machines, or says this on their console instead. */
export function setup(accel: Accel, network: Network, console = EVERYTHING): BenchSetup {
  return {
    bytes,
    bare: (host) => folder(host, '/dev'),
    reads: (host) => [
      looking(rules(accel, network)),
      [([program, ...words]) => program === 'stat' && words.at(-1) === DEVICE, () => device(host)],
    ],
    does: (host, bench) => [
      ...(COMPILER.does?.(host, bench) ?? []),
      ...SCRIPTS.map(([text, output]): FakeCommand => {
        const made = (argv: readonly string[]) => argv[output] ?? '';
        return [
          ([program, , given = '']) => program === 'sh' && given.endsWith(text),
          (argv) => {
            bench.make(host, made(argv), `made as ${made(argv)}`);
            return '';
          },
        ];
      }),
      [([, , given = '']) => given.startsWith('cd "$1" && shift'), ''], // what nobody needs goes
      ['make --silent config-generated.go', ''],
      booting(console),
      ['modprobe vhost_net', () => wrote(host, MODULE, '')],
      ['systemd-tmpfiles --create', () => wrote(host, DEVICE, '1:3')],
    ],
  };
}

/** Numbers of a device; a file of paper has them as its text. */
function device(host: Paper) {
  if (!host.disk.has(DEVICE)) return { code: 1, stderr: 'No such file or directory\n' };
  return `${host.read(DEVICE)}\n`;
}

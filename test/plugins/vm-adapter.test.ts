/** The words that QEMU is called with, by its version: each rule, and what is left as it is. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { Arch } from '../../core/model/artifact.ts';
import { NETWORKS } from '../../plugins/clear-containers/network.ts';
import { type Adapted, adapted } from '../../plugins/vm/adapter.ts';
import type { Accel } from '../../plugins/vm/boot.ts';
import { RULES } from '../../plugins/vm/rules.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';

const run = promisify(execFile);

/** What QEMU says of itself: of Ubuntu 18.04, of Kata 1.12, of Debian 11, 12 and 13. */
const VERSIONS = {
  '2.11': 'QEMU emulator version 2.11.1(Debian 1:2.11+dfsg-1ubuntu7.42)',
  '5.0': 'QEMU emulator version 5.0.0 (kata-static)',
  '5.2': 'QEMU emulator version 5.2.0 (Debian 1:5.2+dfsg-11+deb11u3)',
  '7.2': 'QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)',
  '10.0': 'QEMU emulator version 10.0.8 (Debian 1:10.0.8+ds-0+deb13u1)',
} as const;
type Version = keyof typeof VERSIONS;
const ALL = Object.keys(VERSIONS) as Version[];

/** A program in a folder. */
async function program(folder: string, name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

interface Call extends Omit<Adapted, 'qemu'> {
  readonly version: Version;
  readonly words: readonly string[];
  /** A folder with programs that stand before those of the system. */
  readonly bin?: string;
}

/** The words that QEMU is called with in the end. */
async function called(t: Lasting, { version, words, bin, ...how }: Call): Promise<readonly string[]> {
  const folder = await tempFolder(t);
  const says = `if [ "$*" = --version ]; then printf '%s\\nCopyright\\n' '${VERSIONS[version]}'; exit; fi`;
  const qemu = await program(folder, 'qemu', `${says}\nfor word; do printf '%s\\0' "$word"; done`);
  const PATH = [...(bin === undefined ? [] : [bin]), process.env['PATH']].join(':');
  const script = await program(folder, 'adapter', adapted({ qemu, ...how }));
  const { stdout, stderr } = await run('sh', [script, ...words], { env: { ...process.env, PATH } });
  assert.equal(stderr, '');
  return stdout.split('\0').slice(0, -1);
}

interface Row {
  readonly option: string;
  readonly asked: string;
  /** Default: both. */
  readonly accel?: Accel;
  readonly arch?: Arch;
  /** The value, or nothing where the option is dropped; by version where that matters, the latest that is named counts. */
  readonly called: string | Partial<Record<Version, string | null>>;
}

const ROWS: readonly Row[] = [
  {
    ...{ option: '-machine', asked: 'pc,accel=kvm,kernel_irqchip,nvdimm', accel: 'kvm' },
    called: 'pc,accel=kvm,kernel_irqchip=on,nvdimm=on',
  },
  {
    ...{ option: '-machine', asked: 'pc,accel=kvm,nvdimm,kernel_irqchip', accel: 'kvm' },
    called: 'pc,accel=kvm,nvdimm=on,kernel_irqchip=on',
  },
  {
    ...{ option: '-machine', asked: 'q35,accel=kvm,kernel_irqchip=split,nvdimm=off', accel: 'kvm' },
    called: 'q35,accel=kvm,kernel_irqchip=split,nvdimm=off',
  },
  {
    ...{ option: '-machine', asked: 'pc,accel=kvm,kernel_irqchip,nvdimm', accel: 'tcg' },
    called: 'pc,accel=tcg,nvdimm=on',
  },
  {
    ...{ option: '-machine', asked: 'q35,accel=kvm,kernel_irqchip=split', accel: 'tcg' },
    called: 'q35,accel=tcg',
  },
  { option: '-machine', asked: 'virt,accel=tcg', arch: 'arm64', called: 'virt,accel=tcg' },
  { option: '-cpu', asked: 'host,pmu=off', accel: 'kvm', called: 'host,pmu=off' },
  { option: '-cpu', asked: 'host,pmu=off', accel: 'tcg', called: 'max,la57=off' },
  { option: '-cpu', asked: 'host', accel: 'tcg', arch: 'arm64', called: 'max' },
  {
    ...{ option: '-smp', asked: '1,cores=1,threads=1,sockets=1,maxcpus=240', accel: 'kvm' },
    called: '1,cores=1,threads=1,maxcpus=240',
  },
  {
    ...{ option: '-smp', asked: '8,cores=1,threads=1,sockets=8,maxcpus=240', accel: 'tcg' },
    called: '8,cores=1,threads=1,maxcpus=8',
  },
  {
    ...{ option: '-smp', asked: '10,cores=1,threads=1,sockets=10,maxcpus=240', accel: 'tcg' },
    called: '10,cores=1,threads=1,maxcpus=240',
  },
  { option: '-smp', asked: '1,maxcpus=4', accel: 'tcg', called: '1,maxcpus=4' },
  {
    ...{ option: '-netdev', asked: 'tap,id=network-0,vhost=on,vhostfds=3:4,fds=5:6', accel: 'kvm' },
    called: 'tap,id=network-0,vhost=on,vhostfds=3:4,fds=5:6',
  },
  {
    ...{ option: '-netdev', asked: 'tap,id=network-0,vhost=on,vhostfds=3:4,fds=5:6', accel: 'tcg' },
    called: 'tap,id=network-0,fds=5:6',
  },
  {
    ...{ option: '-netdev', asked: 'tap,id=network-0,fd=5,vhost=on,vhostfd=3', accel: 'tcg' },
    called: 'tap,id=network-0,fd=5',
  },
  { option: '-realtime', asked: 'mlock=off', called: { '2.11': 'mlock=off', '7.2': null } },
  {
    ...{ option: '-fsdev', asked: 'local,id=extra-9p-hyperShared,path=/run/a b,security_model=none' },
    called: {
      '2.11': 'local,id=extra-9p-hyperShared,path=/run/a b,security_model=none',
      '5.0': 'local,id=extra-9p-hyperShared,path=/run/a b,security_model=none,multidevs=remap',
    },
  },
];

function expectedOf({ called }: Row, version: Version): string | null {
  if (typeof called === 'string') return called;
  const known = ALL.slice(0, ALL.indexOf(version) + 1).findLast((each) => each in called);
  assert.ok(known, version);
  return called[known] ?? null;
}

for (const row of ROWS)
  for (const accel of row.accel ? [row.accel] : (['kvm', 'tcg'] as const)) {
    const { option, asked, arch = 'amd64' } = row;
    test(`QEMU by ${accel} for ${arch} that is asked for ${option} ${asked} is called as its version takes it`, async (t) => {
      for (const version of ALL) {
        const expected = expectedOf(row, version);
        const words = ['-m', '512', option, asked, '-vga', 'none'];
        assert.deepEqual(
          await called(t, { version, accel, arch, words }),
          ['-m', '512', ...(expected === null ? [] : [option, expected]), '-vga', 'none'],
          version,
        );
      }
    });
  }

test('every rule says where it is from, and has a row in which it changes something', () => {
  for (const { option, accel, arch = 'amd64', because } of RULES) {
    const own = ROWS.filter((row) => row.option === option && (row.arch ?? 'amd64') === arch);
    const rows = own.filter((row) => (row.accel ?? accel) === (accel ?? row.accel));
    assert.ok(
      rows.some((row) => ALL.some((version) => expectedOf(row, version) !== row.asked)),
      because,
    );
    assert.match(because, /\w/);
  }
});

const ODD = ['', ' ', 'a  b', 'two\nlines\n', "it's", '"', '\\n', '$HOME', '`id`', '*', '-n', 'é'];

for (const accel of ['kvm', 'tcg'] as const)
  test(`words by ${accel} that no rule is about stay as they are`, async (t) => {
    const words = ['-append', ...ODD.flatMap((word) => ['-odd', word]), ''];
    assert.deepEqual(await called(t, { version: '7.2', accel, words }), words);
  });

test('QEMU that is called without words gets none', async (t) => {
  assert.deepEqual(await called(t, { version: '7.2', accel: 'tcg', words: [] }), []);
});

const INITRD = '/opt/guest/initrd';
const POD = ['-name', 'pod-0123,debug-threads=on', '-m', '512'];
const NETWORKED = [...POD, '-netdev', 'tap,id=network-0,fds=3'];
const OTHER = ['-netdev', 'user,id=network-0', '-machine', 'none', '-name', 'check', '-append', 'pod-0123'];

test('initrd is for the machines of pods alone', async (t) => {
  const how = { version: '7.2', accel: 'kvm', initrd: INITRD } as const;
  assert.deepEqual(await called(t, { ...how, words: POD }), [...POD, '-initrd', INITRD]);
  assert.deepEqual(await called(t, { ...how, words: OTHER }), OTHER);
});

/** The links of a pod's network, as `ip` prints them; those that have an address. */
const LINKS = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000
3: eth0@if12: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master ccbr0 state UP mode DEFAULT group default
4: tap0_kata: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq master ccbr0 state UNKNOWN mode DEFAULT group default
5: ccbr0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default
6: net1@if13: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master ccbr1 state UP mode DEFAULT group default
7: alone@if14: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default
`;

/** `ip`, `bridge` and `sysctl` that write down how they are called. */
async function network(t: Lasting, links: string): Promise<{ bin: string; ran: () => Promise<string> }> {
  const bin = await tempFolder(t);
  const log = join(bin, 'log');
  await writeFile(join(bin, 'links'), links);
  const ip = `case "$*" in
  '-o link show') cat '${bin}/links' ;;
  '-o -4 address show dev '*) case $6 in tap*) ;; *) echo "3: $6    inet 10.244.0.7/24 scope global $6" ;; esac ;;
  *) echo "ip $*" >>'${log}' ;;
esac`;
  await program(bin, 'ip', ip);
  for (const name of ['bridge', 'sysctl']) await program(bin, name, `echo "${name} $*" >>'${log}'`);
  return { bin, ran: async () => (existsSync(log) ? readFile(log, 'utf8') : '') };
}

const BRIDGED = { version: '7.2', accel: 'tcg', network: NETWORKS.bridged.script! } as const; // it has one

test('ports of bridges that have an address keep it, answer for it no more and teach the bridge nothing, before a pod starts', async (t) => {
  const { bin, ran } = await network(t, LINKS);
  const words = await called(t, { ...BRIDGED, bin, words: NETWORKED, initrd: INITRD });
  assert.deepEqual(words, [...NETWORKED, '-initrd', INITRD]);
  assert.equal(
    await ran(),
    `sysctl -qw net.ipv4.conf.all.arp_ignore=8
bridge link set dev eth0 learning off
sysctl -qw net.ipv4.conf.all.arp_ignore=8
bridge link set dev net1 learning off
`,
  );
});

test('network without bridges is left as it is', async (t) => {
  const { bin, ran } = await network(t, LINKS.replaceAll(/ master \w+/g, ''));
  assert.deepEqual(await called(t, { ...BRIDGED, bin, words: NETWORKED }), NETWORKED);
  assert.equal(await ran(), '');
});

test('network is left as it is for a machine that has none, such as one that is only to boot', async (t) => {
  const { bin, ran } = await network(t, LINKS);
  const words = await called(t, { ...BRIDGED, bin, words: POD, initrd: INITRD });
  assert.deepEqual(words, [...POD, '-initrd', INITRD]);
  assert.equal(await ran(), '');
});

test('network is left as it is for what is no machine of a pod', async (t) => {
  const { bin, ran } = await network(t, LINKS);
  assert.deepEqual(await called(t, { ...BRIDGED, bin, words: OTHER }), OTHER);
  assert.equal(await ran(), '');
});

test('no machine starts in a network that cannot be prepared', async (t) => {
  const { bin } = await network(t, LINKS);
  await program(bin, 'bridge', 'echo "bridge: not permitted" >&2; exit 1');
  await assert.rejects(called(t, { ...BRIDGED, bin, words: NETWORKED }), {
    code: 1,
    stdout: '',
    stderr: 'bridge: not permitted\n',
  });
});

test('QEMU that is missing is told by what the shell says of it', async (t) => {
  const file = await program(
    await tempFolder(t),
    'adapter',
    adapted({ qemu: '/nowhere/qemu', accel: 'tcg' }),
  );
  await assert.rejects(run('sh', [file, ...POD]), { code: 127 });
});

/** What a host is told to be good for: each line by what was found, and the recipe that fits. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { Command } from '../../core/model/command.ts';
import { told } from '../../plugins/virtualization/advice.ts';
import { type Booted, DEVICES, type Facts, facts, LOOK, TIMED } from '../../plugins/virtualization/look.ts';
import { PLATFORMS } from '../../plugins/virtualization/nested.ts';
import { virtualization } from '../../plugins/virtualization.ts';
import { KVM, lookAll } from '../../plugins/vm/preflight.ts';
import { laws } from '../rig/laws.ts';
import { paperView } from '../rig/view.ts';
import { script } from './tools.ts';

const boot = (milliseconds: number): Booted => ({ milliseconds, reached: true, last: 'rebooting' });
const silent: Booted = { milliseconds: 20_000, reached: false, last: 'qemu: killed' };

const METAL: Facts = {
  ...{ arch: 'x86_64', processor: 'GenuineIntel', flag: 'vmx', firmware: 'Dell Inc. R740', guest: '' },
  ...{ nested: 'N', cgroups: '2', qemu: '/usr/bin/qemu-system-x86_64', kernel: '/boot/vmlinuz', wrong: {} },
  ...{ kvm: boot(830), tcg: null },
};
const NO_KVM = { ...METAL, flag: '', nested: '', wrong: { kvm: 'there is no /dev/kvm' }, kvm: null };
const ALL = 'devices: tun, vhost-net, vhost-vsock, macvtap, tcfilter';
const BARE = 'bare metal, as far as can be seen: turn VT-x on in the firmware, then modprobe kvm_intel';

const HOSTS: Readonly<Record<string, readonly [Facts, readonly string[]]>> = {
  'on which KVM boots a kernel': [
    METAL,
    [
      'processor: GenuineIntel with vmx',
      'KVM: works: a kernel booted in 0.8 s',
      "guests of this host cannot run virtual machines (nested=N): echo 'options kvm_intel nested=1' >/etc/modprobe.d/kvm.conf; modprobe -r kvm_intel; modprobe kvm_intel",
      ALL,
      'cgroups: version 2',
      'fits: kata: each pod in a virtual machine by KVM',
    ],
  ],
  'without KVM, which emulates': [
    { ...NO_KVM, tcg: boot(3000) },
    [
      'processor: GenuineIntel, which shows neither vmx nor svm',
      'KVM: no: there is no /dev/kvm',
      'emulation (TCG): works: a kernel booted in 3.0 s, so a pod takes about 12 s more to start than without a machine',
      BARE,
      ALL,
      'cgroups: version 2',
      'fits: lab-vm, for trying out: each pod in an emulated machine, on a throw-away host on this one',
    ],
  ],
  'with a /dev/kvm that starts nothing': [
    { ...METAL, kvm: silent, tcg: boot(3000), wrong: { 'vhost-net': 'there is no /dev/vhost-net' } },
    [
      'processor: GenuineIntel with vmx',
      'KVM: does not work: there is /dev/kvm, and no kernel boots; the last word: qemu: killed',
      'emulation (TCG): works: a kernel booted in 3.0 s, so a pod takes about 12 s more to start than without a machine',
      BARE,
      'devices: tun, vhost-vsock, macvtap, tcfilter; not there: vhost-net (there is no /dev/vhost-net)',
      'cgroups: version 2',
      'fits: lab-vm, for trying out: each pod in an emulated machine, on a throw-away host on this one',
    ],
  ],
  'without QEMU and a kernel': [
    { ...METAL, qemu: '', kernel: '', kvm: null },
    [
      'processor: GenuineIntel with vmx',
      'KVM: there is /dev/kvm, and nobody can tell whether it works: apt-get install -y qemu-system-x86 linux-image-amd64',
      'emulation (TCG): not tried: apt-get install -y qemu-system-x86 linux-image-amd64',
      BARE,
      ALL,
      'cgroups: version 2',
      'fits: lab-vm, for trying out: each pod in an emulated machine, on a throw-away host on this one, once QEMU has shown that it works',
    ],
  ],
  'on which nothing boots': [
    { ...NO_KVM, processor: 'AuthenticAMD', tcg: { ...silent, last: '' } },
    [
      'processor: AuthenticAMD, which shows neither vmx nor svm',
      'KVM: no: there is no /dev/kvm',
      'emulation (TCG): does not work; the last word: nothing',
      'bare metal, as far as can be seen: turn SVM on in the firmware, then modprobe kvm_amd',
      ALL,
      'cgroups: version 2',
      'fits: lab and the recipes without machines: pods share the kernel of their node',
    ],
  ],
};

for (const [name, [found, lines]] of Object.entries(HOSTS)) {
  test(`host ${name} is told so, line by line`, () => assert.deepEqual(told(found), lines));
}

/** The last line, by what is otherwise than on METAL. */
const FITS: readonly (readonly [Partial<Facts>, fits: string])[] = [
  [
    { cgroups: '1' },
    'clear-containers, of 2018, for labs: each pod in a virtual machine by KVM; kata takes cgroups of version 2',
  ],
  [
    { cgroups: '1', processor: 'AuthenticAMD' },
    'kata, once there is cgroups of version 2: each pod in a virtual machine by KVM',
  ],
  [
    { wrong: { 'vhost-vsock': 'no', tun: 'no', macvtap: 'no' } },
    'kata, once there is tun, vhost-vsock: each pod in a virtual machine by KVM',
  ],
  [
    { arch: 'aarch64', kvm: null, tcg: boot(3000) },
    'lab and the recipes without machines: pods share the kernel of their node',
  ],
];

for (const [change, fits] of FITS) {
  test(`recipe for a host with ${JSON.stringify(change)} is told: ${fits}`, () =>
    assert.equal(told({ ...METAL, ...change }).at(-1), `fits: ${fits}`));
}

test('processor of ARM is told by its name, and its packages are its own', () => {
  const bare = { ...NO_KVM, arch: 'aarch64', processor: '', qemu: '', kernel: '' };
  const [processor, , emulation] = told(bare);
  assert.equal(processor, 'processor: aarch64, which shows neither vmx nor svm');
  assert.equal(emulation, 'emulation (TCG): not tried: apt-get install -y qemu-system-arm linux-image-arm64');
});

/** What the firmware of guests and systemd say of them. */
const GUESTS: readonly (readonly [firmware: string, guest: string, platform: string])[] = [
  ['Amazon EC2 m5.large Amazon EC2', 'amazon', 'Amazon EC2'],
  ['Google Google Compute Engine', 'google', 'Google Compute Engine'],
  ['Microsoft Corporation Virtual Machine 7783-7084-3265-9085-8269-3286-77', 'microsoft', 'Azure'],
  ['Microsoft Corporation Virtual Machine 4821-1234', 'microsoft', 'Hyper-V'],
  ['VMware, Inc. VMware7,1 No Asset Tag', 'vmware', 'VMware'],
  ['innotek GmbH VirtualBox', 'oracle', 'VirtualBox'],
  ['QEMU Standard PC (Q35 + ICH9, 2009)', 'kvm', 'KVM (Proxmox, libvirt, QEMU)'],
  ['', 'kvm', 'KVM (Proxmox, libvirt, QEMU)'],
];

for (const [firmware, guest, name] of GUESTS) {
  test(`guest of ${name} is told how to see and to switch on what it lacks (${firmware || 'no firmware'})`, () => {
    const platform = PLATFORMS.find((each) => each.name === name)!; // each of these is in the table
    assert.deepEqual(told({ ...NO_KVM, firmware, guest, tcg: boot(3000) }).slice(3, 6), [
      `nested virtualisation: this host is a guest of ${name}`,
      `  to see: ${platform.see}`,
      `  to switch on: ${platform.on}`,
    ]);
  });
}

test('bare metal of a cloud, and a guest that nobody knows, are told what they are', () => {
  const metal = told({ ...NO_KVM, firmware: 'Amazon EC2 m5.metal Amazon EC2', tcg: boot(3000) });
  assert.equal(metal[3], BARE);
  const unknown = told({ ...NO_KVM, firmware: '', guest: 'xen', tcg: boot(3000) });
  assert.match(unknown[3] ?? '', /^nested virtualisation: this host is a guest \(xen\): ask whoever runs it/);
});

test('host that can do all is told of no guests where its module says nothing of them', () => {
  assert.equal(told({ ...METAL, nested: '' }).length, 5);
  assert.equal(told({ ...METAL, nested: 'Y' })[2], 'guests of this host can run virtual machines (nested=Y)');
});

const SAID = [
  ...['arch: x86_64', 'processor: GenuineIntel', 'flag: vmx', 'firmware: Dell Inc. R740 ', 'nested: N'],
  ...['cgroups: 2', 'qemu: /usr/bin/qemu-system-x86_64', 'kernel: /boot/vmlinuz', ''],
].join('\n');

/** A host whose looks and boots say this; the boots that were tried are noted. */
function host(wrong: string, kvm: string, said = SAID) {
  const tried: string[] = [];
  const read = async ({ argv }: Command) => {
    if (argv.includes(LOOK)) return said;
    if (!argv.includes(TIMED)) return wrong;
    const accel = argv.includes('q35,accel=kvm') ? 'kvm' : 'tcg';
    tried.push(accel);
    return accel === 'kvm' ? kvm : '3000\nyes\nrebooting\n';
  };
  return { view: { ...paperView(), read }, tried };
}

test('facts are what the looks say, and emulation is not tried where KVM boots', async () => {
  const { view, tried } = host('', '830\nyes\nrebooting\n');
  assert.deepEqual([await facts(view), tried], [METAL, ['kvm']]);
});

test('emulation is tried where KVM is not there, or boots nothing', async () => {
  const none = host('kvm\tthere is no /dev/kvm\n', '');
  const { kvm, tcg, wrong } = await facts(none.view);
  assert.deepEqual(
    [kvm, tcg, wrong, none.tried],
    [null, boot(3000), { kvm: 'there is no /dev/kvm' }, ['tcg']],
  );
  const dead = host('', '20000\nno\nqemu: killed\n');
  assert.deepEqual(
    [(await facts(dead.view)).kvm, (await facts(dead.view)).tcg, dead.tried],
    [silent, boot(3000), ['kvm', 'tcg', 'kvm', 'tcg']],
  );
});

test('nothing is booted where QEMU or a kernel is missing', async () => {
  const { view, tried } = host('', '', SAID.replace(/^qemu.*\n/m, ''));
  const { kvm, tcg, qemu } = await facts(view);
  assert.deepEqual([kvm, tcg, qemu, tried], [null, null, '', []]);
});

test('looks at this very host end well, and name what it has', async () => {
  const run = async (text: string) => (await promisify(execFile)('sh', ['-c', text, 'cc'])).stdout;
  assert.match(await run(LOOK), /^arch: \S+\nprocessor: .*\nflag: .*\n(.*\n)*cgroups: [12]\n/);
  assert.doesNotMatch(await run(lookAll(DEVICES)), /not found/);
});

test('boot that was timed says its milliseconds, whether it came far enough, and its last line', async () => {
  const timed = async (boot: string) =>
    (await promisify(execFile)('sh', ['-c', TIMED, 'cc', boot, 'far', '1', 'qemu'])).stdout
      .split('\n')
      .slice(1);
  assert.deepEqual(await timed('echo not; echo "it is far: $2"; echo; echo " "'), [
    'yes',
    'it is far: qemu',
    '',
  ]);
  assert.deepEqual(await timed('echo near; exit 3'), ['no', 'near', '']);
  assert.deepEqual(await timed('true'), ['no', '']);
});

laws(
  'virtualization',
  { plugins: [virtualization()] },
  {
    kept: ['host'],
    reads: () => [
      [script(lookAll([KVM, ...DEVICES])), ''],
      [script(LOOK), SAID],
      [script(TIMED), '830\nyes\nrebooting\n'],
    ],
  },
);

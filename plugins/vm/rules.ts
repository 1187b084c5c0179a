/**
 * What QEMU no longer takes of the words that the runtimes of 2018 to 2020 have for it, or cannot do without KVM. This table is
 * the one place that knows; `adapter.ts` makes a script of it.
 */
import type { Arch } from '../../core/mod.ts';
import type { Accel } from './boot.ts';

export interface Rule {
  /** The option whose value is changed. */
  readonly option: string;
  /** `sed -E` on the value; `drop` takes the option away, with its value. */
  readonly edit: { readonly sed: string } | 'drop';
  /** Versions of QEMU that it is for; default: all. */
  readonly since?: `${number}.${number}`;
  /** Default: both. */
  readonly accel?: Accel;
  /** Default: each. */
  readonly arch?: Arch;
  /** What QEMU would do, and where that is written. */
  readonly because: string;
}

/** A switch that once needed no value. */
const spelt = (key: string): Rule => ({
  option: '-machine',
  edit: { sed: `s/,${key}(,|$)/,${key}=on\\1/` },
  because: `"Expected '=' after parameter '${key}'": util/keyval.c since 6.0`,
});

export const RULES: readonly Rule[] = [
  spelt('kernel_irqchip'),
  spelt('nvdimm'),
  {
    option: '-machine',
    edit: { sed: 's/accel=kvm/accel=tcg/; s/,kernel_irqchip=[^,]*//' },
    accel: 'tcg',
    because: 'runtimes ask for KVM by a constant: virtcontainers/qemu_amd64.go',
  },
  {
    option: '-cpu',
    edit: { sed: 's/.*/max/' },
    accel: 'tcg',
    because: '"CPU model \'host\' requires KVM": target/i386/cpu.c',
  },
  {
    option: '-cpu',
    edit: { sed: 's/$/,la57=off/' },
    accel: 'tcg',
    arch: 'amd64',
    because:
      'a fifth level of page tables is one more look-up for each address; other processors do not know the name',
  },
  {
    option: '-smp',
    edit: { sed: 's/,sockets=[0-9]+//' },
    because: '"product of the hierarchy must match maxcpus": hw/core/machine-smp.c since 6.2, with KVM too',
  },
  {
    option: '-smp',
    edit: { sed: '/^[1-8],/ s/maxcpus=[0-9]{2,}/maxcpus=8/' },
    accel: 'tcg',
    because: 'each processor that could be added costs time at start: a second for 240',
  },
  {
    option: '-netdev',
    edit: { sed: 's/,vhost=on//; s/,vhostfds?=[^,]*//' },
    accel: 'tcg',
    because: 'vhost runs in the kernel beside KVM, and a host without one may lack it',
  },
  {
    option: '-realtime',
    edit: 'drop',
    since: '6.0',
    because:
      'removed in 6.0: docs/about/removed-features.rst; memory is not locked unless -overcommit says so',
  },
  {
    option: '-fsdev',
    edit: { sed: 's/$/,multidevs=remap/' },
    since: '4.2',
    because: '"9p: Multiple devices detected in same VirtFS export": hw/9pfs/9p.c, where a pod has volumes',
  },
];

/** The QEMU that runs the guests of Clear Containers: which one, and what brings it onto a host. */
import { packages, type Step, unpacked } from '../../core/mod.ts';
import { release } from '../capabilities.ts';
import { ADAPTER, type Adapted, adapter, QEMU } from '../vm/adapter.ts';

/** Programs of the archive look for their firmware below it, so it can be nowhere else. */
const KATA = '/opt/kata';
const VERSION = '1.12.1';
/** Packed by release/kata-deploy-binaries.sh of its packaging; upstream publishes no digests. */
const ARCHIVE = `https://github.com/kata-containers/runtime/releases/download/${VERSION}/kata-static-${VERSION}-x86_64.tar.xz`;

export interface Emulator {
  /** What the runtime calls. */
  readonly path: string;
  /** What runs then. */
  readonly program: string;
  readonly steps: readonly Step[];
}

/**
 * cc-runtime gives a guest its image as an NVDIMM, which QEMU has since 2.6 (its docs/nvdimm.txt). The qemu-lite of 2018 is
 * published no more; where the distribution's is older, as in Ubuntu 16.04, the static one of Kata Containers stands in.
 */
export function emulator(qemu: string, how: Omit<Adapted, 'qemu'>): Emulator {
  const adapted = (program: string, before: readonly Step[] = []): Emulator => ({
    path: ADAPTER,
    program,
    steps: [...before, adapter({ qemu: program, ...how })],
  });
  const { program, package: name } = QEMU.amd64;
  if (qemu === 'distribution') return adapted(`/usr/bin/${program}`, [packages([name], { needs: [] })]);
  if (qemu === 'kata') return adapted(`${KATA}/bin/${program}`, fromKata(program));
  return adapted(qemu);
}

function fromKata(program: string): readonly Step[] {
  return [
    packages(['xz-utils'], { needs: [] }),
    unpacked(release('kata-static', ARCHIVE), {
      name: 'kata-static',
      path: KATA,
      strip: 3, // ./opt/kata
      marker: `bin/${program}`,
      needs: ['clear-containers/packages'],
    }),
  ];
}

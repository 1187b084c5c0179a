/** What differs between releases of Kata Containers: names of archives, and what stands where in them. */
import type { Artifact } from '../../core/mod.ts';
import { atLeast, release } from '../capabilities.ts';

export type Hypervisor = 'qemu' | 'clh' | 'dragonball';

/** Programs and configuration name each other by paths below it, so an archive can be nowhere else. */
export const HOME = '/opt/kata';

const RELEASES = 'https://github.com/kata-containers/kata-containers/releases/download';

/** The first release whose configuration can be added to by files beside it: src/runtime/README.md of 2.5.0. */
export const OLDEST = '2.5.0';
/** From here on the shim in Rust is the one that upstream means by default. */
export const RUST = '4.0.0';

/**
 * Upstream publishes no digests. Names are those of .github/workflows/main.yaml (3.1.3), release.yaml (3.2.0) and
 * tools/packaging/release/release.sh (3.21.0, 4.1.0). From 4.1.0 on the shim in Go is in an archive of its own,
 * `kata-go-static`, which is not needed here.
 */
export function archiveName(version: string, arch: string): string {
  if (!atLeast(version, '3.2.0')) return `kata-static-${version}-x86_64.tar.xz`;
  return `kata-static-${version}-${arch}.tar.${atLeast(version, '3.21.0') ? 'zst' : 'xz'}`;
}

export function archive(version: string, arch: string): Artifact {
  return release('kata', `${RELEASES}/${version}/${archiveName(version, arch)}`);
}

/** The Debian package that unpacks the archive. */
export function unpacker(version: string): string {
  return atLeast(version, '3.21.0') ? 'zstd' : 'xz-utils';
}

export interface Layout {
  /** Relative to the home, as an archive has it. */
  readonly shim: string;
  readonly configFolder: string;
  readonly configFile: string;
}

/** Paths: tools/packaging/kata-deploy/binary/src/artifacts/install.rs, src/runtime{,-rs}/config of the release. */
export function layoutOf(version: string, hypervisor: Hypervisor): Layout {
  const defaults = `${HOME}/share/defaults/kata-containers`;
  if (!atLeast(version, RUST)) {
    const shim = 'bin/containerd-shim-kata-v2';
    return { shim, configFolder: defaults, configFile: `configuration-${hypervisor}.toml` };
  }
  const suffix = hypervisor === 'dragonball' ? '' : '-runtime-rs';
  return {
    shim: 'runtime-rs/bin/containerd-shim-kata-v2',
    configFolder: `${defaults}/runtime-rs`,
    configFile: `configuration-${hypervisor}${suffix}.toml`,
  };
}

/** Why a release cannot run pods by a hypervisor on such hosts; undefined when it can. */
export function mistake(version: string, hypervisor: Hypervisor, arch: string): string | undefined {
  if (!atLeast(version, OLDEST)) return `expected ${OLDEST} or later, found ${version}`;
  if (arch !== 'amd64' && !atLeast(version, '3.2.0'))
    return `expected 3.2.0 or later for ${arch}, found ${version}`;
  // 4.0.0 came without its configuration: kata-containers#13485.
  if (hypervisor === 'dragonball' && !atLeast(version, '4.1.0'))
    return `expected 4.1.0 or later for dragonball, found ${version}`;
  return undefined;
}

/** As upstream measures it: tools/packaging/kata-deploy/helm-chart/kata-deploy/templates/runtimeclasses.yaml. */
export const OVERHEAD: Readonly<Record<Hypervisor, { readonly cpu: string; readonly memory: string }>> = {
  qemu: { cpu: '250m', memory: '320Mi' },
  clh: { cpu: '250m', memory: '130Mi' },
  dragonball: { cpu: '250m', memory: '130Mi' },
};

/** What each release keeps while pods run. */
export function stateFolders(version: string): readonly string[] {
  return atLeast(version, RUST) ? ['/run/kata', '/run/kata-containers'] : ['/run/vc', '/run/kata-containers'];
}

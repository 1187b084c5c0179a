/** What kind of machine a host is, as far as cc can work there; asked once. */
import type { Arch } from '../model/artifact.ts';
import { fail } from '../model/failure.ts';
import type { Host } from '../model/plugin.ts';
import type { Platform } from '../model/view.ts';
import type { Transport } from './transport.ts';

const ARCHES: Readonly<Record<string, Arch>> = { x86_64: 'amd64', aarch64: 'arm64' };

/** Fails where cc cannot work: not Linux, or a processor that nothing is built for. */
export async function platformOf(transport: Transport): Promise<Platform> {
  const { host } = transport;
  const { os, machine, release } = await transport.about();
  const arch = ARCHES[machine];
  if (os !== 'Linux' || !arch) {
    return fail({
      kind: 'wrong-platform',
      host,
      expected: 'Linux on x86_64 or aarch64',
      found: `${os} on ${machine}`,
    });
  }
  const value = (key: string) => new RegExp(`^${key}="?([^"\n]*)"?$`, 'm').exec(release)?.[1] ?? '';
  return { os: 'linux', arch, distro: `${value('ID')} ${value('VERSION_ID')}`.trim() };
}

/** Fails where a host has another processor than the recipe says: what is fetched for it would not run there. */
export function asDeclared({ name, arch }: Pick<Host, 'name' | 'arch'>, platform: Platform): Platform {
  if (arch === undefined || arch === platform.arch) return platform;
  return fail({
    kind: 'wrong-platform',
    host: name,
    expected: arch,
    found: platform.arch,
    fix: `if it is the right host, say so in the recipe: { name: '${name}', arch: '${platform.arch}', … }`,
  });
}

/** What kind of machine a host is, and who cc is there; asked once. */
import type { Arch } from '../model/artifact.ts';
import { fail } from '../model/failure.ts';
import type { Platform } from '../model/view.ts';
import type { Transport } from './transport.ts';

const ARCHES: Readonly<Record<string, Arch>> = { x86_64: 'amd64', aarch64: 'arm64' };

export interface Nature {
  readonly platform: Platform;
  /** Whom cc is there: `root`, or a user who may become root. */
  readonly user: string;
}

const ASK = 'uname -s -m; id -u -n; cat /etc/os-release';

async function asked(transport: Transport): Promise<string> {
  return (await transport.exec(['sh', '-c', ASK])).stdout;
}

/** Fails where cc cannot work: not Linux, or a processor that nothing is built for. */
export async function natureOf(transport: Transport): Promise<Nature> {
  const { host } = transport;
  const said = await (transport.about?.() ?? asked(transport));
  const [kernel = '', user = '', ...release] = said.split('\n');
  const [os = '', machine = ''] = kernel.split(' ');
  const arch = ARCHES[machine];
  if (os !== 'Linux' || !arch) {
    return fail({
      kind: 'wrong-platform',
      host,
      expected: 'Linux on x86_64 or aarch64',
      found: kernel || 'unknown',
    });
  }
  const value = (key: string) =>
    new RegExp(`^${key}="?([^"\n]*)"?$`, 'm').exec(release.join('\n'))?.[1] ?? '';
  return { platform: { os: 'linux', arch, distro: `${value('ID')} ${value('VERSION_ID')}`.trim() }, user };
}

/** The OCI runtime that starts containers: one program, placed by digest. */
import { placed, plugin, v } from '../core/mod.ts';
import { From, ociRuntime, release, Version } from './capabilities.ts';
import { debianArchive } from './debian.ts';

const RELEASES = 'https://github.com/opencontainers/runc/releases/download';

export const runc = plugin({
  name: 'runc',
  help: 'places the OCI runtime runc',
  options: v.strictObject({
    from: From,
    version: v.optional(Version, '1.4.3'),
    suite: v.optional(v.string(), 'bookworm'),
    bin: v.optional(v.string(), '/usr/local/sbin'),
  }),
  provides: [ociRuntime],
  build: ({ from, version, suite, bin }, { arch, use }) => {
    const path = `${bin}/runc`;
    const artifact =
      from === 'debian'
        ? use(debianArchive).deb('runc', { package: 'runc', suite, member: 'usr/sbin/runc' })
        : release('runc', `${RELEASES}/v${version}/runc.${arch}`);
    return { provides: [ociRuntime.of({ path })], steps: [placed(artifact, { path, needs: [] })] };
  },
});

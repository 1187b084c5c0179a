/** The OCI runtime that starts containers: one program, placed by digest. */
import { type Artifact, type Context, placed, plugin, type Step, type Sums, v } from '../core/mod.ts';
import {
  atLeast,
  Commit,
  From,
  goToolchain,
  ociRuntime,
  refuseForeign,
  release,
  tree,
  Version,
} from './capabilities.ts';
import { debianArchive } from './debian.ts';
import { compiled, compilers, outputOf } from './golang/compile.ts';
import { KEYS } from './runc/keys.ts';

const RELEASES = 'https://github.com/opencontainers/runc/releases/download';

export const runc = plugin({
  name: 'runc',
  help: 'places the OCI runtime runc',
  options: v.strictObject({
    from: From,
    version: v.optional(Version, '1.4.3'),
    /** Build the tree of this commit instead. */
    commit: v.optional(Commit),
    suite: v.optional(v.string(), 'bookworm'),
    bin: v.optional(v.string(), '/usr/local/sbin'),
  }),
  provides: [ociRuntime],
  build: ({ from, version, commit, suite, bin }, context) => {
    const path = `${bin}/runc`;
    if (commit !== undefined) refuseForeign(context, { commit: 'it calls C, so take a release' });
    else if (from === 'debian') refuseForeign(context, { from: 'take a release' });
    const made = commit === undefined ? [] : built(version, commit, suite, context);
    const program =
      commit === undefined ? published(from, version, suite, context) : outcome(version, context);
    return {
      provides: [ociRuntime.of({ path })],
      steps: [...made, placed(program, { path, needs: [] })],
    };
  },
});

function published(
  from: 'release' | 'debian',
  version: string,
  suite: string,
  { arch, use }: Context,
): Artifact {
  if (from === 'debian')
    return use(debianArchive).deb('runc', { package: 'runc', suite, member: 'usr/sbin/runc' });
  return release('runc', `${RELEASES}/v${version}/runc.${arch}`, sumsOf(version));
}

/**
 * The list is clear-signed since there is one, which the first release candidates did not have. Before 1.1.5 it was signed with
 * keys that its makers have revoked or dropped since.
 */
function sumsOf(version: string): Sums | undefined {
  if (/-rc[1-4]$/.test(version)) return undefined;
  const url = `${RELEASES}/v${version}/runc.sha256sum`;
  return atLeast(version, '1.1.5') ? { url, signedBy: KEYS } : { url };
}

function folderOf(version: string, { cache }: Context): string {
  return `${cache}/runc/${version}`;
}

function outcome(version: string, context: Context): Artifact {
  const path = outputOf(folderOf(version, context), 'runc');
  return { name: 'runc', source: { kind: 'built', by: 'runc/compile', path } };
}

/** In GOPATH mode, which all its versions up to 1.0 are made for; the version is a variable until 1.1 embeds a file. */
function built(version: string, commit: string, suite: string, context: Context): readonly Step[] {
  const { use } = context;
  const gopath = 'github.com/opencontainers/runc';
  const library = 'libseccomp-dev';
  return [
    compilers(),
    compiled({
      toolchain: use(goToolchain),
      source: tree('runc-source', 'opencontainers/runc', commit, `v${version}`),
      gopath,
      packages: ['.'],
      tags: ['seccomp', 'netgo', 'osusergo'],
      variables: { 'main.version': version, 'main.gitCommit': commit },
      libraries: [use(debianArchive).deb(library, { package: library, suite })],
      needs: ['go-toolchain', 'runc/tools'],
      folder: folderOf(version, context),
    }),
  ];
}

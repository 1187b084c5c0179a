/** CRI-O's programs: its makers' static bundle, or built from source for versions that have none. */
import { type Artifact, type Context, placed, type Step, unpacked } from '../../core/mod.ts';
import { atLeast, goToolchain, release, tree } from '../capabilities.ts';
import { debianArchive } from '../debian.ts';
import { compiled, compilers, outputOf } from '../golang/compile.ts';
import { minorOf } from '../kubernetes/versions.ts';
import { BUILDABLE, treeOf } from './build.ts';

/** https://github.com/cri-o/packaging: the bundle of a tag, and the file beside it. */
const BUNDLES = 'https://storage.googleapis.com/cri-o/artifacts';
/** The script `get` there: who signs bundles, since they are made there. */
const MAKERS = {
  identity: 'https://github.com/cri-o/packaging/.github/workflows/obs.yml@refs/heads/main',
  issuer: 'https://token.actions.githubusercontent.com',
};
const SIGNED = '1.29.0';
const OWN = '/opt/cc/crio';
/** Where what was built is placed. */
const HOME = '/usr/local/bin';

/** What the rest needs to know of where the programs are. */
export interface Programs {
  readonly steps: readonly Step[];
  readonly home: string;
  readonly conmon: string;
  /** A profile that this version wants as a file; later ones have it built in. */
  readonly seccomp?: string;
  /** Takes images into the storage; the bundle has none. */
  readonly copyimg?: string;
}

export function fromBundle(version: string, { arch, refuse }: Context): Programs {
  if (Number(version.split('.')[1]) < 22)
    refuse('commit', `is needed: CRI-O ${version} has no bundle with a checksum, and is built from source`);
  const url = `${BUNDLES}/cri-o.${arch}.v${version}.tar.gz`;
  const sigstore = atLeast(version, SIGNED) ? { ...MAKERS, files: { bundle: `${url}.bundle` } } : undefined;
  const bundle = release('cri-o', url, `${url}.sha256sum`, sigstore);
  return {
    steps: [unpacked(bundle, { name: 'programs', path: OWN, strip: 1, marker: 'bin/crio', needs: [] })],
    home: `${OWN}/bin`,
    conmon: `${OWN}/bin/conmon`,
  };
}

export function fromSource(
  version: string,
  commit: string,
  suite: string,
  { cache, use, refuse }: Context,
): Programs {
  const minor = minorOf(version);
  if (!BUILDABLE.includes(minor)) refuse('commit', `can be built of ${BUILDABLE.join(' and ')}`);
  const archive = use(debianArchive);
  const at = `${cache}/crio/${version}`;
  const source = treeOf(minor, commit, archive, suite);
  const compile = compiled({
    ...source,
    toolchain: use(goToolchain),
    source: tree('cri-o-source', 'cri-o/cri-o', commit, `v${version}`),
    needs: ['go-toolchain', 'crio/tools'],
    folder: at,
  });
  const built = (name: string): Artifact => ({
    name,
    source: { kind: 'built', by: 'crio/compile', path: outputOf(at, name) },
  });
  const others = source.others?.map(({ name }) => name) ?? [];
  const own = others.includes('conmon');
  const conmon = own
    ? built('conmon')
    : archive.deb('conmon', { package: 'conmon', suite, member: 'usr/bin/conmon' });
  const copyimg = source.packages.includes('./test/copyimg') ? 'copyimg' : undefined;
  const programs = ['crio', ...(copyimg ? [copyimg] : []), ...others.filter((name) => name === 'pinns')];
  const seccomp = '/etc/crio/seccomp.json';
  return {
    steps: [
      compilers(),
      compile,
      ...programs.map((name) => placed(built(name), { path: `${HOME}/${name}`, needs: [] })),
      placed(conmon, { name: 'conmon', path: `${HOME}/conmon`, needs: [] }),
      ...(others.includes('seccomp.json')
        ? [placed(built('seccomp.json'), { name: 'seccomp', path: seccomp, mode: 0o644, needs: [] })]
        : []),
    ],
    home: HOME,
    conmon: `${HOME}/conmon`,
    ...(copyimg === undefined ? {} : { copyimg: `${HOME}/${copyimg}` }),
    ...(others.includes('seccomp.json') ? { seccomp } : {}),
  };
}

/** One version of Kubernetes: its node programs placed, its control plane as images or as programs to make them from. */
import { type Artifact, placed, plugin, v } from '../core/mod.ts';
import {
  foreignTo,
  goToolchain,
  kubernetesRelease,
  refuseSeveral,
  release,
  Version,
} from './capabilities.ts';
import { debianArchive } from './debian.ts';
import { BUILDABLE, compiled, NODE_PROGRAMS, outputOf, PLANE_PROGRAMS } from './kubernetes/build.ts';
import { pauseImage, UPSTREAM } from './kubernetes/image-names.ts';
import { isKnown, MINORS, minorOf, since } from './kubernetes/versions.ts';

/** The same places for all versions: https://kubernetes.io/releases/download/ */
const RELEASES = 'https://dl.k8s.io/release';

export const kubernetes = plugin({
  name: 'kubernetes',
  help: 'kubeadm, kubelet and kubectl, from the official release or built from source',
  options: v.strictObject({
    version: v.pipe(
      Version,
      v.check(
        isKnown,
        ({ input }) =>
          `expected a version from ${MINORS.at(0)} to ${MINORS.at(-1)}, as 1.20.2, found "${input}"`,
      ),
    ),
    from: v.optional(v.picklist(['release', 'source']), 'release'),
    /** Where nodes take images from; kubeadm's own default is gone for versions before 1.25. */
    imageRepository: v.optional(v.string(), UPSTREAM),
    bin: v.optional(v.string(), '/usr/local/bin'),
    /** For `from: 'source'`: the Debian source package that holds the tree, and what the programs say of themselves. */
    source: v.exactOptional(v.strictObject({ package: v.string(), suite: v.string() })),
    commit: v.exactOptional(v.string()),
    date: v.exactOptional(v.string()),
    /** Go build tags; `providerless` leaves the cloud providers out, upstream's own tag. */
    tags: v.exactOptional(v.array(v.string())),
    /** Keeps what the compiler made (1.5 GB), so that another version of the same tree has only to be linked. */
    keepCompiled: v.exactOptional(v.boolean()),
  }),
  provides: [kubernetesRelease],
  build: ({ version, from, imageRepository, bin, ...building }, context) => {
    const { arch, controllerArch, cache, image, use, refuse } = context;
    const other = foreignTo(context);
    const folder = `${cache}/kubernetes/${[version, ...(other ? [other] : [])].join('-')}`;
    if (from === 'release')
      for (const option of Object.keys(building)) refuse(option, 'is only for what is built: from: "source"');
    if (from === 'source' && !BUILDABLE.includes(minorOf(version)))
      refuse('version', `cannot be built: there is source of ${BUILDABLE.join(', ')} only`);
    if (!since('manifestLists', version)) refuseSeveral(context, '1.12');
    const made = (name: string): Artifact => ({
      name,
      source: { kind: 'built', by: 'kubernetes/compile', path: outputOf(folder, name) },
    });
    const program = from === 'source' ? made : (name: string) => published(name, version, arch);
    const compile = () => {
      const { source = TREE, commit = 'unknown', date = '1970-01-01T00:00:00Z', tags = [] } = building;
      const kept = building.keepCompiled === true ? `${cache}/kubernetes/compiled` : undefined;
      return compiled({
        ...{ version, arch, controllerArch, commit, date, tags, folder, kept },
        source: use(debianArchive).source('kubernetes-source', source),
        goroot: use(goToolchain).root,
        go: 'go-toolchain',
      });
    };
    const names = [...PLANE_PROGRAMS, 'pause'];
    // What is built here is in no registry, and runtimes of the time before lists were not asked whether they take digests.
    const pause = pauseImage(version, imageRepository, arch);
    return {
      provides: [
        kubernetesRelease.of({
          ...{ version, imageRepository, bin },
          pauseImage: from === 'release' && since('manifestLists', version) ? image(pause) : pause,
          programs: from === 'source' ? Object.fromEntries(names.map((name) => [name, made(name)])) : {},
        }),
      ],
      steps: [
        ...(from === 'source' ? [compile()] : []),
        ...NODE_PROGRAMS.map((name) => placed(program(name), { path: `${bin}/${name}`, needs: [] })),
      ],
    };
  },
});

/** The one tree in Debian's archive. */
const TREE = { package: 'kubernetes', suite: 'bookworm' };

function published(name: string, version: string, arch: string): Artifact {
  const url = `${RELEASES}/v${version}/bin/linux/${arch}/${name}`;
  const files = { signature: `${url}.sig`, certificate: `${url}.cert` };
  return release(
    name,
    url,
    since('sums', version) ? `${url}.sha256` : undefined,
    since('signed', version) ? { ...MAKERS, files } : undefined,
  );
}

/** https://kubernetes.io/docs/tasks/administer-cluster/verify-signed-artifacts/ */
const MAKERS = {
  identity: 'krel-staging@k8s-releng-prod.iam.gserviceaccount.com',
  issuer: 'https://accounts.google.com',
};

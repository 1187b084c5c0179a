/** One version of Kubernetes: its node programs placed, its control plane as images or as programs to make them from. */
import { type Artifact, placed, plugin, v } from '../core/mod.ts';
import { goToolchain, kubernetesRelease, release, Version } from './capabilities.ts';
import { debianArchive } from './debian.ts';
import { compiled, NODE_PROGRAMS, outputOf, PLANE_PROGRAMS } from './kubernetes/build.ts';
import { eraOf, isKnown, MINORS } from './kubernetes/versions.ts';

export const kubernetes = plugin({
  name: 'kubernetes',
  help: 'kubeadm, kubelet and kubectl, from the official release or built from source',
  options: v.strictObject({
    version: v.pipe(Version, v.check(isKnown, `expected a version of ${MINORS.join(', ')}`)),
    from: v.optional(v.picklist(['release', 'source']), 'release'),
    imageRepository: v.optional(v.string(), 'registry.k8s.io'),
    bin: v.optional(v.string(), '/usr/local/bin'),
    /** For `from: 'source'`: the Debian source package that holds the tree, and what the programs say of themselves. */
    source: v.optional(v.strictObject({ package: v.string(), suite: v.string() }), {
      package: 'kubernetes',
      suite: 'bookworm',
    }),
    commit: v.optional(v.string(), 'unknown'),
    date: v.optional(v.string(), '1970-01-01T00:00:00Z'),
    /** Go build tags; `providerless` leaves the cloud providers out, upstream's own tag. */
    tags: v.optional(v.array(v.string()), []),
  }),
  provides: [kubernetesRelease],
  build: ({ version, from, imageRepository, bin, source, commit, date, tags }, { arch, cache, use }) => {
    const folder = `${cache}/kubernetes/${version}`;
    const made = (name: string): Artifact => ({
      name,
      source: { kind: 'built', by: 'kubernetes/compile', path: outputOf(folder, name) },
    });
    const published = (name: string) =>
      release(name, `https://dl.k8s.io/release/v${version}/bin/linux/${arch}/${name}`);
    const program = from === 'source' ? made : published;
    const compile = () =>
      compiled({
        ...{ version, arch, commit, date, tags, folder },
        source: use(debianArchive).source('kubernetes-source', source),
        goroot: use(goToolchain).root,
        go: 'go-toolchain',
      });
    const names = [...PLANE_PROGRAMS, 'pause'];
    return {
      provides: [
        kubernetesRelease.of({
          version,
          imageRepository,
          pauseImage: `${imageRepository}/pause:${eraOf(version).pause}`,
          bin,
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

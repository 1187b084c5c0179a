/** crictl, by which people and kubeadm talk to a container runtime: a release of it, or built from source. */
import { placed, plugin, unpacked, v, written } from '../core/mod.ts';
import {
  Commit,
  criClient,
  foreignTo,
  goToolchain,
  kubernetesRelease,
  release,
  tree,
  Version,
} from './capabilities.ts';
import { compiled, outputOf } from './golang/compile.ts';
import { eraOf } from './kubernetes/versions.ts';

const RELEASES = 'https://github.com/kubernetes-sigs/cri-tools/releases/download';
/** Of cc's own, since the archive is unpacked there as a whole. */
const OWN = '/opt/cc/cri-tools';

export const criTools = plugin({
  name: 'cri-tools',
  help: 'places crictl, the command line of container runtimes',
  options: v.strictObject({
    /** Default: the one of Kubernetes' minor; another may not speak the language of its runtimes. */
    version: v.optional(Version),
    /** Build the tree of this commit instead of taking the release. */
    commit: v.optional(Commit),
    bin: v.optional(v.string(), '/usr/local/bin'),
  }),
  provides: [criClient],
  build: ({ commit, bin, ...given }, context) => {
    const { arch, cache, use } = context;
    const version = given.version ?? eraOf(use(kubernetesRelease).version).crictl;
    if (commit === undefined) return released(version, bin, arch);
    const other = foreignTo(context);
    const folder = `${cache}/cri-tools/${[version, ...(other ? [other] : [])].join('-')}`;
    const path = `${bin}/crictl`;
    const source = tree('cri-tools-source', 'kubernetes-sigs/cri-tools', commit, `v${version}`);
    return {
      provides: [criClient.of({ crictl: path, endpoint: endpointOf(version) })],
      steps: [
        compiled({
          toolchain: use(goToolchain),
          source,
          // Before modules it was imported from the place where it began.
          ...(version.startsWith('0.') || version.startsWith('1.0.') ? { gopath: OLD } : {}),
          packages: ['./cmd/crictl'],
          arch: other,
          variables: { 'github.com/kubernetes-sigs/cri-tools/pkg/version.Version': `v${version}` },
          needs: ['go-toolchain'],
          folder,
        }),
        placed(
          {
            name: 'crictl',
            source: { kind: 'built', by: 'cri-tools/compile', path: outputOf(folder, 'crictl') },
          },
          { path, needs: [] },
        ),
      ],
    };
  },
});

/** In a folder of its own, with a word on the PATH, where kubeadm looks for it. */
function released(version: string, bin: string, arch: string) {
  const file = `crictl-v${version}-linux-${arch}.tar.gz`;
  const url = `${RELEASES}/v${version}/${file}`;
  const script = `#!/bin/sh\nexec ${OWN}/crictl "$@"\n`;
  return {
    provides: [criClient.of({ crictl: `${OWN}/crictl`, endpoint: endpointOf(version) })],
    steps: [
      unpacked(release('crictl', url, `${url}.sha256`), {
        name: 'release',
        path: OWN,
        marker: 'crictl',
        needs: [],
      }),
      written(script, { name: 'crictl', path: `${bin}/crictl`, mode: 0o755, needs: [] }),
    ],
  };
}

/** As URLs since v1.0.0-alpha.1 (cmd/crictl/main.go). */
function endpointOf(version: string): (socket: string) => string {
  const first = version.startsWith('0.') || version === '1.0.0-alpha.0';
  return (socket) => (first ? socket.replace(/^unix:\/\//, '') : socket);
}

const OLD = 'github.com/kubernetes-incubator/cri-tools';

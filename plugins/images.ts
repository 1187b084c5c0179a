/** Container images made on the controller, from Debian and from what was built there, and taken in by every node. */
import { type Artifact, built, cmd, packages, plugin, v } from '../core/mod.ts';
import { cri, kubernetesRelease, nodeImages, refuseForeign } from './capabilities.ts';
import { bootstrap, type Debian, debianArchive } from './debian.ts';
import { loaded } from './images/load.ts';
import { type Image, packed, TAR } from './images/pack.ts';
import { eraOf } from './kubernetes/versions.ts';

/** The system below etcd, kube-proxy, nginx and the smoke test's client: one layer for all of them. */
const BASE_PACKAGES = [
  'nginx-light',
  'etcd-server',
  'etcd-client',
  'iptables',
  'conntrack',
  'curl',
  'ca-certificates',
];
const ROOTS = '/var/lib/cc/roots';

export const images = plugin({
  name: 'images',
  help: 'makes the images of the control plane and of the smoke test, and loads them on every node',
  options: v.strictObject({ suite: v.optional(v.string(), 'bookworm') }),
  provides: [nodeImages],
  build: ({ suite }, context) => {
    const { cache, use, recipe, refuse } = context;
    refuseForeign(context, { suite: 'let nodes pull images instead, without this plugin' });
    const archive = use(debianArchive);
    const { version, imageRepository, pauseImage, programs } = use(kubernetesRelease);
    const era = eraOf(version);
    const runtime = use(cri);
    const root = `${ROOTS}/${recipe.key}-images-${suite}`;
    const base = `${root}.tar`;
    const plane = Object.entries(programs).map(
      ([name, program]): Image => ({
        ref: name === 'pause' ? pauseImage : `${imageRepository}/${name}:v${version}`,
        ...(name === 'kube-proxy' ? { base } : {}),
        program,
        entrypoint: [`/usr/local/bin/${name}`],
      }),
    );
    const nginx = `${imageRepository}/nginx:${suite}`;
    const client = `${imageRepository}/client:${suite}`;
    const all: readonly Image[] = [
      ...plane,
      { ref: `${imageRepository}/etcd:${era.etcd}`, base, entrypoint: ['/usr/bin/etcd'] },
      { ref: nginx, base, entrypoint: ['/usr/sbin/nginx', '-g', 'daemon off;'] },
      { ref: client, base, entrypoint: ['/usr/bin/sleep', 'infinity'] },
    ];
    const file = `${cache}/images/${version}.tar`;
    const bundle: Artifact = { name: 'images', source: { kind: 'built', by: 'images/archive', path: file } };
    const refs = all.map(({ ref }) => ref);
    const take =
      runtime.importImages ??
      refuse('suite', 'is no use: the container runtime of this recipe cannot take in images');
    return {
      provides: [nodeImages.of({ nginx, client })],
      steps: [
        packages(['mmdebstrap'], { name: 'tools', where: 'controller', needs: [] }),
        baseLayer(root, suite, archive),
        packed({ file, images: all, needs: ['images/base'] }),
        ...loaded('images', bundle, refs, { runtime, take }),
      ],
    };
  },
});

/**
 * Folders that no program of the images reads: documentation, translations, Perl and what packages are installed by. They would be
 * a third of the layer, and two of three files that every node unpacks. Patterns of tar.
 */
const NEEDLESS = [
  ...['usr/share/doc', 'usr/share/man', 'usr/share/locale', 'usr/share/i18n', 'usr/share/zoneinfo'],
  ...['usr/share/perl', 'usr/lib/*/perl', 'usr/lib/*/perl-base', 'usr/lib/*/gconv'],
  ...['var/lib/apt/lists', 'var/lib/dpkg/info', 'var/cache/apt', 'var/cache/debconf', 'dev'],
];

function baseLayer(root: string, suite: string, archive: Debian) {
  const sources = archive.sources(suite);
  return built({
    name: 'base',
    where: 'controller',
    needs: ['images/tools'],
    artifacts: [archive.system(`images-${suite}`, { packages: BASE_PACKAGES, suite })],
    outputs: [`${root}.tar`],
    make: [
      cmd`rm -rf --one-file-system ${root} ${root}.tar`,
      cmd`mkdir -p -m 0700 ${ROOTS}`,
      bootstrap(root, { suite, sources, packages: BASE_PACKAGES }),
      cmd`${TAR} --file=${root}.tar --directory=${root} ${NEEDLESS.map((path) => `--exclude=./${path}/*`)} .`,
      cmd`rm -rf --one-file-system ${root}`,
    ],
  });
}

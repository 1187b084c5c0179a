/** Container images made on the controller, from Debian and from what was built there, and taken in by every node. */
import {
  type Artifact,
  built,
  type Command,
  cmd,
  fail,
  packages,
  plugin,
  type Script,
  type Shell,
  step,
  type View,
  v,
} from '../core/mod.ts';
import { cri, kubernetesRelease, nodeImages, refuseForeign } from './capabilities.ts';
import { bootstrap, type Debian, debianArchive } from './debian.ts';
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

interface Image {
  readonly ref: string;
  /** Whether it stands on the base layer. */
  readonly base: boolean;
  readonly program?: Artifact;
  readonly entrypoint: readonly string[];
}

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
    const plane = Object.entries(programs).map(
      ([name, program]): Image => ({
        ref: name === 'pause' ? pauseImage : `${imageRepository}/${name}:v${version}`,
        base: name === 'kube-proxy',
        program,
        entrypoint: [`/usr/local/bin/${name}`],
      }),
    );
    const nginx = `${imageRepository}/nginx:${suite}`;
    const client = `${imageRepository}/client:${suite}`;
    const all: readonly Image[] = [
      ...plane,
      { ref: `${imageRepository}/etcd:${era.etcd}`, base: true, entrypoint: ['/usr/bin/etcd'] },
      { ref: nginx, base: true, entrypoint: ['/usr/sbin/nginx', '-g', 'daemon off;'] },
      { ref: client, base: true, entrypoint: ['/usr/bin/sleep', 'infinity'] },
    ];
    const root = `${ROOTS}/${recipe.key}-images-${suite}`;
    const file = `${cache}/images/${version}.tar`;
    const bundle: Artifact = { name: 'images', source: { kind: 'built', by: 'images/archive', path: file } };
    return {
      provides: [nodeImages.of({ nginx, client })],
      steps: [
        packages(['mmdebstrap'], { name: 'tools', where: 'controller', needs: [] }),
        baseLayer(root, suite, archive),
        built({
          name: 'archive',
          where: 'controller',
          needs: ['images/base'],
          artifacts: plane.flatMap(({ program }) => program ?? []),
          outputs: [file],
          inputs: all.map(({ ref, base, entrypoint }) => ({ ref, base, entrypoint })),
          make: {
            title: `pack ${all.length} images into ${file}`,
            script: packing(all, `${root}.tar`, file),
          },
        }),
        loaded(
          bundle,
          all.map(({ ref }) => ref),
          runtime.listImages,
          runtime.importImages ??
            refuse('suite', 'is no use: the container runtime of this recipe cannot take in images'),
        ),
      ],
    };
  },
});

/** Documentation and what only serves translation would double the layer. */
const NEEDLESS = [
  'usr/share/doc',
  'usr/share/man',
  'usr/share/locale',
  'usr/share/i18n',
  'var/lib/apt/lists',
  'var/cache/apt',
  'dev',
];

/** A tar whose bytes depend on nothing but its content. */
const TAR = cmd`tar --create --sort=name --format=gnu --mtime=@0 --numeric-owner`.argv;

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

/**
 * Packs a docker-archive: `manifest.json`, a configuration for each image, each layer once
 * (https://github.com/moby/docker-image-spec, v1.2).
 */
function packing(all: readonly Image[], base: string, file: string): Script {
  return async (shell) => {
    const folder = `${file}.d`;
    await shell.run(cmd`rm -rf ${folder} ${file}`);
    await shell.run(cmd`mkdir -p ${folder}`);
    const shared = await layer(
      shell,
      folder,
      async (path) => void (await shell.run(cmd`cp --reflink=auto ${base} ${path}`)),
    );
    const manifest = [];
    for (const image of all) {
      const own = image.program ? [await programLayer(shell, folder, image.program)] : [];
      const layers = [...(image.base ? [shared] : []), ...own];
      const config = JSON.stringify({
        ...{ architecture: shell.view.platform.arch, os: 'linux', created: '1970-01-01T00:00:00Z' },
        config: {
          Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
          WorkingDir: '/',
          Entrypoint: image.entrypoint,
        },
        rootfs: { type: 'layers', diff_ids: layers.map((digest) => `sha256:${digest}`) },
      });
      const name = await stored(shell, folder, config);
      manifest.push({ Config: name, RepoTags: [image.ref], Layers: layers.map((digest) => `${digest}.tar`) });
    }
    await shell.run({ ...cmd`tee ${folder}/manifest.json`, input: JSON.stringify(manifest) });
    await shell.run(cmd`${TAR} --file=${file}.part --directory=${folder} --owner=0 --group=0 .`);
    await shell.run(cmd`rm -rf ${folder}`);
    await shell.run(cmd`mv ${file}.part ${file}`);
    return undefined;
  };
}

/** Makes a layer and names it by its digest. */
async function layer(shell: Shell, folder: string, make: (path: string) => Promise<void>): Promise<string> {
  const path = `${folder}/layer`;
  await make(path);
  const digest = (await shell.run(cmd`sha256sum ${path}`)).slice(0, 64);
  await shell.run(cmd`mv ${path} ${folder}/${digest}.tar`);
  return digest;
}

function programLayer(shell: Shell, folder: string, program: Artifact): Promise<string> {
  const { source } = program;
  if (source.kind !== 'built') throw new Error(`${program.name} is not built here`);
  const name = source.path.slice(source.path.lastIndexOf('/') + 1);
  return layer(shell, folder, async (path) => {
    await shell.run(
      cmd`${TAR} --file=${path} --absolute-names --owner=0 --group=0 --mode=0755 --transform=s,.*,usr/local/bin/${name}, ${program}`,
    );
  });
}

async function stored(shell: Shell, folder: string, text: string): Promise<string> {
  await shell.run({ ...cmd`tee ${folder}/config`, input: text });
  const name = `${(await shell.run(cmd`sha256sum ${folder}/config`)).slice(0, 64)}.json`;
  await shell.run(cmd`mv ${folder}/config ${folder}/${name}`);
  return name;
}

/** Where the runtime's program is not there yet, nothing is loaded; one that fails has told nothing. */
async function listed(view: View, list: Command): Promise<readonly string[]> {
  const { code, stdout, stderr } = await view.result(list);
  if (code === 0) return stdout.split('\n');
  if (code === NOT_FOUND) return [];
  const why = stderr.trim() || `it exited ${code}`;
  return fail({
    kind: 'cannot-tell',
    host: view.name,
    what: 'ask the container runtime for its images',
    why,
  });
}

/** What a shell, and cc, says of a program that is not there. */
const NOT_FOUND = 127;

type Loaded = { missing: readonly string[]; archive: string | null };

/** Every node has the images; which bytes they came from is remembered with the stamp. */
function loaded(bundle: Artifact, refs: readonly string[], list: Command, take: Command) {
  return step<Loaded>({
    name: 'loaded',
    needs: ['cri'],
    artifacts: [bundle],
    inputs: { refs },
    probe: async (view) => {
      const there = await listed(view, list);
      return { missing: refs.filter((ref) => !there.includes(ref)), archive: view.locked(bundle) ?? null };
    },
    plan: ({ missing, archive }, last) => {
      const before = last.facts as Loaded | undefined; // what this step's own probe found
      if (missing.length === 0 && (last.current || before?.archive === archive)) return [];
      const why =
        missing.length > 0
          ? `${missing.join(', ')} not loaded`
          : before
            ? 'the images come from another archive'
            : last.why;
      return [{ kind: 'run', command: { ...take, input: bundle }, why }];
    },
  });
}

/** Images packed into one archive on the controller, from programs that were built there. */
import { type Artifact, built, cmd, type Need, type Script, type Shell } from '../../core/mod.ts';

export interface Image {
  readonly ref: string;
  /** A layer below its program: a tar archive, of which the image's archive has one copy. */
  readonly base?: string;
  readonly program?: Artifact;
  readonly entrypoint: readonly string[];
}

/** A tar whose bytes depend on nothing but its content. */
export const TAR = cmd`tar --create --sort=name --format=gnu --mtime=@0 --numeric-owner`.argv;

export interface Packing {
  /** The archive. */
  readonly file: string;
  readonly images: readonly Image[];
  readonly needs: readonly Need[];
}

/** The archive is made anew where a program, or what an image says of itself, differs. */
export function packed({ file, images, needs }: Packing) {
  return built({
    name: 'archive',
    where: 'controller',
    needs,
    artifacts: images.flatMap(({ program }) => program ?? []),
    outputs: [file],
    inputs: images.map(({ ref, base, entrypoint }) => ({ ref, base: base !== undefined, entrypoint })),
    make: {
      title: `pack ${images.length} image${images.length === 1 ? '' : 's'} into ${file}`,
      script: packing(images, file),
    },
  });
}

/**
 * Packs a docker-archive: `manifest.json`, a configuration for each image, each layer once
 * (https://github.com/moby/docker-image-spec, v1.2).
 */
function packing(all: readonly Image[], file: string): Script {
  return async (shell) => {
    const folder = `${file}.d`;
    await shell.run(cmd`rm -rf ${folder} ${file}`);
    await shell.run(cmd`mkdir -p ${folder}`);
    const shared = new Map<string, string>();
    for (const base of new Set(all.flatMap(({ base }) => base ?? [])))
      shared.set(base, await baseLayer(shell, folder, base));
    const manifest = [];
    for (const image of all) {
      const own = image.program ? [await programLayer(shell, folder, image.program)] : [];
      const layers = [...(image.base === undefined ? [] : [shared.get(image.base)!]), ...own]; // all were made above
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

function baseLayer(shell: Shell, folder: string, base: string): Promise<string> {
  return layer(shell, folder, async (path) => void (await shell.run(cmd`cp --reflink=auto ${base} ${path}`)));
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

/** The programs of Clear Containers 3.0.21: built from their makers' trees, or from where a site has them. */
import {
  type Artifact,
  built,
  type Command,
  type Context,
  cmd,
  packages,
  type Step,
} from '../../core/mod.ts';
import { goToolchain, refuseForeign, release, tree } from '../capabilities.ts';
import type { Debian } from '../debian.ts';
import { compiled, outputOf, type Place } from '../golang/compile.ts';

const VERSION = '3.0.21';
const IMPORT = 'github.com/clearcontainers';
const COMMITS = {
  runtime: '532740cc7cb859b33e7a80cfb250fbe2fd1e5899',
  proxy: '2d500edc813034b4a59a57bad72d55a36cc2e0da',
  shim: 'c8f732c99484e947f18cf29ab0d3d26e3e6bfbfe',
  /** That of the guest image which 3.0.21 names in its versions.txt; it has no tag. */
  agent: '6f6e9ecd8aded0783c31968b304a9d6589114363',
} as const;

/** Where a site has the three programs of the host. */
export interface Urls {
  readonly runtime: string;
  readonly proxy: string;
  readonly shim: string;
}

export interface Programs {
  readonly runtime: Artifact;
  readonly proxy: Artifact;
  readonly shim: Artifact;
  /** What makes them, on the controller. */
  readonly steps: readonly Step[];
}

export function published(urls: Urls): Programs {
  return {
    runtime: release('cc-runtime', urls.runtime),
    proxy: release('cc-proxy', urls.proxy),
    shim: release('cc-shim', urls.shim),
    steps: [],
  };
}

/** What all builds have in common. */
interface Workshop {
  readonly cache: string;
  readonly toolchain: { readonly root: string; readonly version: string };
}

type Program = keyof typeof COMMITS;

function folderOf(cache: string, program: Program): string {
  return `${cache}/clear-containers/${program}`;
}

function made(cache: string, program: Program): Artifact {
  return {
    name: `cc-${program}`,
    source: {
      kind: 'built',
      by: `clear-containers/${program}`,
      path: outputOf(folderOf(cache, program), program),
    },
  };
}

function sourceOf(program: Program): Artifact {
  const commit = COMMITS[program];
  if (program !== 'agent') return tree(`cc-${program}-source`, `clearcontainers/${program}`, commit, VERSION);
  const repository = `https://${IMPORT}/agent`;
  return { name: 'cc-agent-source', source: { kind: 'git', repository, commit, ref: 'refs/heads/master' } };
}

/** What any of the builds needs on the controller. */
export function tools(): Step {
  return packages(['gcc', 'libc6-dev', 'make'], { name: 'tools', where: 'controller', needs: [] });
}

/** The programs of the hosts, linked statically. */
export function fromSource(context: Context): Programs {
  const { cache, use } = context;
  refuseForeign(context, { programs: 'say by URL where yours are' });
  const workshop = { cache, toolchain: use(goToolchain) };
  return {
    runtime: made(cache, 'runtime'),
    proxy: made(cache, 'proxy'),
    shim: made(cache, 'shim'),
    steps: [
      goProgram(workshop, 'runtime', { libraries: [], tags: ['netgo', 'osusergo'], before: constants }),
      goProgram(workshop, 'proxy', {
        variables: { 'main.DefaultSocketPath': SOCKET, 'main.Version': `${VERSION}-${COMMITS.proxy}` },
      }),
      shim(cache),
    ],
  };
}

const SOCKET = '/var/run/clear-containers/proxy.sock';

function goProgram(
  { cache, toolchain }: Workshop,
  program: Program,
  more: Pick<Parameters<typeof compiled>[0], 'libraries' | 'system' | 'tags' | 'variables' | 'before'>,
): Step {
  return compiled({
    name: program,
    toolchain,
    source: sourceOf(program),
    gopath: `${IMPORT}/${program}`,
    packages: ['.'],
    needs: ['go-toolchain', 'clear-containers/tools'],
    folder: folderOf(cache, program),
    ...more,
  });
}

/** Where everything is, the runtime has as constants; its own Makefile writes them, for a build of a system. */
function constants({ tree }: Place): readonly Command[] {
  const set = ['CC_SYSTEM_BUILD=yes', 'ARCH=amd64', 'distro=debian', `COMMIT=${COMMITS.runtime}`];
  return [{ ...cmd`make --silent config-generated.go ${set}`, cwd: tree }];
}

/** Its few files in C need nothing of what autotools find out. */
function shim(cache: string): Step {
  const folder = folderOf(cache, 'shim');
  const output = outputOf(folder, 'shim');
  const source = sourceOf('shim');
  return built({
    name: 'shim',
    where: 'controller',
    root: false,
    needs: ['clear-containers/tools'],
    artifacts: [source],
    outputs: [output],
    make: [
      cmd`rm -rf ${folder}`,
      cmd`mkdir -p ${folder}/tree ${folder}/bin`,
      cmd`tar -x -C ${folder}/tree -f ${source}`,
      {
        ...cmd`sh -c ${COMPILE_SHIM} cc ${output} ${VERSION} ${COMMITS.shim}`,
        cwd: `${folder}/tree`,
        title: `gcc -static -o ${output} src/*.c`,
      },
      cmd`rm -rf ${folder}/tree`,
    ],
  });
}

/** COMPILE_SHIM OUTPUT VERSION COMMIT: with the words of its configure.ac and Makefile.am. */
const COMPILE_SHIM = `set -eu
printf '#define PACKAGE_NAME "shim"\\n#define PACKAGE_VERSION "%s"\\n' "$2" >config.h
exec gcc -std=gnu99 -O2 -static -Wl,--build-id=none -D_GNU_SOURCE -DHAVE_CONFIG_H -I. -Isrc \\
  -DGIT_COMMIT="\\"$3\\"" -DSHIM_NAME='"cc-shim"' -o "$1" src/*.c`;

/** The process of a guest that makes containers; it is linked with what the guest has. */
export function agent({ cache, use }: Context, archive: Debian, suite: string): readonly [Artifact, Step] {
  const part = (name: string) => archive.deb(name, { package: name, suite });
  const system = ['libc6', 'libc6-dev', 'linux-libc-dev', 'libudev1', 'libudev-dev'].map(part);
  const step = goProgram({ cache, toolchain: use(goToolchain) }, 'agent', {
    system,
    variables: { 'main.Version': COMMITS.agent },
  });
  return [made(cache, 'agent'), step];
}

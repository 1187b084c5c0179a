/** Programs compiled from a tree of Go sources that holds all it needs: nothing is fetched while compiling. */
import { type Arch, type Artifact, built, type Command, cmd, type Need, packages } from '../../core/mod.ts';

export interface GoBuild {
  /** Of the step, where a plugin has several; default `compile`. */
  readonly name?: string;
  readonly toolchain: { readonly root: string; readonly version: string };
  /** A tar archive of the tree, without a leading folder. */
  readonly source: Artifact;
  /** The import path of a tree from before modules. */
  readonly gopath?: string;
  /** Trees that belong into its vendor folder and are not in it, by import path. */
  readonly vendored?: Readonly<Record<string, Artifact>>;
  readonly packages: readonly string[];
  /** The processor to build for, where it is not the controller's; not for trees that call C. */
  readonly arch?: Arch | undefined;
  readonly tags?: readonly string[];
  /** Variables to set, as `-X` takes them. */
  readonly variables?: Readonly<Record<string, string>>;
  /** For trees that call C: Debian packages with the static libraries, which are unpacked and not installed. */
  readonly libraries?: readonly Artifact[];
  /**
   * For trees that call C of a library which Debian has no static form of: packages with the C library and all others of the
   * system that the program is made for. It is linked with these dynamically, whatever the controller has.
   */
  readonly system?: readonly Artifact[];
  /** What is done to the tree before it is compiled. */
  readonly before?: (place: Place) => readonly Command[];
  /** Files that the tree and the commands after the compiler make beside the programs, in the folder of the outputs. */
  readonly others?: readonly { readonly name: string; readonly make: (place: Place) => Command }[];
  readonly needs: readonly Need[];
  /** The folder to build in; cc's own. */
  readonly folder: string;
}

/** Where a build happens. */
export interface Place {
  readonly tree: string;
  /** Where Debian packages of libraries are unpacked. */
  readonly libraries: string;
  readonly bin: string;
}

/** What compiles and links C for trees that call it. */
export function compilers() {
  return packages(['gcc', 'libc6-dev'], { name: 'tools', where: 'controller', needs: [] });
}

/** The name of the program that a package is compiled to. */
function programOf(path: string, { gopath = '' }: GoBuild): string {
  const whole = path === '.' ? gopath : path;
  return whole.slice(whole.lastIndexOf('/') + 1);
}

export function outputOf(folder: string, name: string): string {
  return `${folder}/bin/${name}`;
}

/** What a build leaves that nobody needs. */
const SCRATCH = ['gopath', 'tree', 'gocache', 'tmp', 'libraries', 'pkg-config'];

/** Programs are linked statically, so that they run on any host; the same inputs give the same bytes in every folder. */
export function compiled(build: GoBuild) {
  const {
    name = 'compile',
    source,
    vendored = {},
    packages: paths,
    others = [],
    before,
    needs,
    folder,
  } = build;
  const place = placeOf(build);
  const libraries = build.libraries ?? build.system ?? [];
  const names = paths.map((path) => programOf(path, build));
  return built({
    name,
    where: 'controller',
    root: false,
    needs,
    timeout: 1800,
    artifacts: [source, ...Object.values(vendored), ...libraries],
    outputs: [...names, ...others.map(({ name }) => name)].map((name) => outputOf(folder, name)),
    make: [
      cmd`rm -rf ${folder}`,
      cmd`mkdir -p ${place.tree} ${place.bin} ${place.libraries} ${folder}/tmp`,
      cmd`tar -x -C ${place.tree} -f ${source}`,
      ...Object.entries(vendored).flatMap(([path, tree]) => beside(`${place.tree}/vendor/${path}`, tree)),
      ...libraries.map((library) => cmd`dpkg-deb --extract ${library} ${place.libraries}`),
      ...(build.libraries
        ? [{ ...cmd`tee ${folder}/pkg-config`, input: PKG_CONFIG }, cmd`chmod 0755 ${folder}/pkg-config`]
        : []),
      ...(before?.(place) ?? []),
      ...paths.map((path, index) => goBuild(build, place, path, outputOf(folder, names[index]!))), // a name for each
      ...others.map(({ make }) => make(place)),
      cmd`rm -rf ${SCRATCH.map((name) => `${folder}/${name}`)}`,
    ],
  });
}

function beside(folder: string, tree: Artifact): readonly Command[] {
  return [cmd`mkdir -p ${folder}`, cmd`tar -x -C ${folder} -f ${tree}`];
}

function placeOf({ gopath, folder }: GoBuild): Place {
  return {
    tree: gopath ? `${folder}/gopath/src/${gopath}` : `${folder}/tree`,
    libraries: `${folder}/libraries`,
    bin: `${folder}/bin`,
  };
}

/** cgo asks for libseccomp by this; where it lies is in CGO_CFLAGS and CGO_LDFLAGS. */
const PKG_CONFIG = `#!/bin/sh
case "$*" in *--libs*) echo -lseccomp ;; esac
`;

function goBuild(build: GoBuild, place: Place, path: string, output: string): Command {
  const { toolchain, tags = [], variables = {} } = build;
  const kind = build.libraries ? '-static ' : '';
  const cgo = build.libraries ?? build.system;
  const linking = cgo ? ` -linkmode external -extldflags "${kind}-Wl,--build-id=none"` : '';
  const stamps = Object.entries(variables).map(([name, value]) => ` -X ${name}=${value}`);
  // Older compilers know neither; their results differ from folder to folder.
  const modern =
    Number(toolchain.version.split('.')[1]) >= 13 ? ['-trimpath', '-gcflags=all=-dwarf=false'] : [];
  const tagged = tags.length > 0 ? ['-tags', tags.join(' ')] : [];
  const flags = [...modern, ...tagged, `-ldflags=-s -w -buildid=${linking}${stamps.join('')}`];
  return {
    ...cmd`${toolchain.root}/bin/go build ${flags} -o ${output} ${path}`,
    cwd: place.tree,
    env: environment(build, place),
  };
}

function environment(build: GoBuild, place: Place): Record<string, string> {
  const { toolchain, gopath, folder, arch } = build;
  return {
    GOROOT: toolchain.root,
    GOPATH: `${folder}/gopath`,
    GOCACHE: `${folder}/gocache`,
    GOTMPDIR: `${folder}/tmp`,
    GOENV: 'off',
    GO111MODULE: gopath ? 'off' : 'on',
    GOFLAGS: gopath ? '' : '-mod=vendor',
    GOPROXY: 'off',
    GOSUMDB: 'off',
    GOGC: 'off',
    HOME: folder,
    ...(arch === undefined ? {} : { GOARCH: arch }),
    ...cgoEnvironment(build, place),
  };
}

function cgoEnvironment({ libraries, system, folder }: GoBuild, place: Place): Record<string, string> {
  const root = place.libraries;
  if (system) {
    const where = `--sysroot=${root}`;
    return { CGO_ENABLED: '1', CC: 'gcc', CGO_CFLAGS: `-O2 ${where}`, CGO_LDFLAGS: where };
  }
  if (!libraries) return { CGO_ENABLED: '0' };
  return {
    CGO_ENABLED: '1',
    CC: 'gcc',
    PKG_CONFIG: `${folder}/pkg-config`,
    CGO_CFLAGS: `-O2 -I${root}/usr/include`,
    // Only the one of this processor is there.
    CGO_LDFLAGS: `-L${root}/usr/lib/x86_64-linux-gnu -L${root}/usr/lib/aarch64-linux-gnu`,
  };
}

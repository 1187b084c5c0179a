/** Building CRI-O from its source tree, by version. */
import { type Artifact, cmd } from '../../core/mod.ts';
import type { Debian } from '../debian.ts';
import type { GoBuild, Place } from '../golang/compile.ts';

/** What there is to know of a minor version's tree. */
interface Tree {
  /** Its import path where it is built without modules: the repository has moved since. */
  readonly gopath?: string;
  /** The variable that holds the commit. */
  readonly stamp: string;
  readonly packages: readonly string[];
  /** Programs in C: their folders, and what they are linked with. */
  readonly c: Readonly<Record<string, { readonly folder: string; readonly flags: string }>>;
  /** Debian packages with the static libraries that its C, and its Go, call. */
  readonly libraries: readonly string[];
  /** Files of the tree without which this version does not start. */
  readonly files: readonly string[];
}

const TREES: Readonly<Record<string, Tree>> = {
  '1.9': {
    gopath: 'github.com/kubernetes-incubator/cri-o',
    stamp: 'main.gitCommit',
    // Its copyimg takes archives of one image alone, which nobody makes.
    packages: ['./cmd/crio'],
    c: { conmon: { folder: 'conmon', flags: '-lglib-2.0 -lpcre2-8 -lpthread -lm' } },
    libraries: ['libseccomp-dev', 'libapparmor-dev', 'libglib2.0-dev', 'libpcre2-dev'],
    files: ['seccomp.json'],
  },
  '1.20': {
    stamp: 'github.com/cri-o/cri-o/internal/version.gitCommit',
    packages: ['./cmd/crio', './test/copyimg'],
    c: { pinns: { folder: 'pinns/src', flags: '' } },
    libraries: ['libseccomp-dev'],
    files: [],
  },
};

/** Minor versions that can be built here. */
export const BUILDABLE = Object.keys(TREES);

/**
 * Without `seccomp` containers would run unconfined, and without cgo CRI-O has no overlay; what else asks for a library of
 * C is left out. openpgp stands in for gpgme; nobody has ostree or the two other storage drivers.
 */
const TAGS = [
  ...['seccomp', 'apparmor', 'selinux'],
  ...['containers_image_ostree_stub', 'containers_image_openpgp'],
  ...['exclude_graphdriver_btrfs', 'exclude_graphdriver_devicemapper'],
  ...['netgo', 'osusergo', 'static_build'],
];

/** requires: a minor version that is `BUILDABLE`. */
export function treeOf(
  minor: string,
  commit: string,
  archive: Debian,
  suite: string,
): Pick<GoBuild, 'gopath' | 'packages' | 'tags' | 'variables' | 'libraries' | 'others'> {
  const { gopath, stamp, packages, c, libraries, files } = TREES[minor]!;
  return {
    ...(gopath === undefined ? {} : { gopath }),
    packages,
    tags: TAGS,
    variables: { [stamp]: commit },
    libraries: libraries.map((name): Artifact => archive.deb(name, { package: name, suite })),
    others: [
      ...Object.entries(c).map(([name, { folder, flags }]) => ({
        name,
        make: ({ tree, libraries, bin }: Place) => ({
          ...cmd`sh -c ${COMPILE_C} cc ${bin}/${name} ${libraries} ${flags}`,
          cwd: `${tree}/${folder}`,
          title: `gcc -static -o ${bin}/${name} ${folder}/*.c`,
        }),
      })),
      ...files.map((name) => ({
        name,
        make: ({ tree, bin }: Place) => cmd`cp ${tree}/${name} ${bin}/${name}`,
      })),
    ],
  };
}

/** COMPILE_C OUTPUT LIBRARIES FLAGS: the compiler says which processor's folder is the one. */
const COMPILE_C = `set -eu
here=$2/usr/lib/$(gcc -print-multiarch)
gcc -std=c99 -Os -static -Wl,--build-id=none -I"$2/usr/include/glib-2.0" -I"$here/glib-2.0/include" -o "$1" *.c -L"$here" $3`;

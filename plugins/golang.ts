/** A Go toolchain of one version on the controller, in a folder of cc's own. */
import { built, cmd, plugin, unpacked, v } from '../core/mod.ts';
import { From, goToolchain, release } from './capabilities.ts';
import { debianArchive } from './debian.ts';

/** Digests of all files of all releases: https://go.dev/dl/ */
const INDEX = 'https://go.dev/dl/?mode=json&include=all';

export const golang = plugin({
  name: 'golang',
  help: 'a Go toolchain for building from source',
  options: v.strictObject({
    from: From,
    /** Of a release `1.26.1`; of Debian the packaged branch: `1.15`. */
    version: v.pipe(v.string(), v.regex(/^\d+\.\d+(\.\d+)?$/, 'expected a version such as 1.24 or 1.24.1')),
    suite: v.optional(v.string(), 'bookworm'),
  }),
  provides: [goToolchain],
  build: ({ from, version, suite }, { controllerArch, cache, use }) => {
    const folder = `${cache}/go/${version}`;
    if (from === 'release') {
      const url = `https://go.dev/dl/go${version}.linux-${controllerArch}.tar.gz`;
      const artifact = release(`go-${version}`, url, INDEX);
      const step = unpacked(artifact, {
        name: 'toolchain',
        path: folder,
        strip: 1,
        marker: 'bin/go',
        where: 'controller',
        root: false,
        needs: [],
      });
      return { provides: [goToolchain.of({ root: folder, version })], steps: [step] };
    }
    const root = `${folder}/usr/lib/go-${version}`;
    const part = (name: string) => use(debianArchive).deb(name, { package: name, suite });
    const [programs, sources] = [part(`golang-${version}-go`), part(`golang-${version}-src`)];
    // The packages link from /usr/lib to /usr/share relatively, so side by side in one folder they fit.
    const step = built({
      name: 'toolchain',
      where: 'controller',
      root: false,
      needs: [],
      artifacts: [programs, sources],
      outputs: [`${root}/bin/go`],
      make: [
        cmd`rm -rf ${folder}`,
        cmd`mkdir -p ${folder}`,
        cmd`dpkg-deb --extract ${programs} ${folder}`,
        cmd`dpkg-deb --extract ${sources} ${folder}`,
      ],
    });
    return { provides: [goToolchain.of({ root, version })], steps: [step] };
  },
});

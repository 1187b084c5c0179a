/** Debian's archive as a source of artifacts: single packages and files of them, of any suite, authenticated by apt. */
import {
  type Arch,
  type Artifact,
  type Command,
  capability,
  cmd,
  packages,
  plugin,
  step,
  type View,
  v,
} from '../core/mod.ts';

export interface Debian {
  /** A package of a suite, or one file of it; for the controller's processor. `follow`: see `Source`. */
  deb(name: string, from: { package: string; suite: string; member?: string; follow?: string }): Artifact;
  /** The upstream tarball of a source package. */
  source(name: string, from: { package: string; suite: string }): Artifact;
  /** Packages with all they need, for tools that install whole systems; a bundle then has them. */
  system(name: string, of: { packages: readonly string[]; suite: string }): Artifact;
  /** A file in the form of `sources.list` that names one suite, for tools that install whole systems. */
  sources(suite: string): string;
}

export const debianArchive = capability<Debian>('debian-archive');

export interface System {
  readonly suite: string;
  /** The file that names its archive. */
  readonly sources: string;
  readonly packages: readonly string[];
  readonly hooks?: readonly string[];
}

/** Makes a small Debian system in a folder that is not there yet; apt reads no configuration of this machine for it. */
export function bootstrap(folder: string, { suite, sources, packages, hooks = [] }: System): Command {
  const options = ['--quiet', '--mode=root', '--variant=minbase', '--dpkgopt=force-unsafe-io'];
  const apt = ['--aptopt=Acquire::Languages "none"', '--aptopt=APT::Sandbox::User "root"'];
  return cmd`mmdebstrap ${options} ${apt} --include=${packages.join(',')} ${hooks} ${suite} ${folder} ${sources}`;
}

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

export const debian = plugin({
  name: 'debian',
  help: "reads Debian's archive through apt with folders of cc's own; the host's apt is left as it is",
  options: v.strictObject({
    /** The archive's address, or the file: URL of a folder; default: what the controller's own apt has. */
    mirror: v.optional(v.pipe(v.string(), v.url())),
    suites: v.optional(v.pipe(v.array(v.string()), v.minLength(1)), ['bookworm']),
  }),
  provides: [debianArchive],
  build: ({ mirror, suites }, { controllerArch: arch, cache }) => {
    const apt = `${cache}/apt`;
    const sources = (suite: string) => `${apt}/${suite}.list`;
    const files = (mirror: string) => [
      {
        path: `${apt}/sources.list`,
        text: suites
          .flatMap((suite) => [line('deb', mirror, suite, arch), line('deb-src', mirror, suite, arch)])
          .join(''),
      },
      ...suites.map((suite) => ({ path: sources(suite), text: line('deb', mirror, suite, arch) })),
    ];
    const need = 'debian/sources';
    const artifact = (name: string, source: Artifact['source']): Artifact => ({
      name,
      source,
      needs: [need],
    });
    return {
      provides: [
        debianArchive.of({
          deb: (name, from) => artifact(name, { kind: 'deb', apt, ...from }),
          source: (name, from) => artifact(name, { kind: 'deb-source', apt, ...from }),
          system: (name, of) => artifact(name, { kind: 'debs', apt, ...of }),
          sources,
        }),
      ],
      steps: [
        packages(['debian-archive-keyring'], { name: 'keyring', where: 'controller', needs: [] }),
        step<{ address: string; wrong: readonly string[] }>({
          name: 'sources',
          where: 'controller',
          root: false,
          needs: ['debian/keyring'],
          inputs: { mirror, suites },
          probe: async (view) => {
            const address =
              (await brought(view, apt)) ??
              mirror?.replace(/^file:(\/\/)?(?=\/)/, 'copy:') ??
              (await known(view, apt)) ??
              (await ask(view));
            const looks = files(address).map(async ({ path, text }) =>
              (await view.text(path)) === text ? [] : [path],
            );
            return { address, wrong: (await Promise.all(looks)).flat() };
          },
          plan: ({ address, wrong }) =>
            files(address)
              .filter(({ path }) => wrong.includes(path))
              .map((file) => ({
                kind: 'write',
                ...file,
                mode: 0o644,
                why: `${file.path} does not name the archive`,
              })),
        }),
      ],
    };
  },
});

/** The excerpt of the archive that a bundle brought. Of folders apt copies files, because a root being made sees none. */
async function brought(view: View, apt: string): Promise<string | undefined> {
  const there = await view.stat(`${apt}/archive/dists`);
  return there && excerpt(apt);
}

function excerpt(apt: string): string {
  return `copy:${apt}/archive`;
}

/** What an earlier run found, unless it is gone: apt takes most of a second to say it again. */
async function known(view: View, apt: string): Promise<string | undefined> {
  const address = /^deb \[[^\]]*\] (\S+) /.exec((await view.text(`${apt}/sources.list`)) ?? '')?.[1];
  return address === excerpt(apt) ? undefined : address;
}

/**
 * The host's archive of Debian's main component, when the host is a Debian, by apt's own reading of its configuration,
 * whatever form that has; security and updates are others.
 */
async function ask(view: View): Promise<string> {
  const format = '$(REPO_URI) $(CREATED_BY) $(RELEASE) $(COMPONENT)';
  const targets = await view.read(cmd`apt-get indextargets --format ${format}`);
  const rows = targets.split('\n').map((line) => line.split(' '));
  const main = rows.find(
    ([, kind, release = '', part]) => kind === 'Packages' && part === 'main' && /^[a-z]+$/.test(release),
  );
  return (view.platform.distro.startsWith('debian') && main?.[0]) || 'http://deb.debian.org/debian';
}

/**
 * What lies in a folder does not become wrong when its index is no longer the newest. Of one processor and of one kind of
 * index, whatever else the host's apt is told to read.
 */
function line(kind: 'deb' | 'deb-src', mirror: string, suite: string, arch: Arch): string {
  const target = kind === 'deb' ? `arch=${arch} target=Packages` : 'target=Sources';
  const dated = mirror.startsWith('copy:') ? ' check-valid-until=no' : '';
  return `${kind} [signed-by=${KEYRING} ${target}${dated}] ${mirror} ${suite} main\n`;
}

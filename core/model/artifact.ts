/** Bytes from elsewhere: where they come from, never what they are; the lock and the store know that. */
import { anyText, list, name, names, optional, type Reader, record, text, variant } from './foreign.ts';
import type { Json } from './json.ts';

export type Arch = 'amd64' | 'arm64';

/** What makers publish of what their releases must be. */
export interface Sums {
  readonly url: string;
  /** Their public keys, armored: sums that none of these has signed are refused. */
  readonly signedBy?: string;
  /** The address of a signature that is apart; without it the sums are clear-signed. */
  readonly signature?: string;
}

/** A signature of Sigstore on a release itself. */
export interface Sigstore {
  /** Whose it is, and who says so, as the certificate has it that it was made with. */
  readonly identity: string;
  readonly issuer: string;
  /** Where it is: as one file with all that proves it, or as two. */
  readonly files: { readonly bundle: string } | { readonly signature: string; readonly certificate: string };
}

/**
 * Where an artifact comes from.
 * - `url`: a release file; its digest must stand in `cc.lock`. `sums` is what its makers publish of what it must be.
 * - `git`: the tree of a commit, as `git archive --format=tar` writes it; the commit says what it must be. `ref` is a tag or
 *   branch that holds it, for servers that do not give out single commits.
 * - `deb`: a Debian package, or one file of it (`member`, a path without leading slash), authenticated by the signed index.
 *   `follow` begins the name of the one that is meant, where `package` only depends on it, as `linux-image-amd64` does on the
 *   newest `linux-image-`. `apt` is a folder of cc's own, so that the host's apt is left alone, with a `sources.list` and a `SUITE.list` for each
 *   suite; these name the folder `archive` beside them where there is one, because a bundle brought it.
 * - `deb-source`: the upstream tarball of a Debian source package, authenticated the same way.
 * - `debs`: packages with all they need, which a tool that makes whole systems takes from the archive by itself; a run
 *   fetches nothing for it, a bundle has to have them.
 * - `built`: the file at `path` that a step of this recipe (`plugin/step`) makes on the controller.
 */
export type Source =
  | {
      readonly kind: 'url';
      readonly url: string;
      readonly sums?: string | Sums;
      readonly sigstore?: Sigstore;
    }
  | { readonly kind: 'git'; readonly repository: string; readonly commit: string; readonly ref?: string }
  | {
      readonly kind: 'deb';
      readonly apt: string;
      readonly package: string;
      readonly suite: string;
      readonly member?: string;
      readonly follow?: string;
    }
  | { readonly kind: 'deb-source'; readonly apt: string; readonly package: string; readonly suite: string }
  | {
      readonly kind: 'debs';
      readonly apt: string;
      readonly packages: readonly string[];
      readonly suite: string;
    }
  | { readonly kind: 'built'; readonly by: Need; readonly path: string };

/**
 * What must be done before: a plugin, a `plugin/step`, or a capability (whoever provides it). On the same host where it
 * is a task there, else wherever it is.
 */
export type Need = string;

export interface Artifact {
  /** Names it in `cc.lock`, in tasks and in messages; unique within a recipe: `runc`, `go-1.15-src`. */
  readonly name: string;
  readonly source: Source;
  /** What must be done before the bytes can be had. */
  readonly needs?: readonly Need[];
}

const address = text('an address');
const suite = { apt: anyText, suite: anyText } as const;
const signature = record<Sums>('an address, or { url, signedBy, signature }', {
  url: address,
  signedBy: optional(anyText),
  signature: optional(address),
});
const proof = record<Sigstore>('{ identity, issuer, files }', {
  identity: anyText,
  issuer: anyText,
  files: (value, path) => {
    const files = record<{ [F in 'bundle' | 'signature' | 'certificate']?: string }>(
      '{ bundle } or { signature, certificate }',
      {
        bundle: optional(address),
        signature: optional(address),
        certificate: optional(address),
      },
    )(value, path);
    return files.bundle === undefined
      ? {
          signature: address(files.signature, `${path}.signature`),
          certificate: address(files.certificate, `${path}.certificate`),
        }
      : { bundle: files.bundle };
  },
});

/** Reads an artifact that anybody may have made. */
export const artifact: Reader<Artifact> = record<Artifact>('an artifact', {
  name,
  source: variant<Source>('a source', {
    url: {
      url: address,
      sums: optional((value, path) => (typeof value === 'string' ? value : signature(value, path))),
      sigstore: optional(proof),
    },
    git: { repository: address, commit: anyText, ref: optional(anyText) },
    deb: { ...suite, package: anyText, member: optional(anyText), follow: optional(anyText) },
    'deb-source': { ...suite, package: anyText },
    debs: { ...suite, packages: list('a list of packages', anyText) },
    built: { by: name, path: anyText },
  }),
  needs: optional(names),
});

/** One line that says where an artifact comes from, for messages and manifests. */
export function origin(artifact: Artifact): string {
  const { source } = artifact;
  if (source.kind === 'url') return source.url;
  if (source.kind === 'git') return `${source.repository} at ${source.commit}`;
  if (source.kind === 'deb') {
    const member = source.member ? ` (${source.member})` : '';
    const whole = source.follow ? `${source.follow}… as needed by ${source.package}` : source.package;
    return `Debian package ${whole} of ${source.suite}${member}`;
  }
  if (source.kind === 'deb-source')
    return `Debian source ${source.package} of ${source.suite} (upstream tarball)`;
  if (source.kind === 'debs') return `Debian packages ${source.packages.join(', ')} of ${source.suite}`;
  return `built by ${source.by}`;
}

/** The sums of a release, however they were given. */
export function sumsOf({ sums }: Extract<Source, { kind: 'url' }>): Sums | undefined {
  return typeof sums === 'string' ? { url: sums } : sums;
}

/** Addresses of an artifact that have a password in them; ssh wants a user name, the others have no use for one. */
export function revealing({ source }: Artifact): readonly string[] {
  return Object.entries(addressesOf(source)).flatMap(([field, addresses]) =>
    addresses.some(reveals) ? [field] : [],
  );
}

function addressesOf(source: Source): Readonly<Record<string, readonly string[]>> {
  if (source.kind === 'git') return { repository: [source.repository] };
  if (source.kind !== 'url') return {};
  const { url = [], signature = [] } = sumsOf(source) ?? {};
  return {
    url: [source.url],
    sums: [url, signature].flat(),
    sigstore: Object.values(source.sigstore?.files ?? {}),
  };
}

function reveals(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, username, password } = new URL(address);
  return password !== '' || (username !== '' && protocol !== 'ssh:');
}

export function isArtifact(value: unknown): value is Artifact {
  return typeof value === 'object' && value !== null && 'source' in value && 'name' in value;
}

/** What the version stamp records of an artifact. */
export function artifactInput(artifact: Artifact): Json {
  return { name: artifact.name, from: origin(artifact) };
}

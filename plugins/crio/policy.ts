/**
 * Which images CRI-O takes: containers-policy.json(5). It asks by the whole name of an image, with its digest where it was named
 * by that, then by its repository, the folders above that, and its registry.
 */
import { v } from '../../core/mod.ts';

/** A registry, a folder or repository in it, or one image by tag or digest; `*.` stands for all hosts below a domain. */
const Scope = v.pipe(
  v.string(),
  v.regex(
    /^(\*\.)?[a-z0-9.-]*[a-z0-9](:\d+)?(\/[a-z0-9._-]+)*(:\w[\w.-]*|@sha256:[0-9a-f]{64})?$/,
    'expected a registry, a repository or an image, as registry.example/team',
  ),
);

/** Images that are taken, and by whom they must be signed: `any` asks for no signature. */
export const Images = v.union([
  v.literal('any'),
  v.record(Scope, v.union([v.literal('any'), v.strictObject({ signedBy: v.string() })])),
]);

export type Images = 'any' | Readonly<Record<string, 'any' | { readonly signedBy: string }>>;

const ANY = [{ type: 'insecureAcceptAnything' }];

/**
 * The file. `any` is what cc does when it is not told otherwise: no signature is verified, and who may run what is left to
 * Kubernetes. Else nothing is taken but what was named, also where images are read from an archive that cc has made.
 */
export function policy(images: Images): string {
  if (images === 'any') return `${JSON.stringify({ default: ANY })}\n`;
  const docker = Object.fromEntries(
    Object.entries(images).map(([scope, who]) => [scope, who === 'any' ? ANY : [signed(who.signedBy)]]),
  );
  const transports = { docker, 'docker-archive': { '': ANY } };
  return `${JSON.stringify({ default: [{ type: 'reject' }], transports }, null, 2)}\n`;
}

/** By a key of GnuPG; where signatures are, a site says in /etc/containers/registries.d. */
function signed(key: string) {
  return { type: 'signedBy', keyType: 'GPGKeys', keyData: Buffer.from(key).toString('base64') };
}

/** What the policy means, for people who read a plan. */
export function meaning(images: Images): string {
  if (images === 'any') return 'CRI-O will take any image, and verify no signature';
  return `CRI-O will take images of ${Object.keys(images).join(', ') || 'nobody'}`;
}

/** Whether an image, or all below a name, may be taken. requires: names with their registry. */
export function takes(images: Images, name: string): boolean {
  return images === 'any' || scopesOf(name).some((scope) => Object.hasOwn(images, scope));
}

/** The names that an image is looked up by. */
function scopesOf(name: string): readonly string[] {
  const [named = '', digest] = name.split('@');
  const repository = named.replace(/:[^/:]*$/, '');
  const parts = repository.split('/');
  const above = parts.map((_, index) => parts.slice(0, parts.length - index).join('/'));
  const [host = ''] = parts;
  const labels = host.split('.');
  const domains = labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`);
  return [digest === undefined ? named : `${repository}@${digest}`, ...above, ...domains];
}

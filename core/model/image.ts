/** Names of container images, as `registry/path:tag@digest` (https://github.com/distribution/reference). */
import type { Digest } from './digest.ts';

interface ImageName {
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
}

/** Undefined: it is no name, or says by its digest what it is. */
function parsed(name: string): ImageName | undefined {
  const match = /^(?<path>[^@\s]+?)(?::(?<tag>\w[\w.-]{0,127}))?$/.exec(name)?.groups;
  if (match?.['path'] === undefined) return undefined;
  const { path, tag = 'latest' } = match;
  const [first = '', ...rest] = path.split('/');
  const named = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const [registry, repository] = named ? [first, rest.join('/')] : ['docker.io', path];
  const whole = registry === 'docker.io' && !repository.includes('/') ? `library/${repository}` : repository;
  return /^[a-z0-9._/-]+$/.test(whole) ? { registry, repository: whole, tag } : undefined;
}

/**
 * Where the registry of an image has the list of what it consists of, whose digest is the image's; undefined where the name
 * has a digest already (https://github.com/opencontainers/distribution-spec).
 */
export function manifestUrl(name: string): string | undefined {
  const image = parsed(name);
  if (!image) return undefined;
  const { registry, repository, tag } = image;
  // Docker's registry is known by another name than its host's.
  const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  return `https://${host}/v2/${repository}/manifests/${tag}`;
}

/** The image by its digest alone: older runtimes take no tag beside that. requires: a name without digest. */
export function byDigest(name: string, digest: Digest): string {
  return `${name.replace(/:[^:/]*$/, '')}@sha256:${digest}`;
}

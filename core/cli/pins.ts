/** The container images that a recipe names: what `cc.lock` has of them, and which ones it is to have. */
import { byDigest, manifestUrl } from '../model/image.ts';
import { lockedIn, readLocks } from '../store/lock.ts';

export interface Pins {
  /** The name of an image, with its digest where one is locked. */
  image(name: string): string;
  /** Addresses of the manifests of those that were asked for without a digest, by name. */
  readonly manifests: ReadonlyMap<string, string>;
}

/** `files` are the locks that count, that of the base recipe first; they are read once somebody asks. */
export function pinsIn(files: readonly string[]): Pins {
  const manifests = new Map<string, string>();
  let locks: ReturnType<typeof readLocks> | undefined;
  return {
    manifests,
    image: (name) => {
      const url = manifestUrl(name);
      if (url === undefined) return name;
      manifests.set(name, url);
      locks ??= readLocks(files, 'any');
      const locked = lockedIn(locks, name, url);
      return locked?.url === url ? byDigest(name, locked.sha256) : name;
    },
  };
}

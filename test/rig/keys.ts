/** Keys of OpenPGP that last as long as a test, and what they sign: by gpg itself, at any time and with any digest. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type Lasting, tempFolder } from './temp.ts';
import { missing } from './tools.ts';

/** How a signature is made. */
export interface Signing {
  /** A day: `20200601`. */
  readonly at?: string;
  readonly digest?: string;
  /** Apart from the text. */
  readonly apart?: boolean;
}

export interface Keys {
  /** Makes a key; `until` is a day, `since` the day when it was made. */
  make(name: string, times?: { readonly since: string; readonly until: string }): void;
  /** The public half, armored. */
  armored(...names: readonly string[]): string;
  fingerprint(name: string): string;
  revoke(name: string): void;
  /** Has a key end on another day than it was made to. */
  end(name: string, day: string, on: string): void;
  signed(text: string, by: readonly string[], how?: Signing): string;
}

/** Programs that make keys, sign with them and verify. */
export const GNUPG = ['gpg', 'gpg-agent', 'gpgconf', 'gpgv'];

/** Why there can be no keys here; false when there can be. */
export function keyless(): string | false {
  return missing(...GNUPG);
}

export async function keysIn(t: Lasting): Promise<Keys> {
  const removed = (remove: () => unknown) => {
    execFileSync('gpgconf', ['--homedir', folder, '--kill', 'all']); // gpg has started an agent
    return remove();
  };
  const folder = await tempFolder({ after: (remove) => t.after(() => removed(remove)) });
  const gpg = (words: readonly string[], input = '') =>
    execFileSync('gpg', ['--homedir', folder, '--batch', '--quiet', ...words], {
      input,
      stdio: 'pipe',
    }).toString();
  const then = (day: string) => ['--faked-system-time', `${day}T000000!`];
  const fingerprint = (name: string) =>
    /^fpr:+([0-9A-F]{40}):/m.exec(gpg(['--with-colons', '--list-keys', name]))?.[1] ?? '';
  return {
    fingerprint,
    make: (name, times) => {
      const until = times ? `${times.until}T000000` : 'never';
      const making = ['--passphrase', '', '--quick-generate-key', name, 'ed25519', 'sign', until];
      gpg([...(times ? then(times.since) : []), ...making]);
    },
    armored: (...names) => gpg(['--armor', '--export', ...names]),
    end: (name, day, on) => {
      gpg([...then(on), '--quick-set-expire', fingerprint(name), `${day}T000000`]);
    },
    revoke: (name) => {
      const file = join(folder, 'openpgp-revocs.d', `${fingerprint(name)}.rev`);
      execFileSync('sed', ['-i', 's/^:---/---/', file]); // gpg keeps it from being used by mistake
      gpg(['--import', file]);
    },
    signed: (text, by, { at, digest, apart = false } = {}) =>
      gpg(
        [
          ...(at === undefined ? [] : then(at)),
          ...(digest === undefined ? [] : ['--digest-algo', digest]),
          ...by.flatMap((name) => ['--local-user', name]),
          ...(apart ? ['--armor', '--detach-sign'] : ['--clearsign']),
        ],
        text,
      ),
  };
}

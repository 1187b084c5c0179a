/**
 * Debians that tests run in and hosts of tests stand on: made once by what every Debian-family machine has, and kept in the
 * cache. Nothing is installed on the machine itself.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { digestOf } from '../../core/model/digest.ts';
import { CACHE } from './cache.ts';
import { alone, mirrorOf } from './debian.ts';

const ROOTS = join(CACHE, 'roots');
const MAKE = fileURLToPath(new URL('debian-root.sh', import.meta.url));

const SUITE = 'bookworm';
/** What the tests use of a system, the hosts of the rig included. */
const PACKAGES = [
  ...['openssh-server', 'openssh-client', 'sudo', 'iproute2', 'procps', 'iptables', 'nftables'],
  ...['xz-utils', 'zstd', 'bzip2', 'gnupg', 'git', 'openssl', 'ca-certificates', 'debian-archive-keyring'],
  ...['e2fsprogs', 'curl', 'fish', 'tcsh', 'zsh', 'locales', 'kubernetes-client'],
];
/** How long it may take, the download included, in milliseconds. */
const PATIENCE = 600_000;

export type Root =
  | { readonly kind: 'here'; readonly folder: string }
  | { readonly kind: 'missing'; readonly why: string };

/** Who is to be root in the root: root, or in a user namespace a user who is nobody else there. */
export const NAMESPACES = [
  ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']),
  ...['--mount', '--pid', '--fork', '--kill-child'],
];

/** The root with these packages besides, or why there can be none on this machine; of another suite with these alone. */
export async function debianRoot(more: readonly string[] = [], suite = SUITE): Promise<Root> {
  const packages = suite === SUITE ? [...PACKAGES, ...more] : more;
  const id = [suite, process.arch, process.getuid?.() === 0 ? 'root' : 'user', ...packages].join(' ');
  const folder = join(ROOTS, digestOf(id).slice(0, 16));
  const why = await hindrance();
  if (why !== undefined) return { kind: 'missing', why };
  return alone(ROOTS, async () => {
    const failed = existsSync(folder) ? undefined : await made(folder, suite, packages);
    return failed === undefined ? { kind: 'here', folder } : { kind: 'missing', why: failed };
  });
}

/** What this machine lacks, whatever the archive says. */
async function hindrance(): Promise<string | undefined> {
  const namespaces = await ran('unshare', [...NAMESPACES, '--', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']);
  if (namespaces.code !== 0) return `this user may make no namespaces: ${last(namespaces.said)}`;
  const apt = await ran('apt-get', ['--version']);
  return apt.code === 0 ? undefined : 'this machine has no apt';
}

/** Why it could not be made; what is not the archive's fault is a bug of the rig. */
async function made(folder: string, suite: string, packages: readonly string[]): Promise<string | undefined> {
  const making = `${folder}.making`;
  await ran('rm', ['-rf', making]);
  await mkdir(ROOTS, { recursive: true });
  process.stderr.write(`Making a Debian to test in, once; it is kept in ${ROOTS}\n`);
  const words = [...NAMESPACES, '--', 'sh', MAKE, making, await mirrorOf(), suite, ...packages];
  const { code, said } = await ran('unshare', words);
  if (code === 0) {
    await rename(making, folder);
    return undefined;
  }
  const blamed = said
    .split('\n')
    .find((line) => /^E: .*(Failed to fetch|Release|Unable to locate)/.test(line));
  if (blamed === undefined) throw new Error(`${MAKE} exited ${code}:\n${said}`);
  return `Debian's archive does not answer: ${blamed}`;
}

function last(said: string): string {
  return said.trim().split('\n').at(-1) ?? '';
}

async function ran(program: string, words: readonly string[]) {
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'], timeout: PATIENCE });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code] = await once(child, 'close').catch(() => [undefined]); // it is not installed
  return { code, said };
}

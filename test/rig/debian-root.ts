/** One root of Debian for the hosts of tests, made once by mmdebstrap and kept below `node_modules/.cache`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOf } from '../../core/model/digest.ts';
import { alone, mirrorOf } from './debian.ts';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/cc/hosts', import.meta.url));

const SUITE = 'bookworm';
const VARIANT = 'minbase';
const PACKAGES = [
  ...['openssh-server', 'sudo', 'fish', 'tcsh', 'zsh', 'locales'],
  ...['iproute2', 'perl-base', 'procps'],
];

export type Root =
  | { readonly kind: 'here'; readonly folder: string }
  | { readonly kind: 'missing'; readonly why: string };

/** The root with these packages besides, or why there can be none on this machine. */
export async function debianRoot(more: readonly string[] = []): Promise<Root> {
  const why = await hindrance();
  if (why !== undefined) return { kind: 'missing', why: `no hosts here: ${why}` };
  const packages = [...PACKAGES, ...more];
  const folder = join(CACHE, digestOf([SUITE, VARIANT, process.arch, ...packages].join(' ')).slice(0, 16));
  return alone(CACHE, async () => {
    if (existsSync(folder)) return { kind: 'here', folder };
    const failed = await made(folder, packages);
    return failed === undefined
      ? { kind: 'here', folder }
      : { kind: 'missing', why: `no hosts here: ${failed}` };
  });
}

/** What this machine lacks, whatever the archive says. */
async function hindrance(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'only root may make them';
  const may = await ran('unshare', ['--mount', '--uts', '--ipc', '--pid', '--fork', 'true']);
  if (may.code !== 0) return 'no namespaces may be made';
  const can = await ran('mmdebstrap', ['--version']);
  return can.code === 0 ? undefined : 'mmdebstrap is missing';
}

/** Why it could not be made; what mmdebstrap does not blame on the archive is a bug of the rig. */
async function made(folder: string, packages: readonly string[]): Promise<string | undefined> {
  const making = `${folder}.${process.pid}`;
  await mkdir(CACHE, { recursive: true });
  const options = [`--variant=${VARIANT}`, `--include=${packages.join(',')}`, '--quiet'];
  const { code, said } = await ran('mmdebstrap', [...options, SUITE, making, await mirrorOf()]);
  if (code === 0) {
    await rename(making, folder);
    return undefined;
  }
  await rm(making, { recursive: true, force: true });
  const blamed = said
    .split('\n')
    .find((line) => /^E: .*(apt-get update|download|Failed to fetch)/.test(line));
  if (blamed === undefined) throw new Error(`mmdebstrap exited ${code}: ${said}`);
  return `the archive does not answer: ${blamed}`;
}

async function ran(program: string, words: readonly string[]) {
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code] = await once(child, 'close').catch(() => [undefined]); // it is not installed
  return { code, said };
}

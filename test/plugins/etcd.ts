/** An etcd on paper, and a folder that stands for a host on which its scripts run for real. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { FRESH, PKI, WORK } from '../../plugins/etcd/archive.ts';
import { APPEND, READ } from '../../plugins/etcd/carry.ts';
import { LOST, RESTORE, RESTORED, UNPACK } from '../../plugins/etcd/restore.ts';
import { PACK, REMOVE } from '../../plugins/etcd/snapshot.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import type { Bench, BenchSetup } from './bench.ts';
import { clusterOn } from './cluster.ts';
import { removed, script, wrote } from './tools.ts';

export const run = promisify(execFile);

/** A folder that stands for the root of a host, and scripts as they are with it. */
export async function host(t: Lasting) {
  const root = await tempFolder(t);
  const there = (path: string) => join(root, path);
  const sh = (text: string, ...words: readonly string[]) => {
    const own = ['/var/lib/etcd', WORK, '/etc/kubernetes'].reduce(
      (all, path) => all.replaceAll(path, there(path)),
      text.replaceAll('mkdir -p -m 0700 -- /var/lib/cc', `mkdir -p -- ${there('/var/lib/cc')}`),
    );
    return run('sh', ['-c', own, 'cc', ...words]);
  };
  const put = async (path: string, text: string, mode = 0o644) => {
    await mkdir(dirname(there(path)), { recursive: true });
    await writeFile(there(path), text);
    await chmod(there(path), mode);
  };
  const mode = async (path: string) => ((await stat(there(path))).mode & 0o777).toString(8);
  return { there, sh, put, mode, text: (path: string) => readFile(there(path), 'utf8') };
}

export type Rooted = Awaited<ReturnType<typeof host>>;

export const NOTES = { version: '1.20.2', etcd: '3.4.13-0', node: 'node-1', revision: 42, keys: 7 };
export const FILES = [
  'ca.crt',
  'ca.key',
  'sa.pub',
  'sa.key',
  'front-proxy-ca.crt',
  'front-proxy-ca.key',
  'etcd/ca.crt',
  'etcd/ca.key',
];

export async function packed({ sh, put }: Rooted): Promise<void> {
  for (const name of [...FILES, 'apiserver.key']) await put(`${PKI}/${name}`, `text of ${name}`, 0o600);
  await sh(FRESH);
  await put('/var/lib/etcd/cc-snapshot.db', 'data');
  await sh(PACK, JSON.stringify(NOTES));
}

const ARCHIVE = `${WORK}/archive.tar`;
/** More than two pieces, with bytes that are no text. */
export const BYTES = Buffer.from(
  Uint8Array.from({ length: 9 * 1024 * 1024 }, (_, at) => (at * 7 + (at >> 8)) % 256),
);
export const sum = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export interface Etcd {
  readonly said: string[];
  /** What the host sends in place of the archive. */
  bytes: Buffer;
  /** What came to the host. */
  taken: Buffer;
  time: string;
  unpack: string | { readonly code: number; readonly stderr: string };
  notes: Partial<typeof NOTES>;
  /** Of kubelet, before it lets commands in; the last one first. */
  readonly answers: (string | { readonly code: number; readonly stderr: string })[];
}

export function withEtcd(state: Etcd): BenchSetup {
  const setup = clusterOn();
  const piece = (argv: readonly string[]) => {
    const [size, index] = argv.slice(-2).map(Number);
    return state.bytes.subarray(size! * index!, size! * (index! + 1)).toString('base64'); // two numbers were given
  };
  const say = (text: string) => {
    state.said.push(text);
    return '';
  };
  const exec = (argv: readonly string[]) => {
    const words = argv.slice(argv.indexOf('--') + 1);
    if (words.at(-1) === 'version') return state.answers.pop() ?? '';
    say(words.filter((word) => !/^-|^https|pki/.test(word)).join(' '));
    return words.includes('status') ? '{"hash":1,"revision":42,"totalKey":7,"totalSize":9}' : '';
  };
  return {
    ...setup,
    reads: (host, bench) => [
      ...(setup.reads?.(host, bench) ?? []),
      ['uname -n', 'node-1\n'],
      ['date -u', () => `${state.time}\n`],
      [script(READ), (argv) => piece(argv)],
      ['etcdctl version', 'etcdctl version: 3.4.23\nAPI version: 3.4\n'],
      ['ip -4 route get', '192.0.2.1 via 10.0.0.254 dev eth0 src 10.0.0.1 uid 0\n'],
    ],
    does: (host, bench) => [
      ...(setup.does?.(host, bench) ?? []),
      [(argv) => argv.includes('exec') && argv.includes('etcd-node-1'), (argv) => exec(argv)],
      [`sha256sum ${ARCHIVE}`, () => `${sum(BYTES)}  ${ARCHIVE}\n`],
      [script(FRESH), () => say('emptied')],
      [script(PACK), (argv) => say(`packed ${argv.at(-1)}`)],
      [script(REMOVE), () => say('removed')],
      [
        script(APPEND),
        (_, { input }) => {
          state.taken = Buffer.concat([state.taken, Buffer.from(String(input), 'base64')]);
          return '';
        },
      ],
      [
        script(UNPACK),
        () => {
          say('took apart');
          if (state.unpack === '') {
            wrote(host, `${WORK}/notes.json`, JSON.stringify({ ...NOTES, ...state.notes }));
            wrote(host, `${WORK}/pki/ca.crt`, 'of the snapshot');
          }
          return state.unpack;
        },
      ],
      [`touch -- ${LOST}`, () => wrote(host, LOST, '')],
      [
        script(RESTORE),
        (argv) => {
          say(`restored ${argv.slice(4).join(' ')}`);
          wrote(host, RESTORED, `${argv[6]}\n1790000000\n`);
          return wrote(host, `${PKI}/ca.crt`, 'of the snapshot');
        },
      ],
      [
        `rm -rf -- ${WORK}`,
        () => {
          say('removed');
          return removed(host, WORK);
        },
      ],
    ],
  };
}

export const fresh = (): Etcd => ({
  ...{ said: [], bytes: BYTES, taken: Buffer.alloc(0), time: '2026-11-27T12-00-00Z' },
  ...{ unpack: '', notes: {}, answers: [] },
});

export const node = ({ hosts }: Bench) => hosts.get('node-1')!; // every bench has this host
export const taskIn = (bench: Bench, name: string) => bench.tasks.find(({ step }) => step.name === name)!; // its plugin has it

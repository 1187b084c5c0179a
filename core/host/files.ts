/** Files on a host, through its agent. */
import { asDigest, digestOf } from '../model/digest.ts';
import { fail } from '../model/failure.ts';
import { batched } from './batch.ts';
import { isFull } from './disk.ts';
import { unpacked } from './frames.ts';
import { call, execute } from './process.ts';
import type { ExecOptions, Files, Form, Look, Records } from './transport.ts';
import type { Agent } from './wire.ts';

type Connected = () => Promise<Agent>;

/** Has the agent do something; fails with what it was and why it would not go. */
async function done(
  host: string,
  connected: Connected,
  what: string,
  words: readonly [call: string, ...string[]],
  options: Pick<ExecOptions, 'input' | 'signal'> & { readonly base?: string } = {},
): Promise<Buffer> {
  const agent = await connected();
  const [name, ...argv] = words;
  const { code, signal, stdout, stderr } = await call(agent, name, argv, options);
  if (code === 0) return stdout;
  options.signal?.throwIfAborted();
  const { base } = options;
  if (base !== undefined && (await isFull((argv) => execute(agent, argv), base)))
    return fail({ kind: 'disk-full', host, what });
  return fail({ kind: 'cannot-tell', host, what, why: stderr.toString().trim() || `exit ${code ?? signal}` });
}

/** `base` is cc's own folder on that host. */
export function agentFiles(host: string, connected: Connected, base: string): Files {
  const own = (path: string) => [base, digestOf(path), path] as const;
  const change = async (
    what: string,
    words: readonly [string, ...string[]],
    options: Pick<ExecOptions, 'input' | 'signal'>,
  ) => {
    await done(host, connected, what, words, { ...options, base });
  };
  const looks = batched<readonly Buffer[]>(async (questions, signal) => {
    const words = questions.flatMap((question) => {
      const path = question.slice(1);
      return [question.startsWith('t') ? 'text' : 'stat', digestOf(path), path];
    });
    const what = `look at ${questions[0]?.slice(1)}`;
    return unpacked(await done(host, connected, what, ['look', base, ...words], { signal })).map(unpacked);
  });
  const stopping = (signal: AbortSignal | undefined) => (signal ? { signal } : {});
  return {
    look: async (path, signal) => lookOf(host, path, await looks(`s${path}`, signal)),
    text: async (path, signal) => {
      const [answer, text] = known(host, path, await looks(`t${path}`, signal));
      return answer === 'absent' ? undefined : text?.toString();
    },
    install: (path, { source, digest }, form, signal) => {
      const words = ['install', ...own(path), ...formWords(form), digest] as const;
      return change(`write ${path}`, words, { input: source, ...stopping(signal) });
    },
    folder: (path, form, signal) =>
      change(`make ${path}`, ['folder', ...own(path), ...formWords(form)], stopping(signal)),
    unpack: async (path, archive, signal) => {
      const { file, digest, strip } = archive;
      const { checkArchive, compression } = await import('./archive.ts'); // a run that unpacks nothing starts without it
      await checkArchive(archive);
      const words = ['unpack', ...own(path), String(strip), compression(file), digest] as const;
      await change(`unpack ${path}`, words, { input: { file }, ...stopping(signal) });
    },
    noted: async () => unpacked(await done(host, connected, 'read notes', ['notes', base])).map(String),
    remove: (path, signal) => change(`remove ${path}`, ['remove', ...own(path)], stopping(signal)),
  };
}

function formWords({ mode, owner = '' }: Form): readonly [string, string] {
  return [mode?.toString(8) ?? '', owner];
}

/** Records in a folder of the host, as one file each. */
export function agentRecords(host: string, connected: Connected, base: string): Records {
  const folder = `${base}/stamps`;
  const what = `keep stamps in ${folder}`;
  return {
    all: async () => {
      const fields = unpacked(await done(host, connected, what, ['records', folder])).map(String);
      return new Map(
        fields.flatMap((name, index) => (index % 2 === 0 ? [[name, fields[index + 1] ?? '']] : [])),
      );
    },
    write: async (name, text) => {
      await done(host, connected, what, ['record', folder, name, text], { base });
    },
    settle: async (name, from = '', to) =>
      String(await done(host, connected, what, ['settle', base, folder, name, from, to], { base })),
    remove: async (name) => {
      await done(host, connected, what, ['forget', base, folder, name]);
    },
  };
}

function known(host: string, path: string, [answer, ...rest]: readonly Buffer[]): [string, ...Buffer[]] {
  if (String(answer) === 'failed')
    return fail({ kind: 'cannot-tell', host, what: `look at ${path}`, why: String(rest[0]).trim() });
  return [String(answer), ...rest];
}

function lookOf(host: string, path: string, found: readonly Buffer[]): Look {
  const [answer, ...rest] = known(host, path, found);
  const [owner, kind, mode, names, size, sum] = rest.map(String);
  const owned = owner === '1';
  if (answer === 'absent') return { facts: undefined, owned };
  const common = { mode: Number(mode), owner: names ?? '' };
  if (kind === 'directory') return { facts: { kind, ...common }, owned };
  if (kind !== 'file') return { facts: { kind: 'other' }, owned };
  const digest = asDigest(sum ?? '');
  if (!digest) throw new Error(`no digest in "${rest}"`);
  return { facts: { kind, ...common, size: Number(size), digest }, owned };
}

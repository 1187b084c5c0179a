/** Asking a cluster on its own host: what its API answers, that there is no cluster, or that this cannot be told. */
import { type Change, type Command, cmd, fail, isFailure, type Shell, type View } from '../../core/mod.ts';
import type { Cluster } from '../capabilities.ts';

export type Answer =
  | { readonly kind: 'answered'; readonly text: string }
  /** Neither credentials nor an API are there. */
  | { readonly kind: 'none' }
  /** It may hold anything. */
  | { readonly kind: 'silent'; readonly why: string };

/** The API server of a host's own control plane, which kubelet runs as long as this file is there. */
const API_SERVER = '/etc/kubernetes/manifests/kube-apiserver.yaml';

/** Where an API is asked, and with what. */
export type Access = Pick<Cluster, 'kubectl' | 'kubeconfig'>;

export function callOf({ kubectl, kubeconfig }: Access): readonly string[] {
  return [kubectl, '--kubeconfig', kubeconfig, '--request-timeout=10s'];
}

/** What an API says while members of etcd elect a leader, and for what they were told just before. */
const ELECTING = /etcdserver: /;
/** An election takes a second or two, and an API waits for one before it answers. */
const TIMES = 5;

/** What cc does at the moment that leaves an API without an answer. */
const silences = new Set<Promise<unknown>>();

/** Whoever gets no answer while this work lasts, on any host, asks again after it. The work itself must not ask by `asked`. */
export async function silencing(work: Promise<void>): Promise<void> {
  silences.add(work);
  try {
    await work;
  } finally {
    silences.delete(work);
  }
}

/**
 * `words` must succeed where nothing is found: `--ignore-not-found`. While etcd elects a leader the API is asked again, and after cc has
 * had an API server start anew.
 */
export async function asked(view: View, access: Access, { argv, ...rest }: Command): Promise<Answer> {
  const [credentials, server] = await Promise.all([view.stat(access.kubeconfig), view.stat(API_SERVER)]);
  if (!credentials && !server) return { kind: 'none' };
  const ask = () =>
    answering(() => view.result({ ...rest, ...cmd`${callOf(access)} ${argv}` }, { lasting: true }));
  let result = await ask();
  for (let time = 1; time < TIMES && result.code !== 0 && ELECTING.test(result.stderr); time++)
    result = await ask();
  const { code, stdout, stderr } = result;
  if (code === 0) return { kind: 'answered', text: stdout };
  // What the API has no kind for, it has none of.
  if (/no matches for kind/.test(stderr)) return { kind: 'answered', text: '' };
  return { kind: 'silent', why: saidIn(stderr) || stderr.trim() || `kubectl exited ${code}` };
}

/** Asks again where cc itself has left the API without an answer, at any moment between question and answer. */
async function answering(ask: () => ReturnType<View['result']>): ReturnType<View['result']> {
  for (;;) {
    const before = [...silences];
    const result = await ask();
    const during = [...before, ...silences];
    if (result.code === 0 || during.length === 0) return result;
    await Promise.allSettled(during);
  }
}

/** What kubectl says in the end, without what its library logs before: `E1127 03:54:05.181313 …`. */
function saidIn(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => !/^[EWIF]\d{4} /.test(line));
  return lines.join('\n').trim();
}

export function cannotTell(host: string, why: string): never {
  return fail({ kind: 'cannot-tell', host, what: 'ask the API of the cluster', why });
}

/** Why there is no answer, for a reason that stands on a line. */
export function unanswered(answer: Exclude<Answer, { kind: 'answered' }>): string {
  return answer.kind === 'none'
    ? 'there is no cluster yet'
    : `the API does not answer: ${answer.why.split('\n').at(-1)}`;
}

/** Seconds in which an API answers again that has none for a moment: members of etcd come and go. */
const ANSWERS_WITHIN = 60;

/** What the API answers, which may be silent for a moment; `words` as for `asked`. Fails where it stays so. */
export async function answerOf(shell: Shell, access: Access, words: Command): Promise<string> {
  let text = '';
  await shell.until('the API answers', ANSWERS_WITHIN, async () => {
    const answer = await asked(shell.view, access, words);
    if (answer.kind !== 'answered') return unanswered(answer);
    text = answer.text;
    return undefined;
  });
  return text;
}

/**
 * What kubectl says where nobody answers for a moment: etcd elects a leader, or an API server ends or starts. What etcd says is of
 * etcd-io/etcd, server/etcdserver/errors.go.
 */
const PASSING = new RegExp(
  [
    'etcdserver: (?:leader changed|no leader|not leader|request timed out|server stopped|unhealthy cluster)',
    'Unable to connect to the server: (?!x509|tls:|.*no such host)',
    'was refused|connection refused|connection reset|TLS handshake timeout|deadline exceeded|Client\\.Timeout|i/o timeout',
    'http2: |\\bEOF$|\\((?:ServerTimeout|ServiceUnavailable|Timeout|TooManyRequests)\\)',
  ].join('|'),
  'm',
);

/** What is said the second time of what was done the first time, when only the answer was lost. */
const DONE = /^error: taint ".*" not found|etcdserver: member not found/m;

/**
 * Tells the API something that may be told twice: again, for a minute at most, while nobody answers; fails as it failed last. Answers
 * what kubectl printed.
 */
export async function insisted(shell: Shell, command: Command): Promise<string> {
  let said = '';
  let last: unknown;
  const told = async () => {
    try {
      said = await shell.run(command);
    } catch (error) {
      const stderr = stderrOf(error);
      if (last !== undefined && DONE.test(stderr)) return undefined;
      last = error;
      if (!PASSING.test(stderr)) throw error;
      return 'nobody answers now';
    }
    return undefined;
  };
  // The minute is for the API, and begins when that falls silent: a drain may take longer by itself.
  if ((await told()) === undefined) return said;
  try {
    await shell.until('the API takes it', ANSWERS_WITHIN, told);
  } catch (error) {
    throw last ?? error;
  }
  return said;
}

/** The same, as a change; `argv` is what kubectl is told. */
export function telling(access: Access, { argv, ...rest }: Command, why: string): Change {
  const command = { ...rest, ...cmd`${callOf(access)} ${argv}` };
  const script = async (shell: Shell) => {
    await insisted(shell, command);
    return undefined;
  };
  return { kind: 'script', title: rest.title ?? `kubectl ${argv.join(' ')}`, why, script };
}

/** What a command said that failed; nothing of any other error. */
function stderrOf(error: unknown): string {
  const failure = isFailure(error) ? error.failure : undefined;
  return failure?.kind === 'command-failed' ? failure.stderr : '';
}

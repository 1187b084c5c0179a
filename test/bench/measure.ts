/** Processes measured side by side: one run of each after the other, round after round, so that noise hits all alike. */
import { spawnSync } from 'node:child_process';

/** A process to measure; `before` makes its surroundings new, and is not measured. */
export interface Subject {
  readonly name: string;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes that are no failure; default 0. */
  readonly exits?: readonly number[];
  readonly before?: () => void;
}

export interface Sample {
  readonly ms: number;
  /** The most memory it ever had, in MB; known of Node only. */
  readonly mb: number | undefined;
}

/** What rounds of one subject came to. */
export interface Measured {
  readonly name: string;
  readonly ms: Spread;
  readonly mb: Spread | undefined;
}

/** The median, and the middle half of all values. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Has a Node process tell its peak of memory on descriptor 3; plain JavaScript, since stripping types takes memory. */
const REPORT_MEMORY =
  "data:text/javascript,process.on('exit',()=>process.getBuiltinModule('node:fs').writeSync(3,String(process.resourceUsage().maxRSS)))";

/** The words that start this very Node, so that no shim is measured. */
export function node(...words: readonly string[]): readonly string[] {
  return [process.execPath, ...words];
}

/** The same, and the process reports its memory. */
export function nodeWithMemory(...words: readonly string[]): readonly string[] {
  return node('--import', REPORT_MEMORY, ...words);
}

/** Runs every subject once a round; the first round only warms caches. */
export function measured(subjects: readonly Subject[], rounds: number): readonly Measured[] {
  const samples = subjects.map((): Sample[] => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [index, subject] of subjects.entries()) {
      const sample = sampleOf(subject);
      if (round > 0) samples[index]!.push(sample); // there is a list for each subject
    }
  }
  return subjects.map(({ name }, index) => summed(name, samples[index]!));
}

export function sampleOf({ name, argv, cwd, env, exits = [0], before }: Subject): Sample {
  before?.();
  const [program = '', ...words] = argv;
  const start = process.hrtime.bigint();
  const child = spawnSync(program, words, {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 1024 ** 3,
  });
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  if (child.error) throw child.error;
  if (!exits.includes(child.status ?? -1)) throw new Error(`${name} exited ${child.status}: ${child.stderr}`);
  const kilobytes = Number(child.output[3]);
  return { ms, mb: kilobytes > 0 ? kilobytes / 1024 : undefined };
}

function summed(name: string, samples: readonly Sample[]): Measured {
  const mb = samples.flatMap((sample) => sample.mb ?? []);
  return { name, ms: spread(samples.map(({ ms }) => ms)), mb: mb.length > 0 ? spread(mb) : undefined };
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)]!; // requires: at least one value
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

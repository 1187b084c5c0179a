/** How tests ended, as Node's and Deno's runners tell it, and what is said of them all at the end. */

export interface Outcome {
  readonly title: string;
  /** From the root of the repository: `test/graph/order.test.ts`. */
  readonly file: string;
  readonly end: 'passed' | 'failed' | 'skipped';
  /** Of what was skipped. */
  readonly why?: string | undefined;
}

export interface Half {
  /** `Node` or `Deno`. */
  readonly runtime: string;
  readonly outcomes: readonly Outcome[];
  /** The exit code of its runner, or the signal that ended it. */
  readonly ended: number | string;
}

/** From lines of the reporter in tally.ts. */
export function ofTally(text: string): Outcome[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line): Outcome => JSON.parse(line))
    .map((outcome) => ({ ...outcome, file: outcome.file.replace(/^.*(?=\/test\/)\//, '') }));
}

const CASE = /<testcase name="([^"]*)" classname="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g;

/** From Deno's report in the form of JUnit, which does not say why a test was skipped. */
export function ofJunit(xml: string): Outcome[] {
  return [...xml.matchAll(CASE)].map(([, title = '', file = '', inner = '']) => ({
    title: plain(title),
    file: plain(file).replace(/^\.\//, ''),
    end: /<skipped\b/.test(inner) ? 'skipped' : /<(failure|error)\b/.test(inner) ? 'failed' : 'passed',
  }));
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function plain(xml: string): string {
  return xml
    .replace(/&#(x?)([0-9a-f]+);/gi, (_, x, digits) =>
      String.fromCodePoint(Number.parseInt(digits, x ? 16 : 10)),
    )
    .replace(/&(\w+);/g, (whole, name) => ENTITIES[name] ?? whole);
}

/** A half is good when its runner says so and no test of it failed; none at all is not good. */
export function isGood({ outcomes, ended }: Half): boolean {
  return ended === 0 && outcomes.length > 0 && outcomes.every(({ end }) => end !== 'failed');
}

/** What failed and what was skipped by name, then one line that counts. */
export function closing(halves: readonly Half[]): string {
  const whys = new Map(
    halves.flatMap(({ outcomes }) =>
      outcomes.flatMap(({ title, why }) => (why ? [[title, why] as const] : [])),
    ),
  );
  const skipped = Map.groupBy(
    named(halves, 'skipped'),
    ([{ title }]) => whys.get(title) ?? 'no reason given',
  );
  const failed = named(halves, 'failed');
  return [
    ...[...skipped].flatMap(([why, tests]) => [`Skipped: ${why}`, ...tests.map(line)]),
    ...(failed.length > 0 ? ['Failed:', ...failed.map(line)] : []),
    `${halves.map(counted).join('; ')}.`,
    '',
  ].join('\n');
}

type Named = readonly [test: Outcome, runtimes: readonly string[]];

/** Tests that ended so, each once, and where. */
function named(halves: readonly Half[], end: Outcome['end']): Named[] {
  const all = halves.flatMap(({ runtime, outcomes }) =>
    outcomes.filter((outcome) => outcome.end === end).map((test) => ({ test, runtime })),
  );
  return [...Map.groupBy(all, ({ test }) => `${test.file}: ${test.title}`).values()].map((same) => [
    same[0]!.test, // a group is never empty
    [...new Set(same.map(({ runtime }) => runtime))],
  ]);
}

function line([{ title, file }, runtimes]: Named): string {
  return `  ${title} (${file}; ${runtimes.join(', ')})`;
}

function counted(half: Half): string {
  const of = (end: Outcome['end']) => half.outcomes.filter((outcome) => outcome.end === end).length;
  const odd = half.ended !== 0 && of('failed') === 0 ? `, but its runner ended with ${half.ended}` : '';
  return `${half.runtime}: ${of('passed')} passed, ${of('failed')} failed, ${of('skipped')} skipped${odd}`;
}

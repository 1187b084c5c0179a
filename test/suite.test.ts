/** What is said at the end of the tests, and that nothing of it is lost between the runners. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { closing, type Half, isGood, ofJunit, ofTally } from './rig/outcome.ts';
import { partsOf } from './rig/parts.ts';
import tally from './rig/tally.ts';

const TALLY = [
  { title: 'a', file: '/r/test/x/a.test.ts', end: 'passed' },
  { title: 'b <&> "c"', file: '/r/test/x/a.test.ts', end: 'skipped', why: 'there is no b' },
  { title: 'd', file: '/r/test/x/d.test.ts', end: 'passed' },
]
  .map((outcome) => JSON.stringify(outcome))
  .join('\n');
const JUNIT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="3" failures="1" errors="0" time="0.026">
    <testsuite name="./test/x/a.test.ts" tests="2" disabled="1" errors="0" failures="0">
        <testcase name="a" classname="./test/x/a.test.ts" time="0.000" line="3" col="1">
        </testcase>
        <testcase name="b &lt;&amp;&gt; &quot;c&quot;" classname="./test/x/a.test.ts" time="0.001" line="4" col="1">
            <skipped/>
        </testcase>
    </testsuite>
    <testsuite name="./test/x/d.test.ts" tests="1" disabled="0" errors="0" failures="1">
        <testcase name="d" classname="./test/x/d.test.ts" time="0.004" line="6" col="1">
            <failure message="1 !== 2">AssertionError: &lt;skipped/&gt;</failure>
        </testcase>
    </testsuite>
</testsuites>`;

const node: Half = { runtime: 'Node', ended: 0, outcomes: ofTally(TALLY) };
const deno: Half = { runtime: 'Deno', ended: 1, outcomes: ofJunit(JUNIT) };

test('end of the tests names what was skipped, why and where, and what failed, and counts both halves', () => {
  assert.equal(
    closing([node, deno]),
    `Skipped: there is no b
  b <&> "c" (test/x/a.test.ts; Node, Deno)
Failed:
  d (test/x/d.test.ts; Deno)
Node: 2 passed, 0 failed, 1 skipped; Deno: 1 passed, 1 failed, 1 skipped.
`,
  );
});

test('a half is good that ended well and had tests, none of which failed', () => {
  assert.deepEqual([node, deno].map(isGood), [true, false]);
  assert.equal(isGood({ ...deno, ended: 0 }), false);
  assert.equal(isGood({ ...node, outcomes: [] }), false);
});

test('a runner that ended badly is told where no test says so', () => {
  const crashed = { ...node, ended: 'SIGSEGV' };
  assert.equal(isGood(crashed), false);
  assert.match(
    closing([crashed]),
    /^Node: 2 passed, 0 failed, 1 skipped, but its runner ended with SIGSEGV\.$/m,
  );
});

test('a test that may fail is named with its reason, and fails nothing', async () => {
  const told = [
    ['pass', {}],
    ['fail', {}],
    ['pass', { todo: 'it moves' }],
    ['fail', { todo: 'it moves' }],
    ['pass', { skip: 'there is none' }],
  ] as const;
  const events = (async function* () {
    for (const [end, more] of told)
      yield { type: `test:${end}`, data: { name: 'a', file: '/a', details: {}, ...more } } as TestEvent; // what is read of it
  })();
  let text = '';
  for await (const line of tally(events)) text += line;
  assert.deepEqual(
    ofTally(text).map(({ end, why }) => [end, why]),
    [
      ['passed', undefined],
      ['failed', undefined],
      ['passed', undefined],
      ['skipped', 'it failed, as it may: it moves'],
      ['skipped', 'there is none'],
    ],
  );
});

const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

test('each part of --e2e has the files of its own that are named, and no others', () => {
  const lab = 'test/e2e/lab.test.ts';
  const measuring = 'test/real/fifty.test.ts';
  const real = ['test/real/left.test.ts', 'test/real/given/crio-bin.test.ts', 'test/cli/args.test.ts'];
  assert.deepEqual(partsOf(ROOT, [lab]), { real: [], measuring: [], lab: [lab] });
  assert.deepEqual(partsOf(ROOT, [...real, measuring]), { real, measuring: [measuring], lab: [] });
  assert.deepEqual(partsOf(ROOT, [`./${lab}`, `${ROOT}/${real[0]}`]), {
    real: real.slice(0, 1),
    measuring: [],
    lab: [lab],
  });
});

test('parts of --e2e have all their files where none is named', () => {
  const { real, measuring, lab } = partsOf(ROOT, []);
  assert.ok(real.includes('test/real/left.test.ts') && lab.includes('test/e2e/lab.test.ts'));
  assert.equal(measuring.length, 2);
  assert.deepEqual(
    [...real, ...measuring, ...lab].filter((file) => !/^test\/(real|e2e)\/[^/]+\.test\.ts$/.test(file)),
    [],
  );
});

/** A reporter of Node's test runner that writes how each test ended, one a line, for test/suite.ts to count. */
import type { TestEvent } from 'node:test/reporters';
import type { Outcome } from './outcome.ts';

export default async function* tally(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { name, file, skip, todo, details } = event.data;
    if (details.type === 'suite') continue;
    const passed = event.type === 'test:pass';
    // A test that may fail is none that failed: it is named with its reason, as those are that were not run.
    const why = skip ?? (passed || todo === undefined ? undefined : `it failed, as it may: ${todo}`);
    const outcome: Outcome = {
      title: name,
      file: file ?? '',
      end: why === undefined ? (passed ? 'passed' : 'failed') : 'skipped',
      why: typeof why === 'string' ? why : undefined,
    };
    yield `${JSON.stringify(outcome)}\n`;
  }
}

/** A reporter of Node's test runner that writes how each test ended, one a line, for test/suite.ts to count. */
import type { TestEvent } from 'node:test/reporters';
import type { Outcome } from './outcome.ts';

export default async function* tally(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { name, file, skip, details } = event.data;
    if (details.type === 'suite') continue;
    const outcome: Outcome = {
      title: name,
      file: file ?? '',
      end: skip === undefined ? (event.type === 'test:pass' ? 'passed' : 'failed') : 'skipped',
      why: typeof skip === 'string' ? skip : undefined,
    };
    yield `${JSON.stringify(outcome)}\n`;
  }
}

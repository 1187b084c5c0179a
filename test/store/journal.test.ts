/** What a run leaves to read: events, logs, durations, and no more runs than are worth keeping. */
import assert from 'node:assert/strict';
import { appendFile, mkdir, readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Event } from '../../core/model/event.ts';
import { taskId } from '../../core/model/task.ts';
import { latestLog, logFile, median, openJournal, readDurations } from '../../core/store/journal.ts';
import { tempFolder } from '../rig/temp.ts';

const TASK = taskId('node-1', 'runc', 'binary');
const applied = (took: number): Event => ({ kind: 'task', at: 1, id: TASK, state: 'applied', took });

const CHANGE: Event = { kind: 'change', at: 1, id: TASK, what: 'run make', why: 'it is not there' };
const COMMAND: Event = { kind: 'command', at: 2, id: TASK, command: 'make' };
const HEAD = '# run make\n# because it is not there\n$ make\n';

test('journal keeps events in order, and changes, commands and output in the log of their task', async (t) => {
  const state = await tempFolder(t);
  const journal = openJournal(state, 'r1');
  for (const event of [CHANGE, COMMAND]) journal.record(event);
  journal.record({ kind: 'output', id: TASK, text: 'half a line, ' });
  journal.record({ kind: 'output', id: TASK, text: 'the rest\n' });
  journal.record(applied(5));
  await journal.close();
  const events = (await readFile(join(journal.folder, 'events.ndjson'), 'utf8')).trimEnd().split('\n');
  assert.deepEqual(
    events.map((line) => JSON.parse(line)),
    [CHANGE, COMMAND, applied(5)],
  );
  const log = `${HEAD}| half a line, the rest\n`;
  assert.equal(await readFile(join(journal.folder, logFile(TASK)), 'utf8'), log);
  assert.equal(await latestLog(state, TASK), log);
  for (const name of await readdir(journal.folder))
    assert.equal((await stat(join(journal.folder, name))).mode & 0o777, 0o600);
});

const PRINTED: readonly (readonly [what: string, pieces: readonly string[], log: string])[] = [
  [
    'lines as cc writes them',
    ['# all\n✔ all is as declared\n$ make\n'],
    '| # all\n| ✔ all is as declared\n| $ make\n',
  ],
  ['a line in pieces', ['a', 'b\nc', '', 'd', '\n', 'e\n'], '| ab\n| cd\n| e\n'],
  ['empty lines', ['\n\na\n', '\n'], '\n\n| a\n\n'],
  ['a line written over another', ['wait\r', '✔ done\n'], '| wait\r✔ done\n'],
];

for (const [what, pieces, log] of PRINTED)
  test(`journal marks what a task printed: ${what}`, async (t) => {
    const state = await tempFolder(t);
    const journal = openJournal(state, 'r1');
    for (const text of pieces) journal.record({ kind: 'output', id: TASK, text });
    await journal.close();
    assert.equal(latestLog(state, TASK), log);
  });

test('journal begins its own lines where a line begins, and marks each of theirs', async (t) => {
  const state = await tempFolder(t);
  const journal = openJournal(state, 'r1');
  const change: Event = { ...CHANGE, why: 'it said:\n✔ all is as declared' };
  journal.record({ kind: 'output', id: TASK, text: 'half a line' });
  for (const event of [change, { ...COMMAND, command: "sh -c 'a\nb'" }]) journal.record(event);
  journal.record({ kind: 'output', id: TASK, text: 'more\n' });
  await journal.close();
  assert.equal(
    latestLog(state, TASK),
    "| half a line\n# run make\n# because it said:\n# ✔ all is as declared\n$ sh -c 'a\n> b'\n| more\n",
  );
});

test('journal makes no log of a task that said nothing, and knows what it did', async (t) => {
  const state = await tempFolder(t);
  const journal = openJournal(state, 'r1');
  for (const event of [CHANGE, COMMAND]) journal.record(event);
  assert.equal(latestLog(state, TASK), HEAD);
  journal.record(applied(5));
  await journal.close();
  assert.deepEqual(await readdir(journal.folder), ['events.ndjson']);
  assert.equal(latestLog(state, TASK), HEAD);
});

test('journal has a log of a task that said nothing and failed', async (t) => {
  const state = await tempFolder(t);
  const journal = openJournal(state, 'r1');
  const failed: Event = { kind: 'task', at: 3, id: TASK, state: 'failed', took: 1 };
  for (const event of [CHANGE, COMMAND, failed]) journal.record(event);
  await journal.close();
  assert.equal(await readFile(join(journal.folder, logFile(TASK)), 'utf8'), HEAD);
});

test('journal of a run that was cut off in an event is read up to there', async (t) => {
  const state = await tempFolder(t);
  const journal = openJournal(state, 'r1');
  for (const event of [CHANGE, COMMAND]) journal.record(event);
  await appendFile(join(journal.folder, 'events.ndjson'), JSON.stringify(COMMAND).slice(0, -5));
  assert.equal(latestLog(state, TASK), HEAD);
  await journal.close();
});

test('journal is on the disk while the run goes on', async (t) => {
  const state = await tempFolder(t);
  const journal = openJournal(state, 'r1');
  journal.record({ kind: 'output', id: TASK, text: 'so far\n' });
  journal.record(applied(5));
  assert.equal(await latestLog(state, TASK), '| so far\n');
  assert.equal(
    await readFile(join(journal.folder, 'events.ndjson'), 'utf8'),
    `${JSON.stringify(applied(5))}\n`,
  );
  await journal.close();
});

test('journal holds the log of a task open from its first line to its end', async (t) => {
  const journal = openJournal(await tempFolder(t), 'r1');
  const log = join(journal.folder, logFile(TASK));
  const open = async () => {
    const files = await Promise.all(
      (await readdir('/proc/self/fd')).map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')),
    );
    return files.filter((file) => file === log).length;
  };
  journal.record({ kind: 'output', id: TASK, text: 'one\n' });
  journal.record({ kind: 'output', id: TASK, text: 'two\n' });
  assert.equal(await open(), 1);
  journal.record(applied(5));
  assert.equal(await open(), 0);
  journal.record({ kind: 'output', id: TASK, text: 'too late\n' });
  await journal.close();
  assert.equal(await open(), 0);
  assert.equal(await readFile(log, 'utf8'), '| one\n| two\n| too late\n');
});

test('journal remembers the last five durations of what was applied, and of nothing else', async (t) => {
  const state = await tempFolder(t);
  for (let n = 1; n <= 7; n++) {
    const journal = openJournal(state, `r${n}`);
    journal.record(applied(n));
    journal.record({ kind: 'task', at: 1, id: taskId('node-1', 'runc', 'same'), state: 'verified', took: 1 });
    journal.record({ kind: 'task', at: 1, id: taskId('node-1', 'runc', 'bad'), state: 'failed', took: 1 });
    await journal.close();
  }
  assert.deepEqual(readDurations(state), { [TASK]: [3, 4, 5, 6, 7] });
});

test('durations that are not there, or torn, are none', async (t) => {
  const state = await tempFolder(t);
  assert.deepEqual(readDurations(state), {});
  await writeFile(join(state, 'durations.json'), '{"torn');
  assert.deepEqual(readDurations(state), {});
});

test('durations that hold a null are none', async (t) => {
  const state = await tempFolder(t);
  await writeFile(join(state, 'durations.json'), 'null');
  assert.deepEqual(readDurations(state), {});
});

test('median is the middle, the lower of two, and nothing of nothing', () => {
  assert.deepEqual([[3, 1, 2], [4, 1, 3, 2], [7], []].map(median), [2, 2, 7, undefined]);
});

test('journal keeps ten runs and a link to the last', async (t) => {
  const state = await tempFolder(t);
  const runs = Array.from({ length: 12 }, (_, index) => `20261122-1203${String(index).padStart(2, '0')}-1`);
  for (const run of runs) await openJournal(state, run).close();
  assert.deepEqual((await readdir(join(state, 'runs'))).toSorted(), runs.slice(2));
  assert.equal(await readlink(join(state, 'latest')), `runs/${runs.at(-1)}`);
});

for (const [what, make] of [
  ['a file', (path: string) => writeFile(path, '')],
  ['a folder with files', (path: string) => mkdir(path).then(() => writeFile(join(path, 'a'), ''))],
] as const)
  test(`journal puts its link to the last run where ${what} stands`, async (t) => {
    const state = await tempFolder(t);
    const latest = join(state, 'latest');
    await make(latest);
    await openJournal(state, 'r1').close();
    assert.equal(await readlink(latest), 'runs/r1');
  });

test('journal leaves what a link to the last run led to as it is', async (t) => {
  const state = await tempFolder(t);
  for (const run of ['r1', 'r2']) await openJournal(state, run).close();
  assert.deepEqual(await readdir(join(state, 'runs/r1')), ['events.ndjson']);
});

test('what is no run among the runs keeps no log from being found', async (t) => {
  const state = await tempFolder(t);
  const journal = openJournal(state, 'r1');
  journal.record({ kind: 'output', id: TASK, text: 'said\n' });
  await journal.close();
  await writeFile(join(state, 'runs/zip'), '');
  await mkdir(join(state, 'runs/latest'));
  assert.equal(latestLog(state, TASK), '| said\n');
});

test('latest log is of the newest run in which the task did something', async (t) => {
  const state = await tempFolder(t);
  for (const [run, text] of [
    ['r1', 'one'],
    ['r2', 'two'],
    ['r3', ''],
  ] as const) {
    const journal = openJournal(state, run);
    if (text) journal.record({ kind: 'output', id: TASK, text });
    await journal.close();
  }
  assert.equal(await latestLog(state, TASK), '| two');
  assert.equal(await latestLog(state, taskId('node-1', 'runc', 'never')), undefined);
});

/** Commands that read write nothing: no file, no folder, no time of one, wherever cc keeps something. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { notes, type Site } from './notes.ts';

/** All that is below a folder, with what a write would change; a file that comes and goes changes the time of its folder. */
function pictureOf(folder: string): string {
  const words = [folder, '-printf', '%p %y %m %u:%g %s %T@ %C@ %l\n'];
  return execFileSync('find', words, { encoding: 'utf8' }).split('\n').toSorted().join('\n');
}

const COMMANDS = [
  ...[['plan'], ['plan', '--json'], ['status'], ['status', '--json'], ['status', 'copy']],
  ...[
    ['why', 'copy'],
    ['list'],
    ['list', '--json'],
    ['graph'],
    ['graph', '--format', 'dot'],
    ['logs', 'copy'],
  ],
  ...[['--help'], ['--version'], ['plan', 'no-such-task'], ['plan', '--set', 'note.text=two']],
];

const STATES: Readonly<Record<string, (site: Site) => Promise<unknown>>> = {
  'nothing was run': async () => {},
  'all is as declared': ({ run }) => run('run', 'all'),
  'something drifted': async ({ cwd, run }) => {
    await run('run', 'all');
    await writeFile(join(cwd, 'note'), 'drift');
  },
};

for (const [when, prepare] of Object.entries(STATES)) {
  test(`commands that read write nothing where ${when}`, async (t) => {
    const site = await notes(t);
    await prepare(site);
    const before = pictureOf(site.cwd);
    for (const words of COMMANDS) {
      const { stdout, stderr } = await site.run(...words);
      assert.notEqual(stdout + stderr, '', words.join(' '));
      assert.equal(pictureOf(site.cwd), before, words.join(' '));
    }
  });
}

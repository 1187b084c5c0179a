/** For any recipe, however it was changed: cleanup does what its plan says, and nothing of cc is left after it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cmd } from '../../core/model/command.ts';
import type { Host } from '../../core/model/plugin.ts';
import { type Step, step } from '../../core/model/step.ts';
import type { Task } from '../../core/model/task.ts';
import { folder } from '../../core/steps/folder.ts';
import { running } from '../../core/steps/running.ts';
import { written } from '../../core/steps/written.ts';
import { type Dice, dice, shuffled } from '../graph/random.ts';
import type { Paper } from '../rig/paper.ts';
import { withSeed } from '../rig/seed.ts';
import { CONTROLLER, NODE, taskOf } from './context.ts';
import { did, siteOn, told } from './site.ts';

const OTHER: Host = { ...NODE, name: 'node-2', connection: { kind: 'ssh', address: 'also on paper' } };
const HOSTS = [NODE, OTHER];

const file = (name: string, path: string, text: string) => written(text, { name, path });

/** A thing that commands make and take away. */
const made = (name: string, thing: string): Step =>
  step<{ there: boolean }>({
    name,
    inputs: { thing },
    probe: async (view) => ({ there: (await view.stat(thing)) !== undefined }),
    plan: ({ there }) =>
      there ? [] : [{ kind: 'run', command: cmd`make ${thing}`, why: 'it is not there' }],
    undo: ({ there }) => (there ? [{ kind: 'run', command: cmd`unmake ${thing}`, why: 'it was made' }] : []),
  });

/** One step for each thing, so that no two are about the same. */
const THINGS: readonly ((roll: Dice, name: string) => readonly Step[])[] = [
  (roll, name) => [file(name, '/etc/x/a', `a${roll(2)}`)],
  (roll, name) => [file(name, `/etc/x/b${roll(3)}`, 'b')],
  (_, name) => [folder({ name, path: '/srv/d' }), file(`${name}-in`, '/srv/d/in', 'in')],
  (_, name) => [folder({ name, path: '/srv/e' })],
  (roll, name) => [
    file(name, '/etc/systemd/system/x.service', `unit${roll(2)}`),
    running('x.service', { name: `${name}-runs`, restartOn: ['/etc/x/a'] }),
  ],
  (_, name) => [running('theirs.service', { name })],
  (roll, name) => [made(name, `/run/thing${roll(2)}`)],
  (_, name) => [made(name, '/run/other')],
];

/** Each step needs the one before it, as those of a plugin do; some have moved to another plugin. */
function recipeOf(roll: Dice): readonly Task[] {
  return [CONTROLLER, ...HOSTS].flatMap((host) => {
    const tasks: Task[] = [];
    for (const index of shuffled([...THINGS.keys()], roll).slice(0, roll(6))) {
      const name = `s${roll(20) === 0 ? index + 10 : index}`;
      for (const each of THINGS[index]!(roll, name)) // of the keys
        tasks.push(
          taskOf(each, {
            host,
            plugin: roll(4) === 0 ? 'q' : 'p',
            needs: tasks.slice(-1).map(({ id }) => id),
          }),
        );
    }
    return tasks;
  });
}

function prepared(host: Paper): void {
  host.when('make', ([, thing = '']) => {
    host.write(thing, thing);
    return '';
  });
  host.when('unmake', ([, thing = '']) => {
    if (!host.disk.delete(thing)) return { code: 1, stderr: 'it is not there\n' };
    return '';
  });
  host.when('find', ([, path = '']) => {
    const filled = [...host.disk.keys()].some((other) => other.startsWith(`${path}/`));
    return filled ? '' : `${path}\n`;
  });
  host.write('/run/own', '');
  host.write('/etc/x/b0', 'theirs');
  host.units.set('theirs.service', { active: 'active', enabled: 'enabled', starts: 1 });
}

test('cleanup takes back what its plan lists, and leaves no record and no note', (t) =>
  withSeed(async (seed) => {
    for (let round = 0; round < 40; round++) {
      const roll = dice(seed + round);
      const site = await siteOn(t, HOSTS);
      const papers = Object.values(site.papers);
      papers.forEach(prepared);
      const before = papers.map((host) => host.snapshot());
      let tasks = recipeOf(roll);
      for (let runs = 1 + roll(3); runs > 0; runs--) {
        const { exit, events } = await site.run('all', tasks);
        assert.equal(exit, 0, `${round}: ${JSON.stringify(events.find((e) => 'failure' in e))}`);
        tasks = roll(3) === 0 ? tasks : recipeOf(roll);
      }
      const lost = roll(3) === 0;
      if (lost)
        for (const name of site.papers['node-1']!.stamps.keys()) // the site has it
          if (roll(2) === 0) site.papers['node-1']!.stamps.delete(name);
      const plan = await site.look('cleanup', tasks);
      const done = await site.run('cleanup', tasks);
      assert.deepEqual(told(plan), did(done), `${round}`);
      assert.equal(done.exit, 0, `${round}`);
      assert.deepEqual(await site.look('cleanup', tasks), [], `${round}`);
      for (const { stamps, owned, host } of papers) {
        assert.deepEqual([...stamps.keys()], [], `${round}: ${host}`);
        if (host !== 'controller') assert.deepEqual([...owned], [], `${round}: ${host}`);
      }
      const after = papers.map((host) => host.snapshot().filter((line) => !line.startsWith('x.service')));
      if (!lost) assert.deepEqual(after, before, `${round}`);
    }
  }));

/** A run that is killed at any moment: what is said afterwards of what is on the disk, and that the next run mends it. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Dice, dice } from '../graph/random.ts';
import { type Cleanup, ccWith, folder, MOD, startCc } from '../rig/cc.ts';

const CHAINS = 4;

/** Files of one version, and copies that are made in two steps, so that a kill can leave half of one. */
const RECIPE = `import { built, cmd, folder, plugin, recipe, v, written } from '${MOD}';

const here = import.meta.dirname;
const at = { where: 'controller', root: false };

const chain = (n) => plugin({
  name: 'chain-' + n,
  help: 'a folder, a file in it, and a copy of that',
  options: v.strictObject({}),
  build: ({}, { cache }) => {
    const [place, version] = [here + '/out/' + n, process.env.VERSION];
    const make = 'printf half >"$1" && cat "$0" >"$1" && echo "$2" >>"$1"';
    return { steps: [
      folder({ name: 'folder', path: place, mode: 0o750, ...at }),
      written(('text ' + n + ' ' + version + '\\n').repeat(2_000), { name: 'text', path: place + '/text', ...at }),
      built({
        name: 'copy', outputs: [place + '/copy'], ...at,
        make: [cmd\`sh -c \${make} \${place + '/text'} \${place + '/copy'} \${version}\`],
      }),
    ] };
  },
});

const plugins = Array.from({ length: ${CHAINS} }, (_, n) => chain(n)());
export default recipe({ name: 'crash', plugins });
`;

const STEPS = ['folder', 'text', 'copy'] as const;

/** What is right for a task of a version, whoever asks. */
async function isRight(cwd: string, task: string, version: number): Promise<boolean> {
  const [, chain = '', step = ''] = /^controller\/chain-(\d)\/(\w+)$/.exec(task) ?? assert.fail(task);
  if (step === 'folder') return true; // the files are in it
  const found = await readFile(join(cwd, 'out', chain, step), 'utf8').catch(() => '');
  const text = `text ${chain} ${version}\n`.repeat(2_000);
  return found === (step === 'text' ? text : `${text}${version}\n`);
}

/** Kills a run after as many of its events as the dice say, and some turns of this process; it may be over by then. */
async function killed(cwd: string, roll: Dice, env: Record<string, string>): Promise<void> {
  const { child, ended } = startCc(env, cwd, 'run', 'all', '--json');
  let left = roll(CHAINS * STEPS.length * 9);
  for await (const _ of createInterface({ input: child.stdout! })) if (left-- <= 0) break; // piped, as it was spawned
  for (let turns = roll(20); turns > 0; turns--) await new Promise(setImmediate);
  child.kill('SIGKILL');
  await ended;
}

const IDS = Array.from({ length: CHAINS }, (_, n) =>
  STEPS.map((step) => `controller/chain-${n}/${step}`),
).flat();

function tasksOf(status: string): readonly { readonly id: string; readonly kind: string }[] {
  return JSON.parse(status).tasks;
}

/** requires: the same seed kills at the same events, not at the same instants. */
export async function survivesKills(test: Cleanup, seed: number, kills: number): Promise<void> {
  const cwd = await folder(test, { 'cc.config.ts': RECIPE });
  const roll = dice(seed);
  for (let version = 1; version <= kills; version++) {
    const env = { VERSION: String(version) };
    await killed(cwd, roll, env);
    const where = `after kill ${version}`;
    const status = await ccWith(env, cwd, 'status', '--json');
    for (const { id, kind } of tasksOf(status.stdout))
      if (kind === 'as-declared')
        assert.ok(await isRight(cwd, id, version), `${where}, ${id} is called right`);
    const ran = await ccWith(env, cwd, 'run', 'all');
    assert.equal(ran.code, 0, `${where}: ${ran.stdout}${ran.stderr}`);
    for (const id of IDS) assert.ok(await isRight(cwd, id, version), `${where} and a run, ${id} is wrong`);
  }
}

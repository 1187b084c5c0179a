/** Reading commands while a run is at work: they say whose it is, and change nothing. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { username } from '../../core/host/local.ts';
import { until } from '../host/second-process.ts';
import { cc, folder, MOD, startCc } from '../rig/cc.ts';

const SLOW = `import { built, cmd, plugin, recipe, v } from '${MOD}';
const here = import.meta.dirname;
const make = [cmd\`sh -c \${'touch ' + here + '/begun; exec sleep 1000'}\`];
const slow = plugin({ name: 'slow', help: 'x', options: v.strictObject({}), build: () => ({
  steps: [built({ name: 'file', outputs: [here + '/out'], make, where: 'controller', root: false })] }) });
export default recipe({ name: 'slow', plugins: [slow()] });
`;

test('a task is being changed while its run lives, and was interrupted once that is dead', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': SLOW });
  const { child, ended } = startCc({}, cwd, 'run', 'all');
  t.after(() => child.kill('SIGKILL'));
  await until('it has begun', async () => existsSync(join(cwd, 'begun')));
  const owner = JSON.parse(readFileSync(join(cwd, 'state/cc/slow/hold'), 'utf8'));
  const { run, since } = owner;
  const whose = `cc run all (${username()} on ${hostname()}, pid ${child.pid}, run ${run}), since ${since}`;
  const now = `… controller/slow/file is being changed by ${whose}\n`;
  const status = await cc(cwd, 'status');
  const rest = `0 of 1 tasks are as declared\nat work now: ${whose}\n`;
  assert.deepEqual(status, { code: 2, stdout: now + rest, stderr: '' });
  assert.deepEqual((await cc(cwd, 'plan')).stdout.split('\n')[0], now.trimEnd());
  assert.deepEqual((await cc(cwd, 'why', 'slow')).stdout, now);
  assert.deepEqual(JSON.parse((await cc(cwd, 'plan', '--json')).stdout), {
    recipe: 'slow',
    tasks: [{ kind: 'running', id: 'controller/slow/file', owner }],
    running: owner,
  });
  child.kill('SIGKILL');
  await ended;
  const { code, stdout } = await cc(cwd, 'status');
  assert.equal(code, 2);
  assert.equal(stdout.split('\n')[1], `    interrupted in run ${run}`);
  assert.doesNotMatch(stdout, /at work now/);
});

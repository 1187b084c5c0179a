/** One machine under two names, on a real host with two addresses: no name takes what the other declares. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { hostRig, type RigHost } from '../rig/hosts.ts';
import { oddSite, PATIENCE, reachedBy, summary } from './odd.ts';

const { skip, host } = await hostRig({ after });
const must = { skip, timeout: PATIENCE };

const STEPS = "written('A', { name: 'a', path: '/srv/left/a' }),";
const TWO = { config: ['ListenAddress 127.0.0.2'] };
const elsewhere = (box: RigHost) => reachedBy(box, { address: '127.0.0.2' });

async function there(box: RigHost): Promise<string> {
  return (await box.exec(['sh', '-c', 'ls /srv/left /var/lib/cc/stamps 2>/dev/null; true'])).stdout;
}

interface Known {
  readonly name: string;
  readonly connection: { readonly address: string };
  readonly machine?: string;
  readonly identity?: string;
}

async function known(cwd: string): Promise<readonly Known[]> {
  return JSON.parse(await readFile(join(cwd, 'state/cc/odd/hosts.json'), 'utf8')) as readonly Known[];
}

test('two names of one machine are refused, by run and by cleanup of one of them', must, async (t) => {
  const box = await host(t, 'box', TWO);
  const site = await oddSite(t, { a: box, b: elsewhere(box) }, { steps: STEPS });
  const told =
    /Cannot work on [ab] \(127\.0\.0\.[12]:\d+\) and [ab] \(127\.0\.0\.[12]:\d+\): they are one machine$/m;
  const ran = await site.run('run', 'all', '--keep-going');
  assert.equal(ran.code, 65, ran.stdout);
  assert.match(ran.stdout, told);
  for (const words of [['status'], ['run', 'all'], ['run', 'cleanup']]) {
    const { code, stdout } = await site.run(...words);
    assert.equal(code, 65, stdout);
    assert.match(stdout, told);
  }
});

test(
  'a host with another address is the same machine: nothing is left of it by the old one',
  must,
  async (t) => {
    const box = await host(t, 'box', TWO);
    const site = await oddSite(t, { a: box }, { steps: STEPS });
    assert.equal((await site.run('run', 'all')).code, 0);
    const file = join(site.cwd, 'cc.config.ts');
    await writeFile(file, (await readFile(file, 'utf8')).replace('127.0.0.1', '127.0.0.2'));
    const plan = await site.run('plan', 'cleanup');
    assert.match(plan.stdout, /^1 task would be taken back$/m);
    const back = await site.run('run', 'cleanup', '--limit', '127.0.0.1');
    assert.match(
      back.stdout,
      /are one machine, and the recipe has one of them: nothing is done by the other name$/m,
    );
    assert.equal(await there(box), '/srv/left:\na\n\n/var/lib/cc/stamps:\na+odd+a.json\nsite\n');
    assert.deepEqual(summary(await site.run('run', 'all')), {
      code: 0,
      whole: '0 changed: 1 verified',
      stderr: '',
    });
    assert.deepEqual(
      (await known(site.cwd)).map(({ name, connection }) => [name, connection.address]),
      [['a', '127.0.0.2']],
    );
    assert.equal((await site.run('status')).code, 0);
  },
);

test('swapped addresses are refused, and cleanup takes back what stands on each', must, async (t) => {
  const [one, two] = [await host(t, 'one'), await host(t, 'two')];
  const site = await oddSite(t, { 'w-1': one, 'w-2': two }, { steps: STEPS });
  assert.equal((await site.run('run', 'all')).code, 0);
  const file = join(site.cwd, 'cc.config.ts');
  const [a, b] = [`"port":${one.target.port}`, `"port":${two.target.port}`];
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace(a, '@').replace(b, a).replace('@', b));
  for (const words of [['status'], ['run', 'all']]) {
    const { code, stdout } = await site.run(...words);
    assert.equal(code, 65);
    assert.match(
      stdout,
      /Cannot work on w-1 \(\S+\): things of "w-2" stand there, which is declared as another machine$/m,
    );
    assert.match(stdout, /Cannot work on w-2 \(\S+\): things of "w-1" stand there/);
  }
  const before = await there(one);
  const limited = await site.run('run', 'cleanup', '--limit', 'w-1');
  assert.equal(limited.code, 0, limited.stdout + limited.stderr);
  assert.deepEqual([await there(one), await there(two)], [before, '']);
  assert.equal((await site.run('run', 'cleanup')).code, 0);
  assert.equal(await there(one), '');
  assert.equal((await site.run('run', 'all')).code, 0);
});

test('a machine of another site is not remembered', must, async (t) => {
  const box = await host(t, 'box');
  const site = await oddSite(t, { a: box }, { steps: STEPS });
  assert.equal((await site.run('run', 'all')).code, 0);
  const other = await oddSite(t, { a: box }, { steps: STEPS });
  assert.equal((await other.run('run', 'all')).code, 65);
  await assert.rejects(known(other.cwd), { code: 'ENOENT' });
});

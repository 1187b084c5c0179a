/** What left a recipe, on real hosts: shown, taken back where its host is still declared, and known where that has left, too. */
import assert from 'node:assert/strict';
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { hostRig, type RigHost } from '../rig/hosts.ts';
import { type OddSite, oddSite, PATIENCE, summary } from './odd.ts';

const { skip, host } = await hostRig({ after });
const must = { skip, timeout: PATIENCE };

const STEPS = `
  written('A', { name: 'a', path: '/srv/left/a' }),
  written('B', { name: 'b', path: '/srv/left/b' }),
`;

async function edited(site: OddSite, change: (text: string) => string): Promise<void> {
  const file = join(site.cwd, 'cc.config.ts');
  const before = await readFile(file, 'utf8');
  const text = change(before);
  assert.notEqual(text, before);
  await writeFile(file, text);
}

const withoutStep = (text: string) => text.replace(/ {2}written\('B'.*\n/, '');
const withoutHost = (name: string) => (text: string) =>
  text.replace(/hosts: (\[.*\])/, (_, hosts: string) => {
    const kept = (JSON.parse(hosts) as { name: string }[]).filter((each) => each.name !== name);
    return `hosts: ${JSON.stringify(kept)}`;
  });

/** What stands on a host of all that cc ever puts there. */
async function standing(box: RigHost): Promise<readonly string[]> {
  const { stdout } = await box.exec([
    'sh',
    '-c',
    'find /srv/left /var/lib/cc -type f 2>/dev/null | sort; true',
  ]);
  return stdout.split('\n').filter((line) => line.startsWith('/srv') || line.includes('/var/lib/cc'));
}

async function site(t: TestContext, steps: string, ...names: readonly string[]) {
  const boxes = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await host(t, name, { sshd: 'debian' })] as const)),
  );
  const made = await oddSite(t, boxes, { steps });
  assert.equal((await made.run('run', 'all')).code, 0);
  return { made, boxes };
}

test('a step that left the recipe is shown, and taken back by the next run', must, async (t) => {
  const { made, boxes } = await site(t, STEPS, 'one');
  await edited(made, withoutStep);
  const status = await made.run('status');
  assert.equal(status.code, 2);
  assert.match(status.stdout, /^≠ one\/odd\/b\n {4}\/srv\/left\/b was put there by cc\n/);
  const plan = await made.run('plan');
  assert.match(plan.stdout, /^▶ one\/odd\/b \(no longer declared: .*\)\n {4}remove \/srv\/left\/b\n/);
  const ran = await made.run('run', 'all');
  assert.deepEqual(summary(ran), { code: 0, whole: '1 changed: 1 applied, 1 verified', stderr: '' });
  assert.deepEqual(
    (await standing(boxes['one']!)).filter((path) => path.startsWith('/srv')),
    ['/srv/left/a'],
  );
  assert.equal((await made.run('status')).code, 0);
});

test('a host that left the recipe is told, left alone, and taken back when it is named', must, async (t) => {
  const { made, boxes } = await site(t, STEPS, 'one', 'two');
  await edited(made, withoutHost('two'));
  const status = await made.run('status');
  assert.equal(status.code, 2);
  assert.match(status.stdout, /^two \(.*\) is no longer in the recipe.*: cc run cleanup --limit two$/m);
  const before = await standing(boxes['two']!);
  const ran = await made.run('run', 'all');
  assert.equal(ran.code, 0);
  assert.match(ran.stderr, /^two \(.*\) is no longer in the recipe/);
  assert.deepEqual(await standing(boxes['two']!), before);
  const back = await made.run('run', 'cleanup', '--limit', 'two');
  assert.deepEqual(summary(back), { code: 0, whole: '2 changed: 2 applied', stderr: '' });
  assert.deepEqual(await standing(boxes['two']!), []);
  assert.equal((await standing(boxes['one']!)).filter((path) => path.startsWith('/srv')).length, 2);
  assert.equal((await made.run('status')).code, 0);
});

/** A member, which the first host has on its list; only code of the plugin can strike it there. */
const MEMBER = `
  step({
    name: 'member',
    probe: async (view) => ({ there: (await view.stat('/srv/left/member')) !== undefined }),
    plan: ({ there }) => there ? [] : [{ kind: 'run', command: { argv: ['sh', '-c', 'mkdir -p /srv/left; echo yes >/srv/left/member'] }, why: 'none' }],
    undo: ({ there }, { staying }) => there ? [
      { kind: 'script', title: 'leave the others', why: 'was one', script: async (shell) => {
        const first = await shell.on(staying[0].name);
        await first.run({ argv: ['sh', '-c', 'echo ' + shell.view.name + ' >>/srv/left/gone'] });
      } },
      { kind: 'run', command: { argv: ['rm', '/srv/left/member'] }, why: 'was one' },
    ] : [],
  }),
`;

test(
  'a host that left is taken back by code of the recipe of today, which no record can hold',
  must,
  async (t) => {
    const { made, boxes } = await site(t, MEMBER, 'one', 'two');
    await edited(made, withoutHost('two'));
    const plan = await made.run('plan', 'cleanup', '--limit', 'two');
    assert.match(plan.stdout, /^ {4}leave the others$/m);
    const back = await made.run('run', 'cleanup', '--limit', 'two');
    assert.deepEqual(summary(back), { code: 0, whole: '1 changed: 1 applied', stderr: '' });
    const { stdout } = await boxes['one']!.exec(['cat', '/srv/left/gone']);
    assert.equal(stdout, 'two\n');
    assert.equal((await boxes['two']!.exec(['test', '-e', '/srv/left/member'])).code, 1);
    assert.equal((await made.run('status')).code, 0);
  },
);

test('cleanup takes back what is declared, what is not any more, and hosts that left', must, async (t) => {
  const { made, boxes } = await site(t, STEPS, 'one', 'two');
  await edited(made, withoutHost('two'));
  await edited(made, withoutStep);
  const plan = await made.run('plan', 'cleanup');
  assert.equal(plan.code, 2);
  assert.match(plan.stdout, /^4 tasks would be taken back$/m);
  assert.equal((await made.run('run', 'cleanup')).code, 0);
  for (const box of Object.values(boxes)) assert.deepEqual(await standing(box), []);
  assert.match((await made.run('plan', 'cleanup')).stdout, /^0 tasks would be taken back$/m);
});

for (const [what, spoil] of [
  ['is lost', (file: string) => rm(file)],
  ['does not load', (file: string) => writeFile(file, 'export default {{{')],
] as const)
  test(`cleanup works from records where the configuration ${what}`, must, async (t) => {
    const { made, boxes } = await site(t, STEPS, 'one');
    await spoil(join(made.cwd, 'cc.config.ts'));
    const back = await made.run('run', 'cleanup');
    assert.equal(back.code, 0, back.stderr);
    assert.match(back.stderr, /^the configuration cannot be used: going by the records of "odd"$/m);
    assert.deepEqual(await standing(boxes['one']!), []);
  });

test('what cc has noted and no stamp knows of any more is taken back, too', must, async (t) => {
  const { made, boxes } = await site(t, STEPS, 'one');
  const box = boxes['one']!;
  await box.exec(['rm', '/var/lib/cc/stamps/one+odd+b.json']);
  await edited(made, withoutStep);
  assert.equal((await made.run('run', 'cleanup')).code, 0);
  assert.deepEqual(await standing(box), []);
});

test('a host of another site is refused, and stays as it is', must, async (t) => {
  const { made, boxes } = await site(t, STEPS, 'one');
  const before = await standing(boxes['one']!);
  const other = await oddSite(t, boxes, { steps: STEPS });
  for (const words of [['status'], ['plan'], ['run', 'all'], ['run', 'cleanup']]) {
    const { code, stdout, stderr } = await other.run(...words);
    assert.equal(code, 65, stdout + stderr);
    assert.match(stdout + stderr, /Cannot work on one: it belongs to another site/);
  }
  assert.deepEqual(await standing(boxes['one']!), before);
  await copyFile(join(made.cwd, 'cc.site'), join(other.cwd, 'cc.site'));
  assert.deepEqual(summary(await other.run('run', 'all')), {
    code: 0,
    whole: '0 changed: 2 verified',
    stderr: '',
  });
});

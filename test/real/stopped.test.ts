/** However a run ends, nothing of it goes on anywhere: neither here nor on a host. */
import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { until } from '../host/second-process.ts';
import type { Ran } from '../rig/cc.ts';
import { hostRig, type RigHost, userSetup } from '../rig/hosts.ts';
import {
  events,
  idle,
  inArguments,
  noBug,
  type OddSite,
  oddSite,
  PATIENCE,
  type Process,
  processes,
  runs,
  soon,
} from './odd.ts';

const { skip, host } = await hostRig({ after });
const must = { skip, timeout: PATIENCE };

/** A run that was told to end does so soon, with the code of the signal, and tells its journal. */
async function endedBy(site: OddSite, ended: Promise<Ran>, code: number, within: number): Promise<void> {
  const ran = await soon('cc ends', ended, within);
  assert.equal(ran.code, code, ran.stdout + ran.stderr);
  noBug(ran.stdout + ran.stderr);
  const { kind, exit } = (await events(site)).at(-1) ?? {};
  assert.deepEqual({ kind, exit }, { kind: 'run-ended', exit: code });
}

/** No process of this machine has the keys of these hosts among its words: no ssh is left. */
async function closed(box: RigHost): Promise<void> {
  const left = async () => (await inArguments(box.target.identity)).length === 0;
  await until('no ssh is left here', left, 5_000);
}

const TWENTY = Array.from({ length: 20 }, (_, index) => `h${index}`);
const SLOW = "echo 'sleep 0.5' >/root/.bashrc";

test(
  'a run over twenty hosts with slow logins ends with TERM, and all that it runs there',
  must,
  async (t) => {
    const boxes = await Promise.all(TWENTY.map((name) => host(t, name, { setup: SLOW })));
    const places = Object.fromEntries(boxes.map((box) => [box.name, box]));
    const site = await oddSite(t, places, { steps: `command('sleeps', ['sleep', '1000'])` });
    const { child, ended } = site.start('run', 'all');
    for (const box of boxes) await runs(box, 'sleep 1000');
    child.kill('SIGTERM');
    await endedBy(site, ended, 143, 10_000);
    await Promise.all(boxes.map((box) => idle(box, 2_000)));
    await closed(boxes[0]!); // there are twenty
  },
);

test('a run that is told to end while hosts are slow to let it in ends soon', must, async (t) => {
  const names = TWENTY.slice(0, 5);
  const setup = "echo 'sleep 1005' >/root/.bashrc";
  const boxes = await Promise.all(names.map((name) => host(t, name, { setup })));
  const places = Object.fromEntries(boxes.map((box) => [box.name, box]));
  const site = await oddSite(t, places, { steps: `command('sleeps', ['sleep', '1000'])` });
  const { child, ended } = site.start('run', 'all');
  for (const box of boxes) await runs(box, 'sleep 1005');
  child.kill('SIGINT');
  await endedBy(site, ended, 130, 10_000);
  await closed(boxes[0]!); // there are five
});

test('a look that hangs on a host ends with the run', must, async (t) => {
  const box = await host(t, 'box');
  const steps = `step({
    name: 'hangs', plan: () => [],
    probe: async (view) => ({ said: await view.read({ argv: ['sh', '-c', 'setsid sleep 1007 & sleep 1006'] }) }),
  })`;
  const site = await oddSite(t, { box }, { steps });
  const { child, ended } = site.start('run', 'all');
  for (const args of ['sleep 1006', 'sleep 1007']) await runs(box, args);
  child.kill('SIGINT');
  await endedBy(site, ended, 130, 10_000);
  await idle(box, 5_000);
  await closed(box);
});

/** Forks twice, begins a session of its own, forgets its environment, and leaves a process behind. */
const ESCAPING = `setsid env -i sh -c '(sleep 1001 & )'; exec sleep 1002`;
const ESCAPES = `command('escapes', ['sh', '-c', ${JSON.stringify(ESCAPING)}])`;

/** Where cc is root, and where it is somebody who becomes root. */
const USERS = {
  root: {},
  admin: { user: 'admin', setup: userSetup('admin', 'admin ALL=(ALL:ALL) NOPASSWD: ALL') },
} as const;

async function escaping(t: TestContext, user: keyof typeof USERS) {
  const box = await host(t, 'box', { sshd: 'debian', ...USERS[user] });
  const site = await oddSite(t, { box }, { steps: ESCAPES });
  const running = site.start('run', 'all');
  const early = running.ended.then(({ stdout, stderr }) => assert.fail(`it ended early: ${stdout}${stderr}`));
  const [command] = await Promise.race([
    Promise.all([runs(box, 'sleep 1002'), runs(box, 'sleep 1001')]),
    early,
  ]);
  early.catch(() => undefined); // from here on it may end
  return { box, site, command, ...running };
}

/** The two processes of the agent: the one whose children the commands are, and the one above it. */
async function agentOf(box: RigHost, command: Process): Promise<readonly [Process, Process]> {
  const all = await processes(box);
  const above: Process[] = [];
  for (let at: Process | undefined = command; at; at = all.find(({ pid }) => pid === at?.parent))
    if (at.name === 'perl') above.push(at);
  const [worker, guard] = above;
  const seen = all.map(({ pid, parent, args }) => `${pid} ${parent} ${args}`).join('\n');
  assert.ok(worker && guard, `no agent of two processes runs the command:\n${seen}`);
  return [worker, guard];
}

for (const user of ['root', 'admin'] as const) {
  for (const [which, what] of ['the one that runs commands', 'the one that guards it'].entries()) {
    test(
      `an agent of ${user} whose process is killed, ${what}, takes all along and is told`,
      must,
      async (t) => {
        const { box, command, ended } = await escaping(t, user);
        const agent = await agentOf(box, command);
        await box.exec(['kill', '-KILL', `${agent[which]!.pid}`]); // there are two
        await idle(box, 5_000);
        const { code, stdout, stderr } = await ended;
        noBug(stdout + stderr);
        assert.equal(code, 1, stdout + stderr);
        assert.match(stdout + stderr, /\bbox\b.*\blost\b|\blost\b.*\bbox\b/i);
        await closed(box);
      },
    );
  }

  test(`cc that is killed takes along what it runs on a host as ${user}`, must, async (t) => {
    const { box, child } = await escaping(t, user);
    child.kill('SIGKILL');
    await idle(box, 8_000);
    await closed(box);
  });

  test(`cc that is told to end takes along what escaped it on a host as ${user}`, must, async (t) => {
    const { box, child, site, ended } = await escaping(t, user);
    child.kill('SIGINT');
    await endedBy(site, ended, 130, 10_000);
    await idle(box, 5_000);
    await closed(box);
  });

  test(`a connection that is lost takes along what ran on a host as ${user}`, must, async (t) => {
    const { box, ended } = await escaping(t, user);
    await box.exec(['pkill', '-KILL', '-f', '^sshd: (root|admin)']);
    await idle(box, 8_000);
    const { code, stdout, stderr } = await ended;
    noBug(stdout + stderr);
    assert.equal(code, 1, stdout + stderr);
    await closed(box);
  });
}

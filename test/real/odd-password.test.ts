/** `cc run --ask-become-pass`: one password, asked for on the terminal, that leads to root on all hosts and is nowhere seen. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { quoted } from '../../core/model/command.ts';
import { until } from '../host/second-process.ts';
import { CC_LINE, envIn } from '../rig/cc.ts';
import { hostRig, type RigHost, userSetup } from '../rig/hosts.ts';
import { inArguments, noBug, type OddSite, oddSite, PATIENCE, STEPS } from './odd.ts';

const { skip, host } = await hostRig({ after });
const must = { skip, timeout: PATIENCE };

const PASSWORD = 'geheim-4711-$HOME';
const WRONG = 'falsch-4711-$HOME';
const SECURE = 'Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"';

/** Two hosts on which admin has the password, and a recipe whose last task waits until it may go on. */
async function twoHosts(t: TestContext, ...defaults: readonly string[]) {
  const sudoers = [...defaults, SECURE, 'admin ALL=(ALL:ALL) ALL'];
  const setup = `${userSetup('admin', ...sudoers)}
echo ${quoted(`admin:${PASSWORD}`)} | chpasswd
mkfifo /rig/go`;
  const boxes = await Promise.all(
    ['one', 'two'].map((name) => host(t, name, { sshd: 'debian', setup, user: 'admin' })),
  );
  const steps = `${STEPS}command('wait', ['sh', '-c', 'cat /rig/go && touch /srv/went'], { done: '/srv/went' }),`;
  const site = await oddSite(t, Object.fromEntries(boxes.map((box) => [box.name, box])), { steps });
  return { boxes, site };
}

/** `cc` on a terminal that shows what is typed where nobody forbids it; each question for a password is answered. */
function typed(t: TestContext, site: OddSite, password: string) {
  const line = `${CC_LINE} run all --ask-become-pass`;
  const env = envIn(site.cwd, { PATH: `${join(site.cwd, 'bin')}:${process.env['PATH']}`, TERM: 'dumb' });
  const words = ['-qe', '--echo', 'always', '-c', line, '/dev/null'];
  const terminal = spawn('script', words, { cwd: site.cwd, env });
  t.after(() => terminal.kill('SIGKILL'));
  const seen = { text: '' };
  let answered = 0;
  terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
    seen.text += text;
    const asked = questions(seen.text);
    if (asked > answered) terminal.stdin.write(`${password}\n`);
    answered = Math.max(asked, answered);
  });
  const ended = once(terminal, 'close').then(([code]) => code as number | null); // what `close` tells
  return { seen, ended };
}

/** How often a password was asked for: a line that is left open for it. */
function questions(text: string): number {
  return text.match(/password[^\n]*: ?/gi)?.length ?? 0;
}

/** Files that hold one of the passwords as it was typed; `argv` is what runs grep where they are. */
async function holding(
  box: RigHost | undefined,
  password: string,
  folders: readonly string[],
): Promise<string> {
  const argv = ['grep', '-rlF', '--devices=skip', '--', password, ...folders];
  if (box) return (await box.exec(argv)).stdout;
  const child = spawn('grep', argv.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  let found = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    found += text;
  });
  await once(child, 'close');
  return found;
}

const PLACES = ['/etc', '/var', '/srv', '/root', '/home', '/run', '/tmp', '/dev/shm'];

/** Nothing that was shown and no file, here or there, has it. */
async function unseen(site: OddSite, boxes: readonly RigHost[], password: string, shown: string) {
  assert.ok(!shown.includes(password), shown);
  assert.equal(await holding(undefined, password, [site.cwd]), '');
  for (const box of boxes) assert.equal(await holding(box, password, PLACES), '');
}

for (const [what, ...defaults] of [
  ['sudo as it is', 'Defaults !use_pty'],
  ['sudo with use_pty', 'Defaults use_pty'],
  ['sudo that forgets at once', 'Defaults timestamp_timeout = 0'],
  ['sudo with a question of its own', 'Defaults passprompt = "Passwort fuer %p: ", lecture = always'],
] as const) {
  test(`a password is asked for once for all hosts, and seen nowhere: ${what}`, must, async (t) => {
    const { boxes, site } = await twoHosts(t, ...defaults);
    const { seen, ended } = typed(t, site, PASSWORD);
    const waiting = until('both are at their last task', async () => {
      const found = await Promise.all(boxes.map((box) => box.exec(['pgrep', '-fx', 'cat /rig/go'])));
      return found.every(({ code }) => code === 0);
    });
    await Promise.race([waiting, ended.then((code) => assert.fail(`exit ${code}: ${seen.text}`))]);
    assert.deepEqual(await inArguments(PASSWORD), []);
    for (const box of boxes) await box.exec(['sh', '-c', 'echo >/rig/go']);
    assert.equal(await ended, 0, seen.text);
    assert.equal(questions(seen.text), 1, seen.text);
    await unseen(site, boxes, PASSWORD, seen.text);
  });
}

test('a wrong password leads to no root, and is seen nowhere', must, async (t) => {
  const { boxes, site } = await twoHosts(t);
  const { seen, ended } = typed(t, site, WRONG);
  assert.equal(await ended, 77, seen.text);
  assert.match(seen.text, /Cannot become root on (one|two) as admin/);
  noBug(seen.text);
  await unseen(site, boxes, WRONG, seen.text);
});

test('a password cannot be asked for where nobody can type it', must, async (t) => {
  const { site } = await twoHosts(t);
  const { code, stdout, stderr } = await site.run('run', 'all', '--ask-become-pass');
  noBug(stdout + stderr);
  assert.match(stdout + stderr, /terminal/);
  assert.ok(code === 64 || code === 77, `exit ${code}`);
});

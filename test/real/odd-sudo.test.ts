/** Hosts on which cc is somebody who becomes root by sudo, in whatever way sudoers wants it. */
import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { hostRig, type RigHost, userSetup } from '../rig/hosts.ts';
import { oddSite, PATIENCE, refused, summary, works } from './odd.ts';

const { skip, host } = await hostRig({ after });
const must = { skip, timeout: PATIENCE };

const FREE = 'admin ALL=(ALL:ALL) NOPASSWD: ALL';
const SECURE = 'Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"';

/** A host that lets admin in, with these lines of sudoers. */
function adminOn(t: TestContext, name: string, sudoers: readonly string[], more = ''): Promise<RigHost> {
  const setup = `${userSetup('admin', ...sudoers)}${more}`;
  return host(t, name, { sshd: 'debian', setup, user: 'admin' });
}

for (const [what, ...defaults] of [
  ['as Debian has it', 'Defaults env_reset', 'Defaults mail_badpass', SECURE],
  ['with use_pty', 'Defaults use_pty', SECURE],
  ['without use_pty', 'Defaults !use_pty', SECURE],
  ['with a log of what is typed and shown', 'Defaults log_input, log_output', SECURE],
  ['with a lecture for everybody', 'Defaults lecture = always', SECURE],
  ['with a umask of its own', 'Defaults umask = 0077, umask_override', SECURE],
] as const) {
  test(`sudo ${what} leads to root`, must, async (t) => {
    const box = await adminOn(t, 'box', [...defaults, FREE]);
    await works(await oddSite(t, { box }), box);
  });
}

const SYSCTL = `command('kernel', ['sh', '-c', 'sysctl -n kernel.ostype >/srv/kernel'], { done: '/srv/kernel' }),
step({
  name: 'look',
  probe: async (view) => ({ type: await view.read({ argv: ['sysctl', '-n', 'kernel.ostype'] }) }),
  plan: ({ type }) => (type === 'Linux\\n' ? [] : [{ kind: 'run', command: { argv: ['false'] }, why: type }]),
}),`;

test('programs of root are found where sudoers has no secure_path', must, async (t) => {
  const box = await adminOn(t, 'box', ['Defaults env_reset', FREE]);
  const site = await oddSite(t, { box }, { steps: SYSCTL });
  const ran = await site.run('run', 'all');
  assert.deepEqual(
    summary(ran),
    { code: 0, whole: '1 changed: 1 applied, 1 adopted', stderr: '' },
    ran.stdout,
  );
  assert.equal((await box.exec(['cat', '/srv/kernel'])).stdout, 'Linux\n');
});

test('sudo that wants a terminal is refused in its words', must, async (t) => {
  const box = await adminOn(t, 'box', ['Defaults requiretty', SECURE, FREE]);
  const said = await refused(await oddSite(t, { box }), 77);
  assert.match(said, /Cannot become root on box as admin\n\s+sudo: sorry, you must have a tty to run sudo\n/);
});

test('sudo that wants a password is refused in its words', must, async (t) => {
  const box = await adminOn(t, 'box', [SECURE, 'admin ALL=(ALL:ALL) ALL']);
  const said = await refused(await oddSite(t, { box }), 77);
  assert.match(said, /Cannot become root on box as admin\n\s+sudo: a password is required\n/);
});

test('user whom sudoers does not name is refused in words of sudo', must, async (t) => {
  const box = await adminOn(t, 'box', [SECURE]);
  assert.match(await refused(await oddSite(t, { box }), 77), /Cannot become root on box as admin\n\s+\S+/);
});

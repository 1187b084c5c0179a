/** Hosts are the same to cc whatever their shells do: which one it is, what it says, how long it takes, what it sets. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { hostRig } from '../rig/hosts.ts';
import { oddSite, PATIENCE, refused, STEPS, summary, works } from './odd.ts';

const { skip, host } = await hostRig({ after });
const must = { skip, timeout: PATIENCE };

/** Login shells, with the file that each reads before it runs a command, and a line of it that prints. */
const SHELLS = [
  ['/bin/bash', '/root/.bashrc'],
  ['/usr/bin/zsh', '/root/.zshenv'],
  ['/usr/bin/fish', '/root/.config/fish/config.fish'],
  ['/bin/tcsh', '/root/.tcshrc'],
  ['/bin/dash', '/root/.profile'],
] as const;

for (const [shell, file] of SHELLS) {
  test(`ssh hosts work whatever the login shell: ${shell}`, must, async (t) => {
    const box = await host(t, 'box', { setup: `usermod --shell ${shell} root` });
    await works(await oddSite(t, { box }), box);
  });

  test(`ssh hosts work whatever ${shell} says before it runs anything`, must, async (t) => {
    const setup = `usermod --shell ${shell} root
mkdir -p "$(dirname ${file})"
cat >${file} <<'RC'
echo "Welcome to the box"
/bin/printf 'a line, \\000, \\377\\376 and no end of it'
/bin/sh -c 'echo "all is well" >&2'
RC`;
    const box = await host(t, 'box', { setup });
    await works(await oddSite(t, { box }), box);
  });
}

test('ssh host that lets nobody in but in words is left with these words', must, async (t) => {
  const words = 'Please login as the user "ubuntu" rather than the user "root".';
  const setup = `sed -i "s|^|command=\\"echo '${words.replaceAll('"', '\\\\\\\\\\"')}';echo;exit 142\\" |" /root/.ssh/authorized_keys`;
  const box = await host(t, 'box', { setup });
  assert.match(await refused(await oddSite(t, { box }), 1, 77), new RegExp(words));
});

test('ssh host whose login shell is nologin is left with its words', must, async (t) => {
  const box = await host(t, 'box', { setup: 'usermod --shell /usr/sbin/nologin root' });
  const said = await refused(await oddSite(t, { box }), 1, 77);
  assert.match(said, /This account is currently not available\./);
});

const TEN = Array.from(
  { length: 10 },
  (_, task) => `command('c${task}', ['touch', '/srv/c${task}'], { done: '/srv/c${task}', needs: [] }),`,
).join('\n');

test('a slow login is paid for once a run, by however many tasks', must, async (t) => {
  const setup = `cat >/root/.bashrc <<'RC'
sleep 0.5
echo login >>/root/logins
RC`;
  const box = await host(t, 'box', { setup });
  const site = await oddSite(t, { box }, { steps: TEN });
  for (const [run, whole] of ['10 changed: 10 applied', '0 changed: 10 verified'].entries()) {
    assert.deepEqual(summary(await site.run('run', 'all')), { code: 0, whole, stderr: '' });
    const { stdout } = await box.exec(['cat', '/root/logins']);
    assert.deepEqual([stdout, box.logins()], ['login\n'.repeat(run + 1), run + 1]);
  }
});

/** What makes perl read and write otherwise than it is told, or complain. */
const PERL = { PERL_UNICODE: 'SDA', PERL5OPT: '-CSDA', LANG: 'xx_YY.UTF-8', LC_ALL: 'xx_YY.UTF-8' };
const LINES = `
  written('\\u0000\\u00ff\\u20ac'.repeat(9999), { name: 'odd', path: '/srv/odd/bytes' }),
  command('says', ['sh', '-c', 'printf "\\\\377\\\\n€\\\\n"; cat >/srv/odd/read'], { done: '/srv/odd/read', more: { input: 'ä€' } }),
`;

test('what is set for perl, here and on a host, changes no byte and says nothing', must, async (t) => {
  const exports = Object.entries(PERL).map(([name, value]) => `export ${name}=${value}\n`);
  const setup = `cat >/root/.bashrc <<'RC'\n${exports.join('')}RC`;
  const config = [
    `SetEnv ${Object.entries(PERL)
      .map((pair) => pair.join('='))
      .join(' ')}`,
  ];
  const box = await host(t, 'box', { setup, config });
  const site = await oddSite(t, { box }, { steps: STEPS + LINES, env: PERL });
  const ran = await site.run('run', 'all');
  assert.deepEqual(summary(ran), { code: 0, whole: '5 changed: 5 applied', stderr: '' });
  assert.doesNotMatch(ran.stdout, /perl: warning/);
  const { stdout } = await box.exec(['sh', '-c', 'cd /srv/odd; cat some/text read; wc -c <bytes']);
  assert.equal(stdout, `zwölf Boxkämpfer, € 12\nä€${6 * 9999}\n`);
  const again = await site.run('run', 'all');
  assert.deepEqual(summary(again), { code: 0, whole: '0 changed: 5 verified', stderr: '' });
});

const MODES = `cd /srv; stat -c '%A %U:%G %n' odd odd/some odd/some/text odd/folder`;

test('what is made on a host has the modes that are declared, whatever its umask', must, async (t) => {
  const setup = `umask 077
cat >/root/.bashrc <<'RC'
umask 077
RC`;
  const box = await host(t, 'box', { setup });
  await works(await oddSite(t, { box }), box);
  const { stdout } = await box.exec(['sh', '-c', MODES]);
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    'drwxr-xr-x root:root odd',
    'drwxr-xr-x root:root odd/some',
    '-rw-r----- root:root odd/some/text',
    'drwxr-xr-x root:root odd/folder',
  ]);
});

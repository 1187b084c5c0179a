/** Hosts are the same to cc whatever the ssh client and server are told, and one that cannot be reached is said once. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { folder } from '../rig/cc.ts';
import { hostRig } from '../rig/hosts.ts';
import { freePort } from '../rig/sshd.ts';
import { noBug, oddSite, PATIENCE, reachedBy, refused, summary, works } from './odd.ts';

const { skip, host } = await hostRig({ after });
const must = { skip, timeout: PATIENCE };

/** What somebody may have for all hosts, and a folder for its files is FOLDER. */
const CLIENT: readonly (readonly string[])[] = [
  ['RequestTTY force'],
  ['RemoteCommand tmux new -A'],
  ['RemoteCommand tmux new -A', 'RequestTTY yes'],
  ['SessionType none'],
  ['StdinNull yes'],
  ['ForkAfterAuthentication yes'],
  ['PermitLocalCommand yes', 'LocalCommand echo welcome'],
  ['EscapeChar ~', 'RequestTTY force'],
  ['ForwardAgent yes', 'ForwardX11 yes'],
  ['ControlMaster auto', 'ControlPath FOLDER/%C'],
  ['ControlMaster auto', 'ControlPath FOLDER/%C', 'ControlPersist 60'],
  ['LogLevel DEBUG'],
  ['LogLevel QUIET'],
  ['VisualHostKey yes'],
  ['SendEnv *'],
];

for (const lines of CLIENT) {
  test(`ssh hosts work with "${lines.join('", "')}" in the user's configuration`, must, async (t) => {
    const box = await host(t, 'box');
    const own = await folder(t);
    const client = lines.map((line) => line.replace('FOLDER', own));
    await works(await oddSite(t, { box }, { client }), box);
  });
}

test(
  'ssh hosts work with a forward to a port that is taken, without which the user wants no session',
  must,
  async (t) => {
    const box = await host(t, 'box');
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const address = server.address();
    assert.ok(typeof address === 'object' && address);
    const client = [`LocalForward 127.0.0.1:${address.port} 127.0.0.1:9`, 'ExitOnForwardFailure yes'];
    await works(await oddSite(t, { box }, { client }), box);
  },
);

for (const [what, name] of [
  ['a space', 'my keys'],
  ['a percent sign', '100%h%%d'],
  ['quotes and a dollar', `it's "$HOME"`],
] as const) {
  test(`ssh hosts work with files of keys whose path has ${what}`, must, async (t) => {
    const box = await host(t, 'box');
    const [identity, knownHosts] = await copied(t, name, box.target.identity, box.target.knownHosts);
    await works(await oddSite(t, { box: reachedBy(box, { identity, knownHosts }) }), box);
  });
}

/** Two files with their names in a folder of this name. */
async function copied(t: TestContext, name: string, one: string, other: string): Promise<[string, string]> {
  const into = join(await folder(t), name);
  await mkdir(into);
  const [first, second] = [join(into, 'id'), join(into, 'known_hosts')];
  await copyFile(one, first);
  await copyFile(other, second);
  return [first, second];
}

for (const [what, name] of [
  ['with a path of 95 characters', ''.padEnd(95, 't')],
  ['with a percent sign', 'a%h%%b'],
  ['with a space', 'a b'],
] as const) {
  test(`ssh hosts work from a folder for temporary files ${what}`, must, async (t) => {
    const box = await host(t, 'box');
    const TMPDIR = join(await folder(t), name).slice(0, 95);
    await mkdir(TMPDIR);
    await works(await oddSite(t, { box }, { env: { TMPDIR } }), box);
  });
}

test(
  'ssh hosts work without a folder for temporary files, or it is said that there is none',
  must,
  async (t) => {
    const box = await host(t, 'box');
    const TMPDIR = join(await folder(t), 'missing');
    const ran = await (await oddSite(t, { box }, { env: { TMPDIR } })).run('run', 'all');
    noBug(ran.stdout + ran.stderr);
    if (ran.code === 0)
      assert.deepEqual(summary(ran), { code: 0, whole: '3 changed: 3 applied', stderr: '' });
    else assert.match(ran.stdout + ran.stderr, new RegExp(`Cannot [^]*${TMPDIR}`));
  },
);

test('ssh hosts work that allow one session a connection', must, async (t) => {
  const box = await host(t, 'box', { config: ['MaxSessions 1'] });
  await works(await oddSite(t, { box }), box);
});

/** One connection for root, and one for the user who is let in. */
const TWO = [
  "command('root', ['touch', '/srv/root'], { done: '/srv/root', needs: [] }),",
  "command('user', ['touch', '/srv/user'], { done: '/srv/user', needs: [], root: false }),",
].join('\n');

/** Letting somebody in takes this server a while, so that those who come at once are there at once. */
const SLOW = `printf '#!/bin/sh\\nsleep 0.1; cat /rig/id.pub\\n' >/etc/ssh/keys
chmod 755 /etc/ssh/keys`;
const COMMAND = [
  'AuthorizedKeysFile none',
  'AuthorizedKeysCommand /etc/ssh/keys',
  'AuthorizedKeysCommandUser root',
];

test('ssh hosts work behind a server that drops all but one of those who come at once', must, async (t) => {
  const box = await host(t, 'box', { setup: SLOW, config: ['MaxStartups 1:100:1', ...COMMAND] });
  const site = await oddSite(t, { box }, { steps: TWO });
  for (const whole of ['2 changed: 2 applied', '0 changed: 2 verified'])
    assert.deepEqual(summary(await site.run('run', 'all')), { code: 0, whole, stderr: '' });
});

const TEN = Array.from(
  { length: 10 },
  (_, task) => `command('c${task}', ['true'], { done: '/srv/c${task}', needs: [] }),`,
).join('\n');

for (const words of [['run', 'all'], ['run', 'all', '--keep-going'], ['plan'], ['status']] as const) {
  test(`ssh host that cannot be reached is told once by ${words.join(' ')}`, must, async (t) => {
    const box = await host(t, 'box');
    const port = await freePort();
    const gone = reachedBy(box, { port, user: 'admin' });
    const ran = await (await oddSite(t, { gone }, { steps: TEN })).run(...words);
    const said = ran.stdout + ran.stderr;
    assert.equal(ran.code, 1, said);
    noBug(said);
    const lines = said.split('\n');
    const told = (what: RegExp) => lines.filter((line) => what.test(line)).length;
    assert.deepEqual(
      [told(/Cannot reach gone/), told(/Connection refused/), told(/\bfix: /)],
      [1, 1, 1],
      said,
    );
    const fix = lines.find((line) => line.includes('fix: ')) ?? '';
    assert.match(fix, /\bssh .*127\.0\.0\.1/);
    assert.match(fix, new RegExp(`\\b${port}\\b`));
    assert.match(fix, /\badmin\b/);
  });
}

test('ssh host with another key than known is refused in the words of ssh', must, async (t) => {
  const [box, other] = await Promise.all([host(t, 'box'), host(t, 'other')]);
  const own = await folder(t, { known: '' });
  const place = reachedBy(box, { knownHosts: join(own, 'known'), port: other.target.port });
  assert.match(await refused(await oddSite(t, { box: place }), 1), /Host key verification failed\./);
});

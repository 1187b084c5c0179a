/** A token that goes to a real host: looked for in all that is left there and here, and in what is seen to run. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { digestOf } from '../../core/model/digest.ts';
import { until } from '../host/second-process.ts';
import { ccWith } from '../rig/cc.ts';
import { hostRig } from '../rig/hosts.ts';
import { oddSite, PATIENCE, summary } from './odd.ts';

const { skip, host } = await hostRig({ after });

const TOKEN = `s3cr"et/to'ken+änd&more`;
const OTHER = `an0ther"to'ken+of=ours`;

/** The command waits until it was looked at from outside. */
const STEPS = `
  written(['token = ', token, '\\n'], { name: 'conf', path: '/srv/odd/conf' }),
  built({ name: 'make', outputs: ['/srv/odd/made'], inputs: { token },
    make: [{ argv: ['sh', '-c', 'echo "$T"; printf %s "$T" | base64; cat; touch /srv/odd/here; until test -e /srv/odd/go; do sleep 0.05; done; touch /srv/odd/made'],
      env: { T: token }, input: ['given ', token, '\\n'] }] }),
  step({ name: 'fails', inputs: { token }, probe: async () => null, plan: (_, { current }) => current ? [] : [
    { kind: 'run', why: 'x', command: { argv: ['sh', '-c', 'echo "no $T" >&2; test -e /srv/odd/fine'], env: { T: token } } }] }),
`;

/** How a token may be written. */
function assertClean(text: string, what: string): void {
  for (const token of [TOKEN, OTHER])
    for (const form of [
      token,
      JSON.stringify(token).slice(1, -1),
      encodeURIComponent(token),
      Buffer.from(token).toString('base64').replace(/=+$/, ''),
      token.slice(0, 12),
    ])
      assert.ok(!text.includes(form), `${what} has ${form} in it:\n${text.slice(0, 2000)}`);
}

function assertCleanFolder(path: string): void {
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) assertClean(readFileSync(join(entry.parentPath, entry.name), 'utf8'), entry.name);
}

/** What each process of this machine was started with, those on the host among them. */
function commandLines(): string {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        return readFileSync(join('/proc', name, 'cmdline'), 'utf8').replaceAll('\0', ' ');
      } catch {
        return ''; // it has ended
      }
    })
    .join('\n');
}

test('a token is left on a host in its file alone', { skip, timeout: PATIENCE }, async (t) => {
  const box = await host(t, 'one');
  await box.exec(['mkdir', '-p', '/srv/odd']);
  const site = await oddSite(t, { one: box }, { steps: STEPS, env: { TOKEN } });
  const config = join(site.cwd, 'cc.config.ts');
  const text = readFileSync(config, 'utf8')
    .replace('import {', 'import { built, secret,')
    .replace('const seen', `const token = secret('token', { env: 'TOKEN' });\nconst seen`);
  writeFileSync(config, text);

  const running = site.start('run', 'all', '--json');
  // It has said all, and waits to be let go.
  await until('the command runs', async () => existsSync(join(box.root, 'srv/odd/here')));
  const lines = commandLines();
  assert.match(lines, /printf %s/, 'the command was not seen');
  assertClean(lines, 'a command line');
  await box.exec(['touch', '/srv/odd/go']);
  const ran = await running.ended;
  assert.equal(ran.code, 1, ran.stdout);
  assert.match(ran.stdout, /"stderr":"no <token>\\n"/);
  assertClean(ran.stdout + ran.stderr, 'the run');
  assertCleanFolder(join(site.cwd, 'state'));

  const log = await site.run('logs', 'odd/make');
  assert.match(log.stdout, /^\| <token>\n\| <token>\s*(\| )?given <token>\n/m);

  assert.equal((await box.exec(['cat', '/srv/odd/conf'])).stdout, `token = ${TOKEN}\n`);
  assert.equal((await box.exec(['stat', '-c', '%a', '/srv/odd/conf'])).stdout, '600\n');
  const left = await box.exec(['sh', '-c', 'cd /var/lib/cc && find . -type f -exec cat {} +']);
  assert.match(left.stdout, /"<token> [0-9a-f]{64}"/);
  assertClean(left.stdout, '/var/lib/cc');
  assert.ok(!left.stdout.includes(digestOf(`token = ${TOKEN}\n`)), 'the token could be guessed by a digest');
  assertClean(box.log(), 'the log of sshd');
  const key = await box.exec(['sh', '-c', 'cd /var/lib/cc/stamps && wc -c <key && stat -c "%a %U" key']);
  assert.equal(key.stdout, '64\n600 root\n');

  const again = await site.run('plan', 'odd/make');
  assert.match(again.stdout, /^0 of 2 tasks would do something$/m);
  const other = { ...process.env, PATH: `${join(site.cwd, 'bin')}:${process.env['PATH']}`, TOKEN: OTHER };
  const plan = await ccWith(other, site.cwd, 'plan');
  assert.match(plan.stdout, /inputs\.secrets\.token: <token> changed/);
  await box.exec(['touch', '/srv/odd/fine']);
  const changed = await ccWith(other, site.cwd, 'run', 'all');
  assert.deepEqual(summary(changed), { code: 0, whole: '3 changed: 3 applied', stderr: '' });
  assertClean(changed.stdout, 'the second run');

  const cleaned = await ccWith({ ...other, TOKEN: undefined }, site.cwd, 'run', 'cleanup');
  assert.equal(cleaned.code, 0, cleaned.stdout + cleaned.stderr);
  const gone = await box.exec(['sh', '-c', 'test -e /srv/odd/conf || test -e /var/lib/cc']);
  assert.equal(gone.code, 1);
});

/** `cc ssh` on hosts with a real sshd: words, streams, terminals and exit codes go through, and what fails is told as of cc. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CC_LINE, envIn } from '../rig/cc.ts';
import { hostRig } from '../rig/hosts.ts';
import { NASTY } from '../rig/nasty.ts';
import { freePort } from '../rig/sshd.ts';
import { idle, noBug, type OddSite, oddSite, PATIENCE, reachedBy, runs, typed } from './odd.ts';

const { skip, host } = await hostRig({ after });
const must = { skip, timeout: PATIENCE };

/** Those of them that every shell reads alike in quotes. */
const PLAIN = NASTY.filter((word) => !/[!\\'\n]|^[=%]/.test(word));

for (const shell of ['/bin/bash', '/usr/bin/zsh', '/usr/bin/fish', '/bin/tcsh', '/bin/dash']) {
  test(
    `words arrive as they are through the login shell ${shell}, and all that comes back does`,
    must,
    async (t) => {
      const box = await host(t, 'box', { setup: `usermod --shell ${shell} root` });
      const site = await oddSite(t, { box });
      for (const words of [NASTY, PLAIN]) {
        const line = ['sh', '-c', 'printf "%s|" "$@"; echo err >&2; exit 7', 'sh', ...words];
        assert.deepEqual(await site.run('ssh', 'box', '--', ...line), {
          code: 7,
          stdout: words.map((word) => `${word}|`).join(''),
          stderr: 'err\n',
        });
      }
    },
  );
}

test('the exit code is that of the command, also the one that ssh has for itself', must, async (t) => {
  const box = await host(t, 'box');
  const site = await oddSite(t, { box });
  for (const code of [0, 1, 127, 255])
    assert.deepEqual(await site.run('ssh', 'box', '--', 'sh', '-c', `exit ${code}`), {
      code,
      stdout: '',
      stderr: '',
    });
});

/** `cc` with this on its standard input, which ends after it. */
async function fed(site: OddSite, input: Buffer, ...words: readonly string[]) {
  const env = envIn(site.cwd, { PATH: `${join(site.cwd, 'bin')}:${process.env['PATH']}` });
  const child = spawn('sh', ['-c', `exec ${CC_LINE} "$@"`, 'sh', ...words], { cwd: site.cwd, env });
  const pieces: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => pieces.push(piece));
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code: code as number | null, stdout: Buffer.concat(pieces) };
}

test('every byte of a stream goes through, in and out', must, async (t) => {
  const box = await host(t, 'box');
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 256));
  const { code, stdout } = await fed(await oddSite(t, { box }), bytes, 'ssh', 'box', '--', 'cat');
  assert.equal(code, 0);
  assert.ok(stdout.equals(bytes));
});

test('a shell without a terminal reads its lines from standard input', must, async (t) => {
  const box = await host(t, 'box');
  const { code, stdout } = await fed(
    await oddSite(t, { box }),
    Buffer.from('hostname\nexit 3\n'),
    'ssh',
    'box',
  );
  assert.deepEqual([code, stdout.toString()], [3, 'box\n']);
});

test('there is a terminal on the host where there is one here', must, async (t) => {
  const box = await host(t, 'box');
  const site = await oddSite(t, { box });
  const program = await typed(t, site, { words: ['ssh', 'box', '--', 'sh', '-c', 'tty; exit 9'] });
  assert.equal(program.code, 9);
  assert.match(program.seen, /^\/dev\/pts\/\d+\r\nConnection to 127\.0\.0\.1 closed\.\r+\n$/);
  const shell = await typed(t, site, { words: ['ssh', 'box'], at: '# ', lines: ['tty; exit 4\r'] });
  assert.equal(shell.code, 4, shell.seen);
  assert.match(shell.seen, /^\/dev\/pts\/\d+\r$/m);
});

/** Ends when it has been interrupted five times. */
const STUBBORN = `n=0; trap 'n=$((n+1)); echo "caught $n."' INT; echo ready.
while [ $n -lt 5 ]; do sleep 0.02; done; exit 5`;

test('Ctrl-C is for the program on the host, or here, and cc waits for it', must, async (t) => {
  const box = await host(t, 'box');
  const site = await oddSite(t, { box });
  for (const name of ['box', 'controller']) {
    const words = ['ssh', name, '--', 'sh', '-c', STUBBORN];
    const { code, seen } = await typed(t, site, { words, at: '.\r\n', lines: Array(5).fill('\x03') });
    assert.equal(code, 5, seen);
    assert.match(seen, /caught 5\./);
  }
});

test('a host that cannot be reached is told with the reason', must, async (t) => {
  const box = await host(t, 'box');
  const port = await freePort();
  const gone = reachedBy(box, { port });
  const { identity, knownHosts } = box.target;
  const way = `-o 'IdentityFile="${identity}"' -o IdentitiesOnly=yes -o 'UserKnownHostsFile="${knownHosts}"' -p ${port} -l root`;
  assert.deepEqual(await (await oddSite(t, { gone })).run('ssh', 'gone', '--', 'true'), {
    code: 1,
    stdout: '',
    stderr: `Cannot reach gone at 127.0.0.1
  ssh: connect to host 127.0.0.1 port ${port}: Connection refused
  fix: make this work without a question: ssh ${way} -- 127.0.0.1 true
`,
  });
  const stranger = reachedBy(box, { user: 'nobody' });
  const { code, stderr } = await (await oddSite(t, { stranger })).run('ssh', 'stranger');
  assert.equal(code, 1);
  assert.match(stderr, /^Cannot reach stranger at 127\.0\.0\.1\n {2}[^\n]*Permission denied/);
});

test('a connection that is lost is told, and not taken for the end of the command', must, async (t) => {
  const box = await host(t, 'box');
  const site = await oddSite(t, { box });
  const { code, stderr } = await site.run('ssh', 'box', '--', 'sh', '-c', 'kill -KILL $PPID');
  assert.equal(code, 1, stderr);
  assert.match(stderr, /^Cannot reach box at 127\.0\.0\.1\n {2}the connection was lost$/m);
});

for (const lines of [
  ['RequestTTY force', 'RemoteCommand tmux new -A'],
  ['ControlMaster auto', 'ControlPath ~/%C', 'ControlPersist 60'],
  ['LogLevel DEBUG3'],
  ['PermitLocalCommand yes', 'LocalCommand echo welcome'],
  ['SessionType none'],
]) {
  test(
    `nothing else is said with "${lines.join('", "')}" in the configuration of the user`,
    must,
    async (t) => {
      const box = await host(t, 'box');
      const site = await oddSite(t, { box }, { client: lines });
      const ran = await site.run('ssh', 'box', '--', 'hostname');
      assert.deepEqual(ran, { code: 0, stdout: 'box\n', stderr: '' });
      await idle(box, 2_000);
    },
  );
}

test('a host that left the recipe can be reached by its name and its address', must, async (t) => {
  const [box, other] = await Promise.all(['box', 'other'].map((name) => host(t, name)));
  const site = await oddSite(t, { box: box!, other: other! });
  assert.equal((await site.run('run', 'all')).code, 0);
  const config = join(site.cwd, 'cc.config.ts');
  const text = await readFile(config, 'utf8');
  const hosts = [{ name: 'box', roles: ['box'], connection: box!.target }];
  await writeFile(config, text.replace(/hosts: .* \}\);/, `hosts: ${JSON.stringify(hosts)} });`));
  for (const name of ['other', `127.0.0.1:${other!.target.port}`])
    assert.deepEqual(await site.run('ssh', name, '--', 'hostname'), {
      code: 0,
      stdout: 'other\n',
      stderr: '',
    });
  const unknown = await site.run('ssh', 'othr');
  assert.deepEqual([unknown.code, /did you mean "other"/.test(unknown.stderr)], [64, true]);
});

test('a signal ends the command and cc', must, async (t) => {
  const box = await host(t, 'box');
  const { child, ended } = (await oddSite(t, { box })).start('ssh', 'box', '--', 'sleep', '4711');
  await runs(box, 'sleep 4711');
  process.kill(child.pid!, 'SIGTERM'); // it was started; by the child's own kill Deno would not tell how it ended
  const { code, stdout, stderr } = await ended;
  assert.deepEqual([code, stdout], [143, '']);
  noBug(stderr);
});

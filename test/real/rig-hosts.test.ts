/** The hosts of test/rig/hosts.ts are what tests take them for, and leave nothing behind. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { after, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { isRunning, program, until } from '../host/second-process.ts';
import { hostRig, type RigHost, userSetup } from '../rig/hosts.ts';
import { tempFolder } from '../rig/temp.ts';

const { skip, host } = await hostRig({ after });
const execute = promisify(execFile);

/** What ssh answers, told nothing by any configuration. */
async function ssh({ target }: RigHost, line: string): Promise<string> {
  const { port, user, address, identity, knownHosts } = target;
  const files = ['-F', '/dev/null', '-i', identity, '-o', `UserKnownHostsFile=${knownHosts}`];
  const words = [...files, '-o', 'BatchMode=yes', '-p', `${port}`, `${user}@${address}`, line];
  return (await execute('ssh', words)).stdout;
}

for (const sshd of ['plain', 'debian'] as const) {
  test(`host with ${sshd} sshd lets root and a user in, who becomes root as sudoers says`, {
    skip,
  }, async (t) => {
    const setup = userSetup('admin', 'admin ALL=(ALL) NOPASSWD: ALL');
    const box = await host(t, 'box', { sshd, setup, user: 'admin' });
    assert.equal(await ssh(box, 'id -un; sudo -n id -un; hostname'), 'admin\nroot\nbox\n');
    assert.equal(await ssh({ ...box, target: { ...box.target, user: 'root' } }, 'id -un'), 'root\n');
    assert.equal(box.logins(), 2);
    assert.deepEqual(await box.exec(['sh', '-c', 'cat; exit 3'], 'in'), {
      code: 3,
      stdout: 'in',
      stderr: '',
    });
  });
}

test('setup is of the shell that starts sshd, and what it cannot do fails the host', { skip }, async (t) => {
  const setup = 'umask 027';
  const box = await host(t, 'box', { setup, config: ['SetEnv GIVEN=given'] });
  assert.equal(await ssh(box, 'umask; echo "$GIVEN"'), '0027\ngiven\n');
  await assert.rejects(host(t, 'broken', { setup: 'echo why; false' }), /host broken ended with 1: why/);
});

test('orphans of a host are reaped', { skip }, async (t) => {
  const box = await host(t, 'box');
  await ssh(box, '(setsid sh -c "exit 3" &) ; (setsid sleep 0.01 &)');
  await until('none is left to wait for', async () => {
    const { stdout } = await box.exec(['ps', '-eo', 'stat=,comm=']);
    return !/^Z|sleep/m.test(stdout);
  });
});

/** Where the rig keeps the files of a host: beside its keys. */
function foldersOf(box: RigHost): readonly string[] {
  return readdirSync(dirname(box.target.identity)).filter((name) => name.startsWith(`${box.name}-`));
}

test('fifty hosts start in seconds, each with files of its own, and end with their test', {
  skip,
}, async (t) => {
  const all = await begun(t, 50);
  for (const box of all) await box.exec(['sh', '-c', 'hostname >/etc/own']);
  const names = await Promise.all(all.map((box) => box.exec(['cat', '/etc/own'])));
  assert.deepEqual(
    names.map(({ stdout }) => stdout.trim()),
    all.map(({ name }) => name),
  );
  await Promise.all(all.map((box) => box.end()));
  assert.deepEqual(all.flatMap(foldersOf), []);
  assert.ok(all.every(({ root }) => !existsSync(root)));
});

async function begun(t: TestContext, count: number): Promise<readonly RigHost[]> {
  const start = performance.now();
  const all = await Promise.all(Array.from({ length: count }, (_, index) => host(t, `h${index}`)));
  const took = performance.now() - start;
  assert.ok(took < 30_000, `${count} hosts took ${took} ms`);
  return all;
}

test('host ends with a test that is killed', { skip }, async (t) => {
  const [runtime = '', ...words] = program(new URL('host-holder.ts', import.meta.url));
  const holder = spawn(runtime, words, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: await tempFolder(t) },
  });
  const [root = ''] = (await once(createInterface({ input: holder.stdout }), 'line')) as string[]; // what it prints
  const pid = Number(root.split('/')[2]);
  assert.ok(await isRunning(pid), root);
  holder.kill('SIGKILL');
  await until('the host is gone', async () => !(await isRunning(pid)));
});

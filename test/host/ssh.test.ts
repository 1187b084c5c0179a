/** A host behind a real OpenSSH server: what is run there, and what is answered. */
import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { agentFiles } from '../../core/host/files.ts';
import { runProcess } from '../../core/host/own-agent.ts';
import { ssh, sshArguments } from '../../core/host/ssh.ts';
import { dollar } from '../../core/host/zx.ts';
import { quoted } from '../../core/model/command.ts';
import { digestOf } from '../../core/model/digest.ts';
import { agentBy } from '../rig/agent.ts';
import { NASTY } from '../rig/nasty.ts';
import { startSshd } from '../rig/sshd.ts';
import { tempFolder } from '../rig/temp.ts';
import { numberIn, program, until } from './second-process.ts';

const sh = (text: string) => ['sh', '-c', text];
const ended = (code: number, stdout = '', stderr = '') => ({ code, signal: null, stdout, stderr });

/** One server for all of them, and one connection, but for those that are about connections. */
const server = await startSshd({ after });
const { skip } = server;
const host = server.skip === false ? await ssh('node-1', server.target) : (undefined as never); // all are skipped
after(() => host?.[Symbol.asyncDispose]());

/** What a process with this environment is answered by a host. */
function visit(
  target: Parameters<typeof ssh>[1],
  env: Readonly<Record<string, string>>,
  ...rest: readonly string[]
) {
  const words = program(new URL('ssh-visitor.ts', import.meta.url), JSON.stringify(target), ...rest);
  return runProcess(words, { env });
}

test('ssh answers exit codes, a remote 255 among them, and both streams', { skip }, async () => {
  for (const code of [0, 1, 127, 255]) {
    assert.deepEqual(
      await host.exec(sh(`echo out; echo err >&2; exit ${code}`)),
      ended(code, 'out\n', 'err\n'),
    );
  }
  const { code, stdout } = await host.exec(['cc-no-such-program']);
  assert.deepEqual({ code, stdout }, { code: 127, stdout: '' });
});

test('ssh brings words, variables and folders over as they are', { skip }, async () => {
  const { stdout } = await host.exec(['printf', '%s\\0', ...NASTY]);
  assert.deepEqual(stdout.split('\0').slice(0, -1), NASTY);
  const cwd = join(server.folder, "it's a folder");
  await mkdir(cwd);
  const env = { CC_TEST: "a 'b' $HOME\n", OTHER: '' };
  const there = await host.exec(sh('pwd; printf "%s" "$CC_TEST"; echo "${OTHER-unset}"'), { env, cwd });
  assert.deepEqual(there, ended(0, `${cwd}\na 'b' $HOME\n\n`));
});

test('ssh brings text and files to standard input, and else nothing', { skip }, async () => {
  const file = join(server.folder, 'input');
  await writeFile(file, 'x'.repeat(300_000));
  assert.deepEqual(await host.exec(['cat'], { input: 'zwölf\n' }), ended(0, 'zwölf\n'));
  assert.deepEqual(await host.exec(['wc', '-c'], { input: { file } }), ended(0, '300000\n'));
  assert.deepEqual(await host.exec(['cat']), ended(0));
});

test('ssh output is heard while the command runs', { skip }, async () => {
  const go = join(server.folder, 'go');
  assert.equal((await host.exec(['mkfifo', go])).code, 0);
  let heard = '';
  const exit = await host.exec(sh('echo ready; cat "$0"').concat(go), {
    onOutput: (text) => {
      heard += text;
      if (heard === 'ready\n') void writeFile(go, 'released\n');
    },
  });
  assert.deepEqual(exit, ended(0, 'ready\nreleased\n'));
});

test('ssh runs several commands at once over one connection', { skip }, async () => {
  const exits = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((n) => host.exec(sh(`exit ${n}`))));
  assert.deepEqual(
    exits.map(({ code }) => code),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  assert.equal(await server.connections(), 1);
});

test('ssh keeps a login for the next run where that is declared, and nobody else reaches it', {
  skip,
}, async (t) => {
  const own = await startSshd(t);
  const sockets = join(await tempFolder(t), 'ssh');
  const run = async (more: { readonly persist?: number }) => {
    const there = await ssh('node-1', { ...own.target, ...more }, { sockets });
    assert.deepEqual(await there.exec(['echo', 'here']), ended(0, 'here\n'));
    const connections = await own.connections();
    await there[Symbol.asyncDispose]();
    return connections;
  };
  assert.equal(await run({ persist: 600 }), 1);
  assert.equal(await own.connections(), 1);
  assert.equal(await run({ persist: 600 }), 1);
  assert.equal(await run({}), 2);
  await until('only the kept login is there', async () => (await own.connections()) === 1);
  const [socket = ''] = await readdir(sockets);
  const modes = [sockets, join(sockets, socket)].map(async (path) => (await stat(path)).mode & 0o777);
  assert.deepEqual(await Promise.all(modes), [0o700, 0o600]);
});

test('ssh keeps no login where others could reach it, or where a path is too long for it', {
  skip,
}, async (t) => {
  const open = await tempFolder(t);
  await chmod(open, 0o777);
  const far = join(await tempFolder(t), 'x'.repeat(90));
  for (const sockets of [open, far]) {
    const there = await ssh('node-1', { ...server.target, persist: 600 }, { sockets });
    await there[Symbol.asyncDispose]();
    await until('only that of the other tests is there', async () => (await server.connections()) === 1);
  }
});

test('ssh runs a line of bash for zx on the host', { skip }, async () => {
  const $ = await dollar(host.exec, () => {});
  const { stdout } = await $`printf '%s|' $'a\\tb' ${"it's"} "\${SSH_CONNECTION%% *}"`;
  assert.equal(stdout, "a\tb|it's|127.0.0.1|");
  await assert.rejects(Promise.resolve($`exit 3`), { exitCode: 3 });
});

test('ssh looks at files and changes them', { skip }, async (t) => {
  const way = ['ssh', '-T', '-o', 'BatchMode=yes', ...sshArguments(server.target)];
  const agent = await agentBy(t, (words) => [...way, words.map(quoted).join(' ')], false);
  const files = agentFiles('node-1', async () => agent, join(server.folder, 'base'));
  const path = join(server.folder, "made/it's a\nfile");
  const source = join(server.folder, 'source');
  await writeFile(source, 'text\n');
  await files.install(path, { source: { file: source }, digest: digestOf('text\n') }, { mode: 0o640 });
  const { stdout: owner } = await host.exec(sh('printf %s "$(id -un):$(id -gn)"'));
  const facts = { kind: 'file', mode: 0o640, owner, size: 5, digest: digestOf('text\n') };
  assert.deepEqual(await files.look(path), { facts, owned: true });
  assert.deepEqual(await host.files.look(path), { facts, owned: false });
  assert.equal(await host.files.text(path), 'text\n');
  assert.equal(await host.files.text(join(server.folder, 'nothing')), undefined);
  await files.remove(path);
  assert.deepEqual(await files.look(path), { facts: undefined, owned: false });
});

test('ssh follows the configuration of the user', { skip }, async (t) => {
  const { port, user, identity, knownHosts } = server.target;
  const config = join(server.folder, 'config');
  const lines = [
    `Port ${port}`,
    `User ${user}`,
    `IdentityFile ${identity}`,
    `UserKnownHostsFile ${knownHosts}`,
  ];
  await writeFile(config, `Host lab\n  HostName 127.0.0.1\n  ${lines.join('\n  ')}\n`);
  // ssh finds the user's file by the password database, so a test can only stand in for it on the command line.
  const bin = await tempFolder(t);
  await writeFile(join(bin, 'ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F '${config}' "$@"\n`);
  await chmod(join(bin, 'ssh'), 0o755);
  const env = { PATH: `${bin}:${process.env['PATH']}`, TMPDIR: await tempFolder(t) };
  const lab = await visit({ kind: 'ssh', address: 'lab' }, env);
  assert.deepEqual(lab, ended(0, 'there\nfolders: 0\n'));
});

test('ssh leaves no connection behind', { skip }, async () => {
  const another = await ssh('node-1', server.target);
  assert.equal(await server.connections(), 2);
  await another[Symbol.asyncDispose]();
  await until('only the shared one is open', async () => (await server.connections()) === 1);
});

test('ssh leaves no connection behind when cc is killed', { skip }, async (t) => {
  const file = join(await tempFolder(t), 'pid');
  const running = visit(server.target, {}, file);
  const pid = await numberIn(file);
  assert.equal(await server.connections(), 2);
  process.kill(pid, 'SIGKILL');
  await running;
  await until('only the shared one is open', async () => (await server.connections()) === 1);
});

test('ssh leaves no folder behind, also where it was not let in', { skip }, async (t) => {
  const temp = await tempFolder(t);
  assert.deepEqual(await visit(server.target, { TMPDIR: temp }), ended(0, 'there\nfolders: 0\n'));
  assert.deepEqual(await readdir(temp), []);
  const stranger = { ...server.target, identity: join(server.folder, 'stranger') };
  const refused = await visit(stranger, { TMPDIR: temp });
  assert.match(refused.stderr, /unreachable/);
  assert.notEqual(refused.code, 0);
  assert.deepEqual(await readdir(temp), []);
});

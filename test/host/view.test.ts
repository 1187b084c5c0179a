/** A host that is looked at: what is asked, what is answered, and what cannot be told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { natureOf } from '../../core/host/platform.ts';
import { viewOf } from '../../core/host/view.ts';
import { cmd } from '../../core/model/command.ts';
import { digestOf } from '../../core/model/digest.ts';
import { Failed, type Failure } from '../../core/model/failure.ts';
import { paper } from '../rig/paper.ts';

const PLATFORM = { os: 'linux', arch: 'amd64', distro: 'debian 12' } as const;

function place() {
  const host = paper('node-1');
  return { host, view: viewOf(host, PLATFORM, () => undefined) };
}

async function failure(action: Promise<unknown>): Promise<Failure> {
  const error = await action.then(
    (value) => assert.fail(`it answered ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Failed, String(error));
  return error.failure;
}

const failed = (code: number | null, signal: string | null) => ({
  kind: 'command-failed',
  host: 'node-1',
  command: "tool 'a b'",
  code,
  signal,
  stderr: 'no\n',
});

test('view reads the output of a command that ends well, and fails otherwise', async () => {
  const { host, view } = place();
  host.when("tool 'a b'", 'text\n');
  assert.equal(await view.read(cmd`tool ${'a b'}`), 'text\n');
  host.when("tool 'a b'", { code: 3, stdout: 'half', stderr: 'no\n' });
  assert.deepEqual(await failure(view.read(cmd`tool ${'a b'}`)), failed(3, null));
});

test('view asks: an exit is an answer, an end by a signal is none', async () => {
  const { host, view } = place();
  host.when("tool 'a b'", 'text\n');
  assert.equal(await view.ask(cmd`tool ${'a b'}`), 'text\n');
  host.when("tool 'a b'", { code: 1, stdout: 'half' });
  assert.equal(await view.ask(cmd`tool ${'a b'}`), undefined);
  host.when("tool 'a b'", { code: null, signal: 'SIGTERM', stderr: 'no\n' });
  assert.deepEqual(await failure(view.ask(cmd`tool ${'a b'}`)), failed(null, 'SIGTERM'));
});

test('view passes input, variables, folder and signal on', async () => {
  const host = paper('node-1');
  const { signal } = new AbortController();
  const view = viewOf(
    host,
    PLATFORM,
    () => undefined,
    () => signal,
  );
  const seen: unknown[] = [];
  host.when('tool', (_, options) => {
    seen.push(options);
    return '';
  });
  await view.read({ argv: ['tool'], input: 'in', env: { A: '1' }, cwd: '/x' });
  assert.deepEqual(seen, [{ input: 'in', env: { A: '1' }, cwd: '/x', signal }]);
});

test('view looks at a path once, and a new view looks again', async () => {
  const { host, view } = place();
  let looks = 0;
  const look = (path: string) => {
    looks += 1;
    return host.files.look(path);
  };
  const counting = { ...host, files: { ...host.files, look } };
  const first = viewOf(counting, PLATFORM, () => undefined);
  host.write('/x', 'one', 0o600);
  const facts = { kind: 'file', mode: 0o600, size: 3, digest: digestOf('one') };
  assert.deepEqual(await Promise.all([first.stat('/x'), first.owned('/x'), first.stat('/x')]), [
    facts,
    false,
    facts,
  ]);
  assert.equal(looks, 1);
  host.write('/x', 'other');
  assert.deepEqual(await first.stat('/x'), facts);
  assert.equal(((await view.stat('/x')) as { size: number }).size, 5);
  assert.equal(await view.text('/x'), 'other');
  assert.equal(await view.text('/y'), undefined);
});

test('view tells what systemd says of a unit, known or not', async () => {
  const { host, view } = place();
  assert.deepEqual(await view.unit('x.service'), { active: 'inactive', enabled: '' });
  host.units.set('x.service', { active: 'active', enabled: 'enabled', starts: 1 });
  assert.deepEqual(await view.unit('x.service'), { active: 'active', enabled: 'enabled' });
});

test('view without systemd cannot tell of a unit', async () => {
  const { host, view } = place();
  host.when('systemctl', { code: 127, stderr: 'systemctl: not found' });
  assert.equal((await failure(view.unit('x.service'))).kind, 'command-failed');
});

test('view tells which packages are missing, those known but not installed among them', async () => {
  const { host, view } = place();
  host.packages.add('a');
  assert.deepEqual(await view.missingPackages(['a', 'b']), ['b']);
  host.when('dpkg-query', { code: 1, stdout: 'a:amd64 installed\nb config-files\nc not-installed\n' });
  assert.deepEqual(await view.missingPackages(['a', 'b', 'c', 'd']), ['b', 'c', 'd']);
});

for (const exit of [
  { code: 127, stderr: 'dpkg-query: not found' },
  { code: 2, stderr: 'dpkg-query: error: database is broken' },
  { code: null, signal: 'SIGTERM' },
]) {
  test(`view whose dpkg-query ends with ${exit.code ?? exit.signal} cannot tell what is missing`, async () => {
    const { host, view } = place();
    host.when('dpkg-query', exit);
    assert.equal((await failure(view.missingPackages(['a']))).kind, 'cannot-tell');
  });
}

test('view cannot use the bytes of an artifact in a probe', async () => {
  const { view } = place();
  const artifact = { name: 'runc', source: { kind: 'url', url: 'http://127.0.0.1/' } } as const;
  await assert.rejects(
    async () => view.read({ argv: ['sh', artifact] }),
    /a probe cannot use the bytes of runc/,
  );
});

test('nature of a host is its platform and the user', async () => {
  const { host } = place();
  assert.deepEqual(await natureOf(host), { platform: PLATFORM, user: 'root' });
  host.write('/etc/os-release', 'PRETTY_NAME="Alpine"\nID=alpine\nVERSION_ID=3.20.1\n');
  host.when('sh -c', 'Linux aarch64\nadmin\nID=alpine\nVERSION_ID=3.20.1\n');
  const platform = { os: 'linux', arch: 'arm64', distro: 'alpine 3.20.1' };
  assert.deepEqual(await natureOf(host), { platform, user: 'admin' });
});

test('nature of a host without a name for its release is still known', async () => {
  const { host } = place();
  host.when('sh -c', { code: 1, stdout: 'Linux x86_64\nroot\n' });
  assert.deepEqual(await natureOf(host), { platform: { ...PLATFORM, distro: '' }, user: 'root' });
});

for (const [kernel, found] of [
  ['Darwin arm64', 'Darwin arm64'],
  ['Linux riscv64', 'Linux riscv64'],
  ['', 'unknown'],
]) {
  test(`nature of a host of ${found} is refused`, async () => {
    const { host } = place();
    host.when('sh -c', `${kernel}\nroot\n`);
    assert.deepEqual(await failure(natureOf(host)), {
      kind: 'wrong-platform',
      host: 'node-1',
      expected: 'Linux on x86_64 or aarch64',
      found,
    });
  });
}

/** A host that is looked at: what is asked, what is answered, and what cannot be told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asDeclared, platformOf } from '../../core/host/platform.ts';
import { viewOf } from '../../core/host/view.ts';
import { cmd } from '../../core/model/command.ts';
import { digestOf } from '../../core/model/digest.ts';
import { Failed, type Failure } from '../../core/model/failure.ts';
import { paper } from '../rig/paper.ts';
import { NOTHING } from '../rig/view.ts';

const PLATFORM = { os: 'linux', arch: 'amd64', distro: 'debian 12' } as const;

function place() {
  const host = paper('node-1');
  return { host, view: viewOf(host, PLATFORM, NOTHING) };
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
  const view = viewOf(host, PLATFORM, NOTHING, { stop: () => signal });
  const seen: unknown[] = [];
  host.when('tool', (_, options) => {
    seen.push(options);
    return '';
  });
  await view.read({ argv: ['tool'], input: 'in', env: { A: '1' }, cwd: '/x' });
  assert.deepEqual(seen, [{ input: 'in', env: { A: '1' }, cwd: '/x', signal }]);
});

test('view looks once for all who ask at the same time, and anew for those who ask later', async () => {
  const { host, view } = place();
  let looks = 0;
  const look = (path: string) => {
    looks += 1;
    return host.files.look(path);
  };
  const counting = { ...host, files: { ...host.files, look } };
  const first = viewOf(counting, PLATFORM, NOTHING);
  host.write('/x', 'one', 0o600);
  const facts = { kind: 'file', mode: 0o600, owner: 'root:root', size: 3, digest: digestOf('one') };
  assert.deepEqual(await Promise.all([first.stat('/x'), first.owned('/x'), first.stat('/x')]), [
    facts,
    false,
    facts,
  ]);
  assert.equal(looks, 1);
  host.write('/x', 'other');
  assert.equal(((await first.stat('/x')) as { size: number }).size, 5);
  assert.equal(looks, 2);
  assert.equal(await view.text('/x'), 'other');
  assert.equal(await view.text('/y'), undefined);
});

test('view asks systemd and dpkg once for all who ask at the same time, and answers each', async () => {
  const { host, view } = place();
  const another = viewOf(host, PLATFORM, NOTHING);
  host.units.set('b.service', { active: 'active', enabled: 'enabled', starts: 1 });
  host.packages.add('b');
  assert.deepEqual(
    await Promise.all([
      view.unit('a.service'),
      another.unit('b.service'),
      view.missingPackages(['a', 'b']),
      another.missingPackages(['b', 'c']),
    ]),
    [{ active: 'inactive', enabled: '' }, { active: 'active', enabled: 'enabled' }, ['a'], ['c']],
  );
  assert.deepEqual(
    host.ran.map((line) => line.split(' ').filter((word) => /^([abc]|[ab]\.service)$/.test(word))),
    [
      ['a.service', 'b.service'],
      ['a', 'b', 'c'],
    ],
  );
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
  host.when('dpkg-query', {
    code: 1,
    stdout: 'a amd64 installed\nb all config-files\nc amd64 not-installed\n',
  });
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

const about = { os: 'Linux', machine: 'x86_64', user: 'root', release: '' };

test('platform of a host is its system, its processor and its release', async () => {
  const { host } = place();
  assert.deepEqual(await platformOf(host), PLATFORM);
  const release = 'PRETTY_NAME="Alpine"\nID=alpine\nVERSION_ID=3.20.1\n';
  const alpine = { ...host, about: async () => ({ ...about, machine: 'aarch64', release }) };
  assert.deepEqual(await platformOf(alpine), { os: 'linux', arch: 'arm64', distro: 'alpine 3.20.1' });
});

test('platform of a host without a name for its release is still known', async () => {
  const { host } = place();
  assert.deepEqual(await platformOf({ ...host, about: async () => about }), { ...PLATFORM, distro: '' });
});

for (const [os, machine] of [
  ['Darwin', 'arm64'],
  ['Linux', 'riscv64'],
  ['Linux', 'another processor'],
] as const) {
  test(`platform of a host of ${os} on ${machine} is refused`, async () => {
    const { host } = place();
    const other = { ...host, about: async () => ({ ...about, os, machine }) };
    assert.deepEqual(await failure(platformOf(other)), {
      kind: 'wrong-platform',
      host: 'node-1',
      expected: 'Linux on x86_64 or aarch64',
      found: `${os} on ${machine}`,
    });
  });
}

test('host with another processor than the recipe says is refused, with what to write', async () => {
  const { host } = place();
  const platform = await platformOf({ ...host, about: async () => ({ ...about, machine: 'aarch64' }) });
  assert.equal(asDeclared({ name: 'node-1', arch: 'arm64' }, platform), platform);
  assert.deepEqual(await failure((async () => asDeclared({ name: 'node-1', arch: 'amd64' }, platform))()), {
    kind: 'wrong-platform',
    host: 'node-1',
    expected: 'amd64',
    found: 'arm64',
    fix: "if it is the right host, say so in the recipe: { name: 'node-1', arch: 'arm64', … }",
  });
});

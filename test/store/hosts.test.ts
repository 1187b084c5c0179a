/** The hosts that a recipe has changed, noted until nothing of cc is left on them. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Failed } from '../../core/model/failure.ts';
import type { Host } from '../../core/model/plugin.ts';
import { forgetHost, knownHosts, rememberHost } from '../../core/store/hosts.ts';
import { tempFolder } from '../rig/temp.ts';

const at = (name: string, address: string): Host => ({
  ...{ name, roles: ['worker'] },
  connection: { kind: 'ssh', address },
});

test('hosts are remembered once for each place, and forgotten one by one', async (t) => {
  const state = await tempFolder(t);
  assert.deepEqual(knownHosts(join(state, 'none')), []);
  const [a, moved, b] = [
    at('a', 'a.example'),
    at('a', 'b.example'),
    { ...at('b', 'c.example'), arch: 'arm64' as const },
  ];
  for (const host of [a, b, a, moved]) await rememberHost(state, host);
  assert.deepEqual(knownHosts(state), [a, b, moved]);
  await forgetHost(state, at('a', 'a.example'));
  await forgetHost(state, at('never', 'seen.example'));
  assert.deepEqual(knownHosts(state), [b, moved]);
});

test('a machine has one entry, whatever its name, its address and the way in', async (t) => {
  const state = await tempFolder(t);
  const [M, N] = ['11111111-aaaa-4aaa-8aaa-aaaaaaaaaaaa', '22222222-bbbb-4bbb-8bbb-bbbbbbbbbbbb'];
  const steps: readonly (readonly [Host, string | undefined, readonly object[]])[] = [
    [at('a', 'a.example'), undefined, [at('a', 'a.example')]],
    [at('a', 'a.example'), M, [{ ...at('a', 'a.example'), identity: M }]],
    [at('a', 'b.example'), M, [{ ...at('a', 'b.example'), identity: M }]],
    [at('b', 'b.example'), M, [{ ...at('b', 'b.example'), identity: M }]],
    [
      { ...at('b', 'b.example'), connection: { kind: 'ssh', address: 'b.example', user: 'admin' } },
      M,
      [
        {
          ...at('b', 'b.example'),
          connection: { kind: 'ssh', address: 'b.example', user: 'admin' },
          identity: M,
        },
      ],
    ],
    [at('b', 'b.example'), N, [{ ...at('b', 'b.example'), identity: N }]], // it was installed anew
    [
      at('a', 'a.example'),
      M,
      [
        { ...at('b', 'b.example'), identity: N },
        { ...at('a', 'a.example'), identity: M },
      ],
    ],
  ];
  for (const [host, identity, known] of steps) {
    await rememberHost(state, host, identity);
    assert.deepEqual(knownHosts(state), known);
  }
});

test('hosts that are entered at the same time are all remembered', async (t) => {
  const state = await tempFolder(t);
  const hosts = ['a', 'b', 'c', 'd'].map((name) => at(name, `${name}.example`));
  await Promise.all(hosts.map((host) => rememberHost(state, host)));
  assert.deepEqual(knownHosts(state), hosts);
  await Promise.all(hosts.map((host) => forgetHost(state, host)));
  assert.deepEqual(knownHosts(state), []);
});

for (const text of [
  'null',
  '{}',
  '"x"',
  '[null]',
  '[{"name":"q"}]',
  '[{"name":"q","connection":{"kind":"ssh"}}]',
  '[{"name":"q","connection":{"kind":"local"},"identity":5}]',
])
  test(`${text} is no list of hosts`, async (t) => {
    const state = await tempFolder(t);
    await writeFile(join(state, 'hosts.json'), text);
    assert.throws(() => knownHosts(state), { name: 'Failed' });
  });

test('hosts that cannot be read are not none', async (t) => {
  const state = await tempFolder(t);
  const file = join(state, 'hosts.json');
  await writeFile(file, '[{"name":');
  const unreadable = (error: unknown) =>
    error instanceof Failed && 'file' in error.failure && error.failure.file === file;
  assert.throws(() => knownHosts(state), unreadable);
  await assert.rejects(rememberHost(state, at('a', 'a.example')), unreadable);
  const other = await tempFolder(t);
  await mkdir(join(other, 'hosts.json'));
  assert.throws(() => knownHosts(other), Failed);
});

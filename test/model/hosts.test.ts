/** Many hosts from one line: numbered names, and fields that depend on the number. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { hosts, ssh } from '../../core/model/hosts.ts';
import { RecipeShape } from '../../core/model/recipe.ts';
import { checked } from '../../core/model/schema.ts';

test('hosts are numbered from 1, and each field is a value or a function of the number', () => {
  const made = hosts('w', 2, {
    roles: ['worker'],
    connection: (n) => ssh(`w-${n}.example`, { user: 'admin', port: 2200 + n }),
    address: (n) => `10.0.0.${n}`,
    labels: (n) => ({ zone: n === 1 ? 'a' : 'b' }),
    arch: 'arm64',
  });
  assert.deepEqual(made, [
    {
      name: 'w-1',
      roles: ['worker'],
      connection: { kind: 'ssh', address: 'w-1.example', user: 'admin', port: 2201 },
      address: '10.0.0.1',
      labels: { zone: 'a' },
      arch: 'arm64',
    },
    {
      name: 'w-2',
      roles: ['worker'],
      connection: { kind: 'ssh', address: 'w-2.example', user: 'admin', port: 2202 },
      address: '10.0.0.2',
      labels: { zone: 'b' },
      arch: 'arm64',
    },
  ]);
  assert.equal(checked(RecipeShape, { hosts: made }, '').ok, true);
});

test('hosts without roles have none, and no field that is not given', () => {
  assert.deepEqual(hosts('a', 1, { connection: { kind: 'local' } }), [
    { name: 'a-1', roles: [], connection: { kind: 'local' } },
  ]);
  assert.deepEqual(hosts('a', 0, { connection: ssh('a') }), []);
  assert.equal(hosts('a', 40, { connection: ssh('a') }).at(-1)?.name, 'a-40');
});

for (const count of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 10_001])
  test(`${count} hosts are refused`, () => {
    assert.throws(
      () => hosts('w', count, { connection: ssh('w') }),
      new RangeError(`hosts('w', ${count}): expected a whole number of hosts, from 0 to 10000`),
    );
  });

test('a count in quotes is refused as what it is', () => {
  assert.throws(
    () => hosts('cp', '3' as unknown as number, { connection: ssh('cp') }),
    new RangeError(`hosts('cp', "3"): expected a whole number of hosts, from 0 to 10000`),
  );
});

const LABELS: readonly (readonly [Readonly<Record<string, unknown>>, string | undefined])[] = [
  [{ zone: 'a', 'example.org/disk': 'ssd', empty: '' }, undefined],
  [{ zone: 'a,b' }, 'hosts.0.labels.zone'],
  [{ zone: '-a' }, 'hosts.0.labels.zone'],
  [{ zone: 'a'.repeat(64) }, 'hosts.0.labels.zone'],
  [{ zone: 1 }, 'hosts.0.labels.zone'],
  [{ 'a=b': 'c' }, 'hosts.0.labels.a=b'],
  [{ 'a/b/c': 'd' }, 'hosts.0.labels.a/b/c'],
  [{ 'Upper.org/x': 'd' }, 'hosts.0.labels.Upper.org/x'],
];

for (const [labels, path] of LABELS)
  test(`labels ${JSON.stringify(labels)} are ${path === undefined ? 'taken' : 'refused'}`, () => {
    const result = checked(
      RecipeShape,
      { hosts: [{ name: 'a', roles: [], connection: { kind: 'local' }, labels }] },
      '',
    );
    assert.deepEqual(result.ok ? undefined : result.problems.map((problem) => problem.path), path && [path]);
  });

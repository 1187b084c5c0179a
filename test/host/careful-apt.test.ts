/** What has apt believe an archive without a signature, as it may stand on a host. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { carefulWords, unsignedIn } from '../../core/host/careful-apt.ts';

test('careful words come in pairs, and set again what a configuration has set for one server', () => {
  const dump = [
    'Acquire::https::Verify-Peer "false";',
    'Acquire::https::Mirror.example::Verify-Peer "false";',
    'acquire::https::other.example::verify-host "0";',
    'Acquire::https::CaInfo "/x";',
  ].join('\n');
  const words = carefulWords(`${dump}\n`);
  const set = words.filter((_, index) => index % 2 === 1);
  assert.ok(words.every((word, index) => index % 2 === 1 || word === '-o'));
  assert.deepEqual(set.slice(-2), [
    'Acquire::https::Mirror.example::Verify-Peer=true',
    'acquire::https::other.example::verify-host=true',
  ]);
  assert.deepEqual(
    set.slice(0, -2),
    carefulWords('').filter((_, index) => index % 2 === 1),
  );
});

const LIST = '/etc/apt/sources.list';
for (const [line, option] of [
  ['deb [trusted=yes] http://a stable main', 'trusted=yes'],
  ['\tdeb-src [ arch=amd64  Trusted=1 ] http://a stable main # why', 'Trusted=1'],
  ['deb [signed-by=/k allow-insecure=true] http://a stable main', 'allow-insecure=true'],
  ['deb ["allow-weak=on"] http://a stable main', '"allow-weak=on"'],
  ['deb [trusted="yes" arch=amd64] http://a stable main', 'trusted="yes"'],
  ['deb [trusted=%79es] http://a stable main', 'trusted=%79es'],
  ['deb [allow-downgrade-to-insecure+=yes] http://a stable main', 'allow-downgrade-to-insecure+=yes'],
] as const) {
  test(`line of a list is found: ${line.trim()}`, () => {
    assert.deepEqual(unsignedIn(LIST, `# first\n${line}\n`), [{ file: LIST, line: 2, option }]);
  });
}

for (const line of [
  '# deb [trusted=yes] http://a stable main',
  'deb [trusted=no] http://a stable main',
  'deb [trusted=0] http://a stable main',
  'deb [signed-by=/keys/trusted=yes.gpg] http://a stable main',
  'deb http://a/[trusted=yes] stable main',
  'deb [check-valid-until=no] http://a stable main',
]) {
  test(`line of a list is none: ${line}`, () => assert.deepEqual(unsignedIn(LIST, `${line}\n`), []));
}

const STANZAS = `Types: deb
URIs: http://a
# Trusted: yes
Trusted: no

Types: deb
trusted: yes

Enabled: no
Allow-Insecure: yes

Types: deb
Allow-Insecure:
# a remark between
 yes
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 Trusted: yes
Allow-Weak : true`;

test('fields of stanzas are found where the stanza is in use', () => {
  const file = '/etc/apt/sources.list.d/a.sources';
  assert.deepEqual(unsignedIn(file, STANZAS), [
    { file, line: 7, option: 'trusted: yes' },
    { file, line: 13, option: 'Allow-Insecure: yes' },
    { file, line: 20, option: 'Allow-Weak: true' },
  ]);
});

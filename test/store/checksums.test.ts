/** Sums in every form that makers publish them in: the right one is picked, or none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Digest, digestOf } from '../../core/model/digest.ts';
import { sumOf } from '../../core/store/checksums.ts';

const [one, two, three] = [digestOf('1'), digestOf('2'), digestOf('3')];
const long = `${one}${two}`;
const URL = 'https://x.org/v1/bin/linux/amd64/tool';
const sha256 = (digest: Digest = one) => ({ sha256: digest });

const signed = (body: string) => `-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

${body}
-----BEGIN PGP SIGNATURE-----

${two}
-----END PGP SIGNATURE-----
`;

const GO = JSON.stringify([
  {
    version: 'go1.2',
    stable: true,
    files: [
      { filename: 'other', sha256: two },
      { filename: 'tool', sha256: one, size: 3 },
    ],
  },
  { version: 'go1.1', files: [{ filename: 'src', sha256: '' }, null] },
]);

const SUMS: readonly (readonly [what: string, text: string, found: unknown])[] = [
  ['a bare hash', one, sha256()],
  ['a bare hash in capitals with an end of line', `${one.toUpperCase()}\r\n`, sha256()],
  ['a bare SHA-512', `${long}\n`, { sha512: long }],
  ['a line of sha256sum', `${one}  tool\n`, sha256()],
  ['a binary line of sha256sum', `${one} *tool\n`, sha256()],
  ['the one of many lines', `${two}  other\n${one}  tool\n${three}  tool.asc\n`, sha256()],
  ['one with a path', `${two}  bin/linux/arm64/tool\n${one}  bin/linux/amd64/tool\n`, sha256()],
  ['one that begins here', `${two}  ./other\n${one}  ./tool\n`, sha256()],
  ['one from another folder', `${one}  _out/tool\n`, sha256()],
  ['lines of BSD', `SHA256 (other) = ${two}\nSHA256 (tool) = ${one}\n`, sha256()],
  ['lines of both lengths', `${one}  tool\n${long}  tool\n`, { sha256: one, sha512: long }],
  ['the same line twice', `${one}  tool\n${one}  tool\n`, sha256()],
  [
    'lines among comments and hashes of other lengths',
    `# sums\nmd5 ${one.slice(32)}  tool\n${one}  tool\n`,
    sha256(),
  ],
  ['a signed message', signed(`${one}  tool`), { sha256: one }],
  ['a signed message with escaped dashes', signed(`- -----\n- ${one}  tool`), { sha256: one }],
  ["Go's index", GO, sha256()],
  ['nothing', '', 'it holds no SHA-256 and no SHA-512'],
  ['JSON that is none', '[{', 'it holds no SHA-256 and no SHA-512'],
  ['JSON of another shape', '[1, {"files": 2}]', 'it holds no SHA-256 and no SHA-512'],
  ['a signature alone', signed('nothing'), 'it holds no SHA-256 and no SHA-512'],
  ['other names', `${two}  other\n`, 'it has no sum for a file of this name'],
  ['several bare hashes', `${one}\n${two}\n`, 'it has no sum for a file of this name'],
  ['two sums for one name', `${one}  tool\n${two}  tool\n`, 'it has several sums for a file of this name'],
  [
    'two folders that could be meant',
    `${one}  a/tool\n${two}  b/tool\n`,
    'it has several sums for a file of this name',
  ],
];

for (const [what, text, found] of SUMS)
  test(`sum is read from ${what}`, () => assert.deepEqual(sumOf(text, URL), found));

test('sum is found by a name that the address spells otherwise', () => {
  assert.deepEqual(sumOf(`${one}  a+b\n`, 'https://x.org/a%2Bb'), sha256());
  assert.deepEqual(sumOf(`${one}  a%b\n`, 'https://x.org/a%b'), sha256());
});

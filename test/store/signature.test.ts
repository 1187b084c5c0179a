/** Signatures of real keys, verified by the programs of this system: which count, which do not, and why. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Failed } from '../../core/model/failure.ts';
import { type Signed, verified } from '../../core/store/signature.ts';
import { unpacked } from '../rig/debian.ts';
import { type Keys, keyless, keysIn } from '../rig/keys.ts';
import { tempFolder } from '../rig/temp.ts';

const skip = keyless();
const TEXT = 'abc  tool\n- a line with a dash\n';
const never = new AbortController().signal;

/** What is made of a signed text by who knows the keys of `makers`. */
async function judged(t: TestContext, text: string, keys: string, signature?: string, programs?: Programs) {
  const folder = await tempFolder(t);
  const [file, apart] = [join(folder, 'sums'), join(folder, 'sums.asc')];
  await writeFile(file, text);
  if (signature !== undefined) await writeFile(apart, signature);
  return verified({ file, ...(signature === undefined ? {} : { signature: apart }) }, keys, never, programs);
}

type Programs = Parameters<typeof verified>[3];

async function makers(t: TestContext): Promise<Keys> {
  const keys = await keysIn(t);
  for (const name of ['makers', 'others']) keys.make(name);
  return keys;
}

function refused(found: Signed | string, why: RegExp): void {
  assert.ok(typeof found === 'string', 'it was taken');
  assert.match(found, why);
}

test('signature of the makers counts, for what is signed and nothing around it', { skip }, async (t) => {
  const keys = await makers(t);
  const text = `evil  tool\n${keys.signed(TEXT, ['makers'])}evil  tool\n`;
  const by = keys.fingerprint('makers');
  assert.deepEqual(await judged(t, text, keys.armored('makers')), { text: TEXT, by });
});

test('signature apart is about the whole text, and no other', { skip }, async (t) => {
  const keys = await makers(t);
  const apart = keys.signed(TEXT, ['makers'], { apart: true });
  const [armored, by] = [keys.armored('makers'), keys.fingerprint('makers')];
  assert.deepEqual(await judged(t, TEXT, armored, apart), { text: TEXT, by });
  refused(
    await judged(t, `${TEXT}evil  tool\n`, armored, apart),
    /^its signature is not one of these bytes$/,
  );
  refused(await judged(t, TEXT, armored, keys.signed(TEXT, ['makers'])), /^it is not signed$/);
});

test('signature by any of the keys counts, whose blocks may have words between them', { skip }, async (t) => {
  const keys = await makers(t);
  const both = `of the one\n${keys.armored('others')}\nof the other\n${keys.armored('makers')}`;
  for (const name of ['makers', 'others']) {
    const found = await judged(t, keys.signed(TEXT, [name]), both);
    assert.ok(typeof found === 'object', String(found));
    assert.equal(found.by, keys.fingerprint(name));
  }
});

test('signature of the makers counts beside one of a key that nobody asked for', { skip }, async (t) => {
  const keys = await makers(t);
  for (const order of [
    ['makers', 'others'],
    ['others', 'makers'],
  ]) {
    const found = await judged(t, keys.signed(TEXT, order), keys.armored('makers'));
    assert.ok(typeof found === 'object', String(found));
    assert.equal(found.by, keys.fingerprint('makers'));
  }
});

test('signature of another key is refused, and the key is named', { skip }, async (t) => {
  const keys = await makers(t);
  const found = await judged(t, keys.signed(TEXT, ['others']), keys.armored('makers'));
  refused(
    found,
    new RegExp(`^it is signed by a key that is not one of its makers': ${keys.fingerprint('others')}$`),
  );
});

test('signature is refused where the text was changed, is none, or is more than one', { skip }, async (t) => {
  const keys = await makers(t);
  const [armored, signed] = [keys.armored('makers'), keys.signed(TEXT, ['makers'])];
  const more = keys.signed('evil  tool\n', ['others']);
  refused(
    await judged(t, signed.replace('abc', 'abd'), armored),
    /^its signature is not one of these bytes$/,
  );
  refused(await judged(t, TEXT, armored), /^it is not signed$/);
  for (const text of [signed + more, more + signed, signed + signed])
    refused(await judged(t, text, armored), /^it is more than one signed text$/);
});

test('signature that rests on SHA-1 or MD5 is refused', { skip }, async (t) => {
  const keys = await makers(t);
  refused(
    await judged(t, keys.signed(TEXT, ['makers'], { digest: 'SHA1' }), keys.armored('makers')),
    /broken/,
  );
  const claimed = keys.signed(TEXT, ['makers']).replace(/^Hash: .*$/m, 'Hash: MD5');
  assert.equal(typeof (await judged(t, claimed, keys.armored('makers'))), 'string');
});

test('signature of a key that has expired since counts; one of a revoked key does not', {
  skip,
}, async (t) => {
  const keys = await makers(t);
  keys.make('old', { since: '20200101', until: '20210101' });
  const signed = keys.signed(TEXT, ['old'], { at: '20200601' });
  const found = await judged(t, signed, keys.armored('old'));
  assert.ok(typeof found === 'object', String(found));
  const revoked = keys.signed(TEXT, ['makers']);
  keys.revoke('makers');
  refused(await judged(t, revoked, keys.armored('makers')), /^the key that signed it is revoked$/);
});

test('signature that was made when its key had expired is refused', { skip }, async (t) => {
  const keys = await keysIn(t);
  keys.make('old', { since: '20200101', until: '20210101' });
  const signed = keys.signed(TEXT, ['old'], { at: '20200601' });
  keys.end('old', '20200301', '20200201'); // as its makers have said before
  refused(await judged(t, signed, keys.armored('old')), /^its signature was made when the key had expired$/);
});

test('signature by keys that cannot be read is told from one by other keys', { skip }, async (t) => {
  const keys = await makers(t);
  const signed = keys.signed(TEXT, ['makers']);
  refused(await judged(t, signed, 'no key'), /none of those given can be read$/);
  const found = await judged(t, signed, keys.armored('makers').replaceAll('\n', '\r\n'));
  assert.ok(typeof found === 'object', String(found));
});

test('signature in a form that programs were fooled by is not shown to them', { skip }, async (t) => {
  const keys = await makers(t);
  const [armored, signed] = [keys.armored('makers'), keys.signed(TEXT, ['makers'])];
  refused(
    await judged(
      t,
      signed.replace('Hash:', 'NotDashEscaped: You need GnuPG to verify this message\nHash:'),
      armored,
    ),
    /NotDashEscaped/,
  );
  refused(await judged(t, signed.replace('abc', 'abc\0'), armored), /characters that no text has/);
  refused(await judged(t, signed.replace('abc', 'abc'.repeat(2000)), armored), /a line that is too long/);
});

const NONE = { gpgv: '/nowhere/gpgv', sqv: '/nowhere/sqv' };

test('signature needs a program, and where there is none says which', { skip }, async (t) => {
  const keys = await makers(t);
  const signed = keys.signed(TEXT, ['makers']);
  await assert.rejects(judged(t, signed, keys.armored('makers'), undefined, NONE), (error) => {
    assert.ok(error instanceof Failed, String(error));
    const missing = { kind: 'missing-tool', host: 'controller', tool: 'gpgv', package: 'gpgv' };
    assert.deepEqual(error.failure, missing);
    return true;
  });
});

const LIBRARIES = ['libc6', 'libgcc-s1', 'libgmp10', 'libhogweed6t64', 'libnettle8t64'];
const debian = skip
  ? { kind: 'missing' as const, why: skip }
  : await unpacked(['trixie', ['sqv', ...LIBRARIES]]);

/** The sqv of Debian 13, with the libraries it is linked with. */
async function sqvOf(t: TestContext): Promise<string> {
  assert.ok(debian.kind === 'here'); // else it is skipped
  const triplet = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  const [libc = '', ...others] = LIBRARIES.map((name) =>
    join(debian.folder(name, 'trixie'), 'usr/lib', triplet),
  );
  const loader = readdirSync(libc).find((name) => name.startsWith('ld-linux'));
  const program = join(debian.folder('sqv', 'trixie'), 'usr/bin/sqv');
  const script = join(await tempFolder(t), 'sqv');
  const text = `#!/bin/sh\nexec ${libc}/${loader} --library-path ${[libc, ...others].join(':')} ${program} "$@"\n`;
  await writeFile(script, text, { mode: 0o755 });
  return script;
}

test('signature is judged alike by sqv, where there is no gpgv', {
  skip: debian.kind === 'missing' && debian.why,
}, async (t) => {
  const keys = await makers(t);
  keys.make('old', { since: '20200101', until: '20210101' });
  const programs = { ...NONE, sqv: await sqvOf(t) };
  const ask = (text: string, name: string, apart?: string) =>
    judged(t, text, keys.armored(name), apart, programs);
  const by = keys.fingerprint('makers');
  const around = await ask(`evil  tool\n${keys.signed(TEXT, ['others', 'makers'])}evil  tool\n`, 'makers');
  assert.ok(typeof around === 'object', String(around));
  assert.deepEqual([around.by, around.text.trimEnd()], [by, TEXT.trimEnd()]);
  const apart = keys.signed(TEXT, ['makers'], { apart: true });
  assert.deepEqual(await ask(TEXT, 'makers', apart), { text: TEXT, by });
  refused(await ask(`${TEXT}evil  tool\n`, 'makers', apart), /./);
  refused(await ask(TEXT, 'makers'), /./);
  refused(await ask(keys.signed(TEXT, ['others']), 'makers'), /[Mm]issing key/);
  refused(await ask(keys.signed(TEXT, ['makers'], { digest: 'SHA1' }), 'makers'), /SHA1/);
  refused(await ask(keys.signed(TEXT, ['makers']).replace('abc', 'abd'), 'makers'), /./);
  const old = await ask(keys.signed(TEXT, ['old'], { at: '20200601' }), 'old');
  assert.ok(typeof old === 'object', String(old));
});

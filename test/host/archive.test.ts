/** Archives that reach out of their folder, or are more than they should be: refused by name, and nothing is unpacked. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { checkArchive } from '../../core/host/archive.ts';
import { agentFiles } from '../../core/host/files.ts';
import { ownTransport } from '../../core/host/local-agent.ts';
import { Failed, type Failure } from '../../core/model/failure.ts';
import { agentBehind } from '../rig/agent.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { missing } from '../rig/tools.ts';
import { packed } from './packed.ts';

const [FILE, HARD, LINK, CHARACTER, BLOCK, FOLDER, FIFO] = ['0', '1', '2', '3', '4', '5', '6'] as const;

interface Entry {
  readonly name: string;
  readonly type?: string;
  readonly target?: string;
  readonly text?: string;
  readonly mode?: number;
  /** Told, whatever the text is. */
  readonly size?: number;
}

/** A header as POSIX has it (ustar), byte by byte, since no archiver would make these. */
function entry({
  name,
  type = FILE,
  target = '',
  text = '',
  mode = 0o755,
  size = text.length,
}: Entry): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;
  const fields: readonly (readonly [offset: number, value: string])[] = [
    [0, name],
    [100, octal(mode, 8)],
    [108, octal(0, 8)],
    [116, octal(0, 8)],
    [136, octal(0, 12)],
    [148, ' '.repeat(8)],
    [156, type],
    [157, target],
    [257, 'ustar\x0000'],
    [329, octal(0, 8)],
    [337, octal(0, 8)],
  ];
  for (const [offset, value] of fields) header.write(value, offset, 'latin1');
  if (size < 8 ** 11) header.write(octal(size, 12), 124, 'latin1');
  else {
    header[124] = 0x80; // the base-256 form of GNU
    header.writeBigUInt64BE(BigInt(size), 128);
  }
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return Buffer.concat([header, Buffer.from(text), Buffer.alloc((512 - (text.length % 512)) % 512)]);
}

const made = (...entries: readonly Entry[]) => Buffer.concat([...entries.map(entry), Buffer.alloc(1024)]);

/** Unpacks on this machine; answers the failure, and whether anything is in place. */
async function unpacked(t: Lasting, archive: Buffer, strip = 0, most?: number) {
  const folder = await tempFolder(t);
  const file = join(folder, 'archive');
  await writeFile(file, archive);
  const { files } = ownTransport('here', join(folder, 'base'));
  const failure = await files
    .unpack(join(folder, 'to/here'), packed(file, strip, most === undefined ? {} : { sizeLimit: most }))
    .then(
      () => undefined,
      (error: unknown): Failure => (error instanceof Failed ? error.failure : assert.fail(String(error))),
    );
  return { failure, file, there: (await readdir(folder)).toSorted() };
}

const good: Entry = { name: 'good', text: 'good' };
const link = (name: string, target: string): Entry => ({ name, type: LINK, target });

const HOSTILE: readonly (readonly [
  what: string,
  entries: readonly Entry[],
  bad: string,
  why: string,
  strip?: number,
])[] = [
  ['an absolute path', [{ name: '/tmp/x' }], '/tmp/x', 'its path is absolute'],
  ['a path upwards', [{ name: 'a/../../x' }], 'a/../../x', 'its path leads upwards'],
  ['a path upwards that stays inside', [{ name: 'a/../x' }], 'a/../x', 'its path leads upwards'],
  ['a link to an absolute path', [link('l', '/etc')], 'l', 'it links to an absolute path'],
  ['a link upwards', [link('a/l', '../../x')], 'a/l', 'it links to a path outside'],
  ['a link upwards once the first part is gone', [link('a/l', '../x')], 'l', 'it links to a path outside', 1],
  [
    'a link that leads out through another',
    [link('a/b/c', '../..'), link('d', 'a/b/c/../x')],
    'd',
    'it links to a path outside',
  ],
  ['links in a circle', [link('a', 'b'), link('b', 'a')], 'a', 'it leads in a circle'],
  ['a file below a link', [link('a', 'b'), { name: 'a/x' }], 'a/x', 'it lies below the link "a"'],
  [
    'a link that is also a folder',
    [{ name: 'a', type: FOLDER }, link('a', 'b')],
    'a',
    'it is there twice, once as a link',
  ],
  [
    'a link with two ends',
    [link('a', 'b'), link('a', 'c')],
    'a',
    'it is there twice, and leads to two places',
  ],
  [
    'a hard link to an absolute path',
    [{ name: 'h', type: HARD, target: '/etc/passwd' }],
    'h',
    'it links to an absolute path',
  ],
  [
    'a hard link upwards',
    [{ name: 'h', type: HARD, target: '../x' }],
    'h',
    'it links to a path that leads upwards',
  ],
  [
    'a hard link to a link',
    [link('l', 'good'), { name: 'h', type: HARD, target: 'l' }],
    'h',
    'it links to the link "l", or to below it',
  ],
  [
    'a hard link to below a link, once the first part is gone',
    [link('a/l', 'm'), { name: 'a/h', type: HARD, target: 'a/l/x' }],
    'h',
    'it links to the link "l", or to below it',
    1,
  ],
  ['a fifo', [{ name: 'p', type: FIFO }], 'p', 'it is a fifo'],
  ['a character device', [{ name: 'c', type: CHARACTER }], 'c', 'it is a character device'],
  ['a block device', [{ name: 'b', type: BLOCK }], 'b', 'it is a block device'],
  [
    'a file that would fill the disk',
    [{ name: 'bomb', size: 2 ** 50 }],
    'bomb',
    `with it, it unpacks to more than ${4 * 1024 ** 3} bytes`,
  ],
  ['a setuid file', [{ name: 'bin/su', mode: 0o4755 }], 'bin/su', 'it is setuid'],
  ['a setuid file that nobody may execute', [{ name: 'su', mode: 0o4644 }], 'su', 'it is setuid'],
  ['a setgid file', [{ name: 'a/wall', mode: 0o2755 }], 'a/wall', 'it is setgid', 1],
  ['a setgid folder', [{ name: 'd/', type: FOLDER, mode: 0o2775 }], 'd/', 'it is setgid'],
  ['a file that all may write', [{ name: 'w', mode: 0o666 }], 'w', 'it is writable by everybody'],
  ['a sticky file that all may write', [{ name: 'w', mode: 0o1666 }], 'w', 'it is writable by everybody'],
  [
    'a folder that all may write',
    [{ name: 'w/', type: FOLDER, mode: 0o777 }],
    'w/',
    'it is writable by everybody',
  ],
  [
    'a hard link that all may write',
    [{ name: 'h', type: HARD, target: 'good', mode: 0o777 }],
    'h',
    'it is writable by everybody',
  ],
  ['a name with an end of line', [{ name: 'a\n/x', type: FIFO }], 'a\\n/x', 'it is a fifo'],
];

for (const [what, entries, bad, why, strip] of HOSTILE) {
  test(`archive with ${what} is refused`, async (t) => {
    const { failure, file, there } = await unpacked(t, made(good, ...entries), strip);
    assert.deepEqual(failure, { kind: 'bad-archive', archive: file, entry: bad, why });
    assert.deepEqual(there, ['archive']);
  });
}

test('archive with folders like /tmp, links, and what loses its whole path is unpacked', async (t) => {
  const entries: Entry[] = [
    { name: 'top/', type: FOLDER, mode: 0o777 },
    { name: 'top/tmp/', type: FOLDER, mode: 0o1777 },
    { name: 'top/file', mode: 0o775 },
    { ...link('top/link', 'file'), mode: 0o777 },
  ];
  assert.equal((await unpacked(t, made(...entries), 1)).failure, undefined);
  const here: Entry = { name: './', type: FOLDER, mode: 0o777 };
  assert.equal((await unpacked(t, made(here, good))).failure, undefined);
});

test('archive with entries that may be what they are is unpacked, and they are that', async (t) => {
  const folder = await tempFolder(t);
  const file = join(folder, 'archive');
  await writeFile(file, made({ name: 'pkg/bin/su', mode: 0o4755 }, { name: 'pkg/open', mode: 0o666 }));
  const { files } = ownTransport('here', join(folder, 'base'));
  const refused = files.unpack(join(folder, 'to'), packed(file, 1, { unsafe: ['bin/su'] }));
  await assert.rejects(refused, (error) => {
    assert.ok(error instanceof Failed && error.failure.kind === 'bad-archive');
    return error.failure.entry === 'pkg/open';
  });
  await files.unpack(join(folder, 'to'), packed(file, 1, { unsafe: ['bin/su', 'open'] }));
  // Whoever is not root gets what the umask leaves.
  const expected = process.getuid?.() === 0 ? [0o4755, 0o666] : [0o755, 0o644];
  const modes = ['bin/su', 'open'].map(async (name) => (await stat(join(folder, 'to', name))).mode & 0o7777);
  assert.deepEqual(await Promise.all(modes), expected);
});

test('archive that is hostile is refused however it is compressed', {
  skip: missing('xz', 'zstd', 'bzip2'),
}, async (t) => {
  const bytes = made(good, { name: '../x' });
  const packed = ['xz', 'zstd', 'bzip2'].map((tool) =>
    execFileSync(tool, ['-c'], { input: bytes, stdio: 'pipe' }),
  );
  for (const archive of [gzipSync(bytes), ...packed]) {
    const { failure } = await unpacked(t, archive);
    assert.ok(failure?.kind === 'bad-archive');
    assert.equal(failure.entry, '../x');
  }
});

test('archive with too many entries, or too many bytes, is refused where that is seen', async (t) => {
  const file = join(await tempFolder(t), 'archive');
  await writeFile(file, made(...['a', 'b', 'c'].map((name) => ({ name, text: 'four' }))));
  const check = async ({ bytes, entries }: { readonly bytes: number; readonly entries: number }) =>
    checkArchive(packed(file, 0, { sizeLimit: bytes }), entries).then(
      () => undefined,
      (error: unknown) => (error instanceof Failed ? error.failure : assert.fail(String(error))),
    );
  assert.equal(await check({ bytes: 12, entries: 3 }), undefined);
  const bad = { kind: 'bad-archive', archive: file };
  assert.deepEqual(await check({ bytes: 12, entries: 2 }), { ...bad, why: 'it holds more than 2 entries' });
  const why = 'with it, it unpacks to more than 11 bytes';
  assert.deepEqual(await check({ bytes: 11, entries: 3 }), { ...bad, entry: 'c', why });
});

test('archive that may be larger is unpacked, and one that may not is not', async (t) => {
  const archive = made({ name: 'a', text: 'four' });
  assert.equal((await unpacked(t, archive, 0, 4)).failure, undefined);
  assert.equal((await unpacked(t, archive, 0, 3)).failure?.kind, 'bad-archive');
});

test('archive that is none is refused with what tar says', async (t) => {
  const { failure, there } = await unpacked(t, Buffer.from('no archive at all'.repeat(100)));
  assert.ok(failure?.kind === 'bad-archive' && failure.entry === undefined);
  assert.match(failure.why, /does not look like a tar archive/);
  assert.deepEqual(there, ['archive']);
});

test('archive is unpacked without what loses its whole path, and whatever TAR_OPTIONS says', async (t) => {
  const folder = await tempFolder(t);
  const file = join(folder, 'archive');
  const dropped = [link('latest', 'pkg'), { name: 'p', type: FIFO }, { name: 'pkg/', type: FOLDER }];
  await writeFile(file, made(...dropped, { name: 'pkg/good', text: 'good' }));
  const agent = await agentBehind(t, ['env', 'TAR_OPTIONS=--exclude=good']);
  const files = agentFiles('here', async () => agent, join(folder, 'base'));
  await files.unpack(join(folder, 'to'), packed(file, 1));
  assert.deepEqual(await readdir(join(folder, 'to')), ['good']);
});

test('archive with links that stay inside is unpacked', async (t) => {
  const inside = [
    { name: './a/', type: FOLDER },
    { name: './a/file', text: 'text' },
    { name: './a/hard', type: HARD, target: './a/file' },
    link('./b/up', '../a/file'),
    link('./dangling', 'nowhere'),
    link('./self', '.'),
    { name: './a b"\\c', text: 'x' },
  ];
  const { failure, there } = await unpacked(t, made(good, ...inside));
  assert.deepEqual([failure, there], [undefined, ['archive', 'base', 'to']]);
});

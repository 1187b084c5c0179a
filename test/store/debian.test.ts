/** Debian's archive, asked by apt with folders of its own. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { digestOf } from '../../core/model/digest.ts';
import { Failed, type Failure } from '../../core/model/failure.ts';
import { resolveDebian } from '../../core/store/debian.ts';
import { excerptIn } from '../../core/store/paths.ts';
import { archiveless, makers } from '../rig/archive.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { DIRECT, listening } from './fetching.ts';

test('excerpt of a bundle stays when the look into it is interrupted', async (t) => {
  const apt = await tempFolder(t);
  mkdirSync(excerptIn(apt));
  const source = { kind: 'deb', apt, package: 'hello', suite: 'stable' } as const;
  const { fetching } = listening(DIRECT, AbortSignal.abort('SIGINT'));
  await assert.rejects(resolveDebian(source, fetching), (reason) => reason === 'SIGINT');
  assert.equal(existsSync(excerptIn(apt)), true);
});

const skip = archiveless();

/** An archive in a folder, with `hello`, which needs `libhello`, and a folder of apt that reads it. */
async function archive(t: Lasting) {
  const { key, suite } = await makers(t);
  const [home, apt] = [await tempFolder(t), await tempFolder(t)];
  const files = suite('stable', 2);
  for (const [path, bytes] of files) {
    mkdirSync(join(home, dirname(path)), { recursive: true });
    writeFileSync(join(home, path), bytes);
  }
  const line = `deb [signed-by=${key} target=Packages check-valid-until=no] copy:${home} stable main\n`;
  for (const name of ['sources.list', 'stable.list']) writeFileSync(join(apt, name), line);
  const at = (name: string) => {
    const path = `pool/${name}`;
    return { url: `file://${home}/${path}`, digest: digestOf(files.get(path) ?? '') };
  };
  return { source: { kind: 'deb', apt, package: 'hello', suite: 'stable' } as const, at };
}

async function failureOf(resolved: Promise<unknown>): Promise<Failure> {
  const error: unknown = await resolved.then(
    () => assert.fail('it was resolved'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Failed, String(error));
  return error.failure;
}

test('package that another one needs is found by the beginning of its name', { skip }, async (t) => {
  const { source, at } = await archive(t);
  const { fetching } = listening();
  assert.deepEqual(await resolveDebian(source, fetching), at('hello_2-1_all.deb'));
  assert.deepEqual(await resolveDebian({ ...source, follow: 'lib' }, fetching), at('libhello_1_all.deb'));
});

for (const follow of ['linux-image-', 'hello'])
  test(`package that needs none whose name begins with ${follow} is told so`, { skip }, async (t) => {
    const { source } = await archive(t);
    assert.deepEqual(await failureOf(resolveDebian({ ...source, follow }, listening().fetching)), {
      kind: 'fetch-failed',
      artifact: `${follow}…`,
      attempts: [
        {
          url: 'hello/stable',
          trouble: { kind: 'broken', why: `hello needs no package whose name begins with "${follow}"` },
        },
      ],
    });
  });

test('package that is not there is told in the words of apt, whoever needs it', { skip }, async (t) => {
  const { source } = await archive(t);
  const gone = { ...source, package: 'gone', follow: 'lib' };
  assert.deepEqual(await failureOf(resolveDebian(gone, listening().fetching)), {
    kind: 'fetch-failed',
    artifact: 'lib…',
    attempts: [{ url: 'gone/stable', trouble: { kind: 'broken', why: 'E: Unable to locate package gone' } }],
  });
});

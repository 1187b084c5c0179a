/** Trees of commits, by a real git from real repositories. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Failed } from '../../core/model/failure.ts';
import { fetchTree } from '../../core/store/git.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';

const NEVER = new AbortController().signal;

/** A repository with one tagged commit that holds the file `a`. */
async function upstream(t: Lasting) {
  const folder = await tempFolder(t);
  const who = ['-c', 'user.name=a', '-c', 'user.email=a@b'];
  const git = (...words: readonly string[]) =>
    execFileSync('git', ['-C', folder, ...who, ...words], { encoding: 'utf8', stdio: 'pipe' }).trim();
  const commit = async (text: string) => {
    await writeFile(join(folder, 'a'), text);
    git('add', 'a');
    git('commit', '--quiet', '-m', text);
    return git('rev-parse', 'HEAD');
  };
  git('init', '--quiet');
  const first = await commit('one');
  git('tag', 'v1');
  const get = (wanted: string, ref?: string) =>
    fetchTree(
      'a',
      { kind: 'git', repository: pathToFileURL(folder).href, commit: wanted, ...(ref ? { ref } : {}) },
      file,
      NEVER,
    );
  const file = join(await tempFolder(t), 'tree');
  return { git, commit, first, get, file };
}

for (const given of ['true', 'false']) {
  test(`tree is that of the commit, from a server that ${given === 'true' ? 'gives' : 'does not give'} out commits`, async (t) => {
    const { git, commit, first, get, file } = await upstream(t);
    git('config', 'uploadpack.allowAnySHA1InWant', given);
    await commit('two');
    const digest = await get(first, 'refs/tags/v1');
    assert.equal(execFileSync('tar', ['-xOf', file, 'a'], { encoding: 'utf8' }), 'one');
    assert.equal(await get(first, 'refs/tags/v1'), digest, 'the same tree has other bytes');
    assert.deepEqual(await readdir(join(file, '..')), ['tree']);
  });
}

test('tree of a tag that holds another commit is refused', async (t) => {
  const { get } = await upstream(t);
  const error = await get('1'.repeat(40), 'refs/tags/v1').catch((reason: unknown) => reason);
  assert.ok(error instanceof Failed && error.failure.kind === 'fetch-failed', String(error));
});

test('tree from a repository that is not there fails with what git says', async (t) => {
  const file = join(await tempFolder(t), 'tree');
  const source = { kind: 'git', repository: 'file:///nowhere', commit: '0'.repeat(40) } as const;
  const error = await fetchTree('a', source, file, NEVER).catch((reason: unknown) => reason);
  assert.ok(error instanceof Failed && error.failure.kind === 'fetch-failed');
  assert.match(error.failure.why, /nowhere/);
});

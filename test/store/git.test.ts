/** Trees of commits, by a real git from real repositories. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Failed } from '../../core/model/failure.ts';
import { fetchTree } from '../../core/store/git.ts';
import { networkOf } from '../../core/store/network.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { missing } from '../rig/tools.ts';
import { proxy } from '../rig/web.ts';
import { listening } from './fetching.ts';

const skip = missing('git');

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
  const repository = pathToFileURL(folder).href;
  const get = (wanted: string, ref?: string, from = repository, fetching = listening().fetching) =>
    fetchTree(
      'a',
      { kind: 'git', repository: from, commit: wanted, ...(ref ? { ref } : {}) },
      file,
      fetching,
    );
  const file = join(await tempFolder(t), 'tree');
  return { git, commit, first, get, file, repository };
}

for (const given of ['true', 'false']) {
  test(`tree is that of the commit, from a server that ${given === 'true' ? 'gives' : 'does not give'} out commits`, {
    skip,
  }, async (t) => {
    const { git, commit, first, get, file } = await upstream(t);
    git('config', 'uploadpack.allowAnySHA1InWant', given);
    await commit('two');
    const digest = await get(first, 'refs/tags/v1');
    assert.equal(execFileSync('tar', ['-xOf', file, 'a'], { encoding: 'utf8' }), 'one');
    assert.equal(await get(first, 'refs/tags/v1'), digest, 'the same tree has other bytes');
    assert.deepEqual(await readdir(join(file, '..')), ['tree']);
  });
}

test('tree of a tag that holds another commit is refused', { skip }, async (t) => {
  const { get } = await upstream(t);
  const error = await get('1'.repeat(40), 'refs/tags/v1').catch((reason: unknown) => reason);
  assert.ok(error instanceof Failed && error.failure.kind === 'fetch-failed', String(error));
});

test('tree from a repository that is not there fails with what git says', { skip }, async (t) => {
  const file = join(await tempFolder(t), 'tree');
  const source = { kind: 'git', repository: 'file:///nowhere', commit: '0'.repeat(40) } as const;
  const error = await fetchTree('a', source, file, listening().fetching).catch((reason: unknown) => reason);
  assert.ok(error instanceof Failed && error.failure.kind === 'fetch-failed');
  const [attempt] = error.failure.attempts;
  assert.equal(attempt?.url, 'file:///nowhere');
  assert.match(attempt.trouble.kind === 'broken' ? attempt.trouble.why : '', /nowhere/);
});

test('tree comes from a mirror of the repository, after one that does not have it', { skip }, async (t) => {
  const { first, get, repository } = await upstream(t);
  const from = 'https://git.example/';
  const mirrors = [
    { from, to: await tempFolder(t) },
    { from, to: `${join(repository, '..').replace('file:/', 'file:///')}/` },
  ];
  const { fetching, attempts, said } = listening(networkOf(mirrors, {}, {}));
  const name = repository.split('/').at(-1);
  await get(first, 'refs/tags/v1', `${from}${name}`, fetching);
  assert.deepEqual([attempts.length, said.at(-1)], [1, `from ${repository}`]);
});

test('tree comes through the proxy, whose password nobody is told', { skip }, async (t) => {
  const { get } = await upstream(t);
  const between = await proxy(t, 'me:right');
  const network = networkOf([], { http: between.url.replace('//', '//me:wrong@') }, {});
  const { fetching } = listening(network);
  const error: unknown = await get('1'.repeat(40), undefined, 'http://git.example/a', fetching).catch(
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Failed && error.failure.kind === 'fetch-failed', String(error));
  assert.match(JSON.stringify(error.failure), /407/);
  assert.doesNotMatch(JSON.stringify(error.failure), /wrong/);
  assert.match(between.asked[0] ?? '', /^GET http:\/\/git\.example\/a\/info\/refs/);
});

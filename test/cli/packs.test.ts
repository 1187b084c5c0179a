/** Packs in bundles: the bytes depend on the commit alone, not on who packed it for the way, or how the user has git pack. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { digestOf } from '../../core/model/digest.ts';
import { cc, folder } from '../rig/cc.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { missing } from '../rig/tools.ts';
import { releases } from './releases.ts';

/** More files than git unpacks on arrival: it then keeps the server's pack as it is. */
const FILES = 150;

/** A commit of similar files, on a server for each way to pack it. */
async function servers(t: Lasting) {
  const home = await tempFolder(t);
  const git = (where: string, ...words: readonly string[]) =>
    execFileSync('git', ['-C', where, '-c', 'user.name=a', '-c', 'user.email=a@b', ...words], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] ?? '', HOME: home },
    }).trim();
  const lines = Array.from({ length: 200 }, (_, line) => `line ${line}, as all files have it\n`);
  git(home, 'init', '--quiet', 'one');
  const one = join(home, 'one');
  for (let file = 0; file < FILES; file++)
    writeFileSync(join(one, `${file}`), lines.with(file, `${file}\n`).join(''));
  git(one, 'add', '.');
  git(one, 'commit', '--quiet', '-m', 'one');
  const served = [
    ['pack.compression=0', '--window=0'],
    ['pack.compression=9', '--window=50', '--depth=200'],
  ].map(([compression = '', ...how], at) => {
    const path = join(home, `server-${at}`);
    git(home, 'clone', '--quiet', '--bare', one, path);
    git(path, '-c', compression, 'repack', '-a', '-d', '-F', '-q', ...how);
    const [pack = ''] = readdirSync(join(path, 'objects/pack')).filter((name) => name.endsWith('.pack'));
    return { url: pathToFileURL(path).href, size: statSync(join(path, 'objects/pack', pack)).size };
  });
  return { commit: git(one, 'rev-parse', 'HEAD'), served };
}

/** What a user may have set, for packs and for trees. */
const ODD = {
  'home/.gitconfig': `[core]
	compression = 1
	bigFileThreshold = 1
	autocrlf = true
[pack]
	compression = 0
	window = 0
	windowMemory = 1
	depth = 1
	threads = 3
	writeReverseIndex = true
[tar]
	umask = 0077
`,
  'home/.config/git/attributes': '* text\n9 export-ignore\n* -delta\n',
};

/** A bundle of the commit, and what a run from it has of its tree. */
async function carried(
  t: Parameters<typeof folder>[0],
  source: object,
  home: Readonly<Record<string, string>>,
) {
  const config = releases({ tool: 'ADDRESS' });
  const url = JSON.stringify({ kind: 'url', url: 'ADDRESS' });
  const cwd = await folder(t, { 'cc.config.ts': config.replace(url, JSON.stringify(source)), ...home });
  for (const words of [
    ['bundle', 'b.tar'],
    ['run', 'fetch/tool', '--bundle', 'b.tar'],
  ]) {
    const { code, stderr } = await cc(cwd, ...words);
    assert.equal(code, 0, stderr);
    assert.deepEqual(readdirSync(join(cwd, 'cache/cc/arriving')), [], words[0]);
  }
  const [entry = ''] = readdirSync(join(cwd, 'state/cc/releases/artifacts'));
  const { sha256 } = JSON.parse(readFileSync(join(cwd, 'state/cc/releases/artifacts', entry), 'utf8')) as {
    sha256: string;
  };
  return { bundle: digestOf(readFileSync(join(cwd, 'b.tar'))), tree: sha256 };
}

test('commit makes the same bundle and the same tree, from any server and for any user', {
  skip: missing('git'),
}, async (t) => {
  const { commit, served } = await servers(t);
  const [large, small] = served;
  assert.ok(large && small && large.size > 2 * small.size, 'the servers have packed alike');
  const all = await Promise.all(
    [large, small].flatMap(({ url: repository }) =>
      [{}, ODD].map((home) => carried(t, { kind: 'git', repository, commit }, home)),
    ),
  );
  assert.deepEqual(
    all,
    Array.from(all, () => all[0]),
  );
});

/**
 * `cc lock` of releases that are signed by Sigstore. What stands in cosign's place here notes how it was called and answers as it
 * is told: what cosign itself verifies rests on a public log, which no test can have.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { digestOf as sha } from '../../core/model/digest.ts';
import { readEntries } from '../../core/store/lock.ts';
import { ccWith, folder, MOD } from '../rig/cc.ts';
import { type Answer, file, servedTls } from '../rig/web.ts';

const ARCH = process.arch === 'arm64' ? 'arm64' : 'amd64';
const WHO = { identity: 'maker@example', issuer: 'https://issuer.example' };

/** Answers "no" while there is a file of that name beside it. */
const COSIGN = `#!/bin/sh
here=$(dirname "$0")
[ "$1" = version ] && exit
for word; do if [ -f "$word" ]; then echo "<$(cat "$word")>"; else echo "$word"; fi; done >"$here/called"
[ ! -e "$here/no" ] || { echo 'no matching signatures' >&2; exit 1; }
`;

async function site(t: TestContext, has: Record<string, string | undefined>) {
  const answers = Object.keys(has).map((path): [string, Answer] => [
    path,
    (response, request) =>
      has[path] === undefined ? response.writeHead(404).end() : file(has[path])(response, request),
  ]);
  const { url, certificate } = await servedTls(t, Object.fromEntries(answers));
  const cwd = await folder(t);
  const bin = join(cwd, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'cosign'), COSIGN, { mode: 0o755 });
  const configure = (files: Record<string, string>) => {
    const source = { kind: 'url', url: `${url}/tool`, sums: `${url}/sums`, sigstore: { ...WHO, files } };
    const artifact = JSON.stringify({ name: 'tool', source });
    writeFileSync(
      join(cwd, 'cc.config.ts'),
      `import { placed, plugin, recipe, v } from '${MOD}';
const tools = plugin({ name: 'tools', help: 'places it', options: v.strictObject({}), build: () => ({
  steps: [placed(${artifact}, { path: import.meta.dirname + '/tool', where: 'controller', root: false })] }) });
export default recipe({ name: 'tools', plugins: [tools()] });
`,
    );
  };
  const run = async (path: string, ...words: readonly string[]) => {
    const env = { NODE_EXTRA_CA_CERTS: certificate, PATH: `${path}${process.env['PATH'] ?? ''}` };
    const { code, stdout, stderr } = await ccWith(env, cwd, 'lock', ...words);
    return { code, stdout, stderr: stderr.replaceAll(url, 'MAKERS') };
  };
  const entry = () => readEntries(join(cwd, 'cc.lock')).get('tool')?.[ARCH];
  const called = () => readFileSync(join(bin, 'called'), 'utf8').split('\n');
  const refuse = () => writeFileSync(join(bin, 'no'), '');
  return { url, with: `${bin}${delimiter}`, configure, run, entry, called, refuse };
}

const texts = () => ({
  '/tool': 'tool',
  '/sums': `${sha('tool')}  tool\n`,
  '/tool.bundle': 'the bundle',
  '/tool.sig': 'the signature',
  '/tool.cert': 'the certificate',
});
const whose = ['--certificate-identity', WHO.identity, '--certificate-oidc-issuer', WHO.issuer];

test('lock of a signed release asks cosign whose it is, and says so', async (t) => {
  const { url, with: cosign, configure, run, entry, called } = await site(t, texts());
  configure({ bundle: `${url}/tool.bundle` });
  const { code, stdout, stderr } = await run(cosign);
  assert.equal(code, 0, stderr);
  assert.deepEqual(called(), ['verify-blob', '--bundle', '<the bundle>', ...whose, '<tool>', '']);
  assert.match(stdout, /\(signed, by maker@example\)/);
  const { trust, from, signedBy } = entry()!;
  assert.deepEqual([trust, from, signedBy], ['signed', `${url}/tool.bundle`, WHO.identity]);
  configure({ signature: `${url}/tool.sig`, certificate: `${url}/tool.cert` });
  assert.equal((await run(cosign, 'tool')).code, 0);
  const files = ['--signature', '<the signature>', '--certificate', '<the certificate>'];
  assert.deepEqual(called(), ['verify-blob', ...files, ...whose, '<tool>', '']);
});

test('lock of a release whose signature cosign does not confirm is not written', async (t) => {
  const { url, with: cosign, configure, run, entry, refuse } = await site(t, texts());
  configure({ bundle: `${url}/tool.bundle` });
  refuse();
  const { code, stderr } = await run(cosign);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /Cannot confirm by cosign that maker@example has signed tool on controller\n {2}no matching signatures\n/,
  );
  assert.equal(entry(), undefined);
});

test('lock of a signed release without cosign, or without its signature, says what was not verified', async (t) => {
  const has: Record<string, string | undefined> = texts();
  const { url, with: cosign, configure, run, entry } = await site(t, has);
  configure({ bundle: `${url}/tool.bundle` });
  const without = await run('');
  assert.equal(without.code, 0);
  assert.match(
    without.stderr,
    /is signed by maker@example, which is not verified: cosign is not installed\n/,
  );
  assert.equal(entry()?.trust, 'sums');
  has['/tool.bundle'] = undefined;
  const gone = await run(cosign, 'tool');
  assert.equal(gone.code, 0);
  assert.match(
    gone.stderr,
    /is signed by maker@example, which is not verified: its signature cannot be had\n/,
  );
  assert.equal(entry()?.trust, 'sums');
  has['/tool.bundle'] = 'the bundle';
  assert.equal((await run(cosign, 'tool')).code, 0);
  assert.equal(entry()?.trust, 'signed');
});

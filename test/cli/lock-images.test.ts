/** `cc lock` of container images, from a registry that wants tokens: what it writes down, and what a run then takes. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { digestOf as sha } from '../../core/model/digest.ts';
import { lockText, readEntries } from '../../core/store/lock.ts';
import { ccWith, folder, MOD } from '../rig/cc.ts';
import { type Answer, servedTls } from '../rig/web.ts';

const LIST = 'application/vnd.oci.image.index.v1+json';
const manifest = (what: string) =>
  JSON.stringify({ schemaVersion: 2, mediaType: LIST, manifests: [{ what }] });

/** Writes the names of images, as they are by then, into a file. */
const SITE = (names: readonly string[]) => `import { plugin, recipe, v, written } from '${MOD}';

const images = plugin({
  name: 'images',
  help: 'writes down names',
  options: v.strictObject({}),
  build: ({}, { image }) => ({
    steps: [
      written(${JSON.stringify(names)}.map((name) => image(name) + '\\n').join(''), {
        name: 'names', path: import.meta.dirname + '/names', where: 'controller', root: false,
      }),
    ],
  }),
});

export default recipe({ name: 'images', plugins: [images()] });
`;

/** A registry that has one image, as Docker's: it gives a token to whoever asks, and manifests to whoever has it. */
async function site(t: TestContext, has: { body: string }) {
  const seen: string[] = [];
  const refuse: Answer = (response) => {
    const challenge = `Bearer realm="${own.url}/token",service="the registry",scope="repository:team/tool:pull"`;
    response.writeHead(401, { 'www-authenticate': challenge, 'content-type': 'application/json' }).end('{}');
  };
  const give: Answer = (response, { headers: { accept, authorization } }) => {
    seen.push(`${accept?.split(', ').length} kinds for ${authorization}`);
    response.writeHead(200, { 'content-type': LIST }).end(has.body);
  };
  const tool: Answer = (response, request) =>
    (request.headers.authorization === 'Bearer abc' ? give : refuse)(response, request);
  const own = await servedTls(t, {
    '/v2/team/tool/manifests/1.0': tool,
    '/token?service=the+registry&scope=repository%3Ateam%2Ftool%3Apull': (response) =>
      response.end(JSON.stringify({ token: 'abc' })),
    '/v2/moved/manifests/1': (response) =>
      response.writeHead(307, { location: `${own.url}/elsewhere` }).end(),
    '/elsewhere': (response) => response.end(manifest('moved')),
    '/v2/old/manifests/1': (response) => response.end(JSON.stringify({ schemaVersion: 1 })),
    '/v2/private/manifests/1': (response) =>
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
  });
  const cwd = await folder(t);
  const registry = own.url.replace('https://', '');
  const run = async (...words: readonly string[]) => {
    const { code, stdout, stderr } = await ccWith({ NODE_EXTRA_CA_CERTS: own.certificate }, cwd, ...words);
    const plain = (text: string) => text.replaceAll(registry, 'REGISTRY').replaceAll(cwd, '~');
    return { code, stdout: plain(stdout), stderr: plain(stderr) };
  };
  const configure = (...names: readonly string[]) =>
    writeFileSync(join(cwd, 'cc.config.ts'), SITE(names.map((name) => `${registry}/${name}`)));
  const names = () => readFileSync(join(cwd, 'names'), 'utf8').replaceAll(registry, 'REGISTRY');
  return { own, seen, cwd, registry, run, configure, names, lock: join(cwd, 'cc.lock') };
}

test('lock writes down the digest of an image, which is then named by it', async (t) => {
  const body = manifest('tool');
  const { seen, registry, run, configure, names, lock } = await site(t, { body });
  configure('team/tool:1.0');
  assert.equal((await run('run', 'all')).code, 0);
  assert.equal(names(), 'REGISTRY/team/tool:1.0\n');
  const refused = await run('lock');
  assert.equal(refused.code, 65);
  assert.match(
    refused.stderr,
    /Cannot lock 1 artifact that nobody vouches for\n {2}REGISTRY\/team\/tool:1\.0: https:/,
  );
  const { code, stdout, stderr } = await run('lock', '--first-use');
  assert.equal(code, 0, stderr);
  const url = `https://${registry}/v2/team/tool/manifests/1.0`;
  assert.equal(
    stdout,
    `+ REGISTRY/team/tool:1.0 any: sha256 ${sha(body)} (first use) https://REGISTRY/v2/team/tool/manifests/1.0\nwrote ~/cc.lock\n`,
  );
  const locked = { url, sha256: sha(body), size: body.length, trust: 'first use', from: url } as const;
  assert.deepEqual(readEntries(lock), new Map([[`${registry}/team/tool:1.0`, { any: locked }]]));
  assert.deepEqual(seen, ['4 kinds for Bearer abc']);
  assert.equal((await run('run', 'all')).code, 0);
  assert.equal(names(), `REGISTRY/team/tool@sha256:${sha(body)}\n`);
  assert.match((await run('lock')).stdout, /^nothing to change/);
  assert.equal(seen.length, 1); // what is locked is not asked for again
});

test('lock refuses an image that is another behind the same tag, until it is accepted', async (t) => {
  const has = { body: manifest('old') };
  const { run, configure, registry, lock } = await site(t, has);
  configure('team/tool:1.0');
  assert.equal((await run('lock', '--first-use')).code, 0);
  has.body = manifest('newer');
  const name = `${registry}/team/tool:1.0`;
  const { code, stderr } = await run('lock', name);
  assert.equal(code, 65);
  assert.match(
    stderr,
    /Cannot keep .*: 1 artifact changed behind the same address\n {2}REGISTRY\/team\/tool:1\.0 any: /,
  );
  assert.equal((await run('lock', '--accept', name)).code, 0);
  assert.equal(readEntries(lock).get(name)?.any?.sha256, sha(has.body));
});

test('lock follows a registry to where it keeps manifests, and takes none of the first version', async (t) => {
  const { run, configure, registry, lock } = await site(t, { body: '' });
  configure('moved:1');
  assert.equal((await run('lock', '--first-use')).code, 0);
  assert.equal(readEntries(lock).get(`${registry}/moved:1`)?.any?.sha256, sha(manifest('moved')));
  configure('old:1');
  const old = await run('lock', '--first-use');
  assert.equal(old.code, 1);
  assert.match(
    old.stderr,
    /Cannot fetch REGISTRY\/old:1\n.*\n {4}it is no manifest of an image, of the second version\n/,
  );
  configure('private:1');
  const closed = await run('lock', '--first-use');
  assert.equal(closed.code, 1);
  assert.match(closed.stderr, /the server answered 401 it wants a password\n/);
});

test('lock leaves alone what names an image by its digest', async (t) => {
  const { own, run, configure, names } = await site(t, { body: '' });
  const digest = `sha256:${sha('x')}`;
  configure(`team/tool@${digest}`, `team/tool:1.0@${digest}`);
  assert.match((await run('lock')).stdout, /^nothing to change/);
  assert.equal((await run('run', 'all')).code, 0);
  assert.equal(names(), `REGISTRY/team/tool@${digest}\nREGISTRY/team/tool:1.0@${digest}\n`);
  assert.deepEqual(own.asked, []);
});

test('image is named by what the lock of the base has of it', async (t) => {
  const { run, configure, names, registry, cwd } = await site(t, { body: '' });
  configure('team/tool:1.0');
  const url = `https://${registry}/v2/team/tool/manifests/1.0`;
  const entry = { any: { url, sha256: sha('x'), trust: 'recorded' } } as const;
  writeFileSync(join(cwd, 'base.ts'), readFileSync(join(cwd, 'cc.config.ts')));
  writeFileSync(join(cwd, 'base.lock'), lockText(new Map([[`${registry}/team/tool:1.0`, entry]])));
  writeFileSync(join(cwd, 'cc.config.ts'), 'export default { name: "site", extends: "./base.ts" };');
  assert.equal((await run('run', 'all')).code, 0);
  assert.equal(names(), `REGISTRY/team/tool@sha256:${sha('x')}\n`);
});

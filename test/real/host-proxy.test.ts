/** A real apt on a real host behind a real proxy that wants a password: it goes through, and nobody else learns the password. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { cc, folder, MOD } from '../rig/cc.ts';
import { hostRig, type RigHost } from '../rig/hosts.ts';
import { file, proxy, served } from '../rig/web.ts';

const { skip, host } = await hostRig({ after });
const must = { skip, timeout: 60_000 };

/** An archive with no package in it, which nobody has signed. */
const ARCHIVE = { '/debian/Packages': file('') };
const sources = (url: string) => `rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] ${url}/debian ./' >/etc/apt/sources.list
`;

/** A site that wants a package which is nowhere, from behind a proxy. */
async function site(t: TestContext, { target }: RigHost, given: string, more = ''): Promise<string> {
  return folder(t, {
    'cc.config.ts': `import { packages, plugin, recipe, v } from '${MOD}';
const tools = plugin({
  name: 'tools', help: 'tools', options: v.strictObject({}),
  build: () => ({ steps: [packages(['nowhere'])] }),
});
export default recipe({
  name: 'site', plugins: [tools()], trustedSources: ['/etc/apt/sources.list'], proxy: { http: '${given}', no: 'elsewhere.example' },
  hosts: [{ name: 'box', roles: [], connection: ${JSON.stringify(target)}, ${more} }],
});`,
  });
}

/** Every file that a run has left below a folder, as one text. */
async function everything(path: string): Promise<string> {
  const found = await readdir(path, { recursive: true, withFileTypes: true });
  const files = found.filter((each) => each.isFile());
  return (await Promise.all(files.map((each) => readFile(join(each.parentPath, each.name), 'utf8')))).join(
    '\n',
  );
}

test('apt of a host goes through the proxy of the recipe, whose password nobody is told', must, async (t) => {
  const secret = randomUUID();
  const [origin, through] = await Promise.all([served(t, ARCHIVE), proxy(t, `me:${secret}`)]);
  // The host's own loopback is reached without a proxy, but for a name of it that nobody has thought of.
  const box = await host(t, 'box', { setup: sources(origin.url.replace('127.0.0.1', '127.1')) });
  const cwd = await site(t, box, through.url.replace('//', `//me:${secret}@`));
  const { code, stdout, stderr } = await cc(cwd, 'run', 'all');
  assert.equal(code, 77, stdout + stderr); // there is no such package
  assert.ok(through.asked.length > 0, stdout + stderr);
  assert.ok(
    through.asked.every((line) => line.startsWith('GET http://127.1:')),
    through.asked.join(),
  );
  assert.doesNotMatch(stdout + stderr, new RegExp(secret));
  assert.doesNotMatch(await everything(join(cwd, 'state')), new RegExp(secret));
  const { stdout: left } = await box.exec([
    'grep',
    '-rls',
    secret,
    '/etc',
    '/var/lib/cc',
    '/var/log',
    '/tmp',
    '/root',
  ]);
  assert.equal(left, '');
});

test('apt of a host that goes without a proxy asks the archive itself', must, async (t) => {
  const [origin, through] = await Promise.all([served(t, ARCHIVE), proxy(t)]);
  const box = await host(t, 'box', { setup: sources(origin.url) });
  const { code } = await cc(await site(t, box, through.url, 'proxy: false'), 'run', 'all');
  assert.equal(code, 77);
  assert.deepEqual(through.asked, []);
  assert.ok(origin.asked.length > 0);
});

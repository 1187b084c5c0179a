/** A whole run that fetches, over TLS and through a proxy with a password, which nobody is told and nothing keeps. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { digestOf } from '../../core/model/digest.ts';
import { lockText } from '../../core/store/lock.ts';
import { until } from '../host/second-process.ts';
import { cc, ccWith, folder, startCc } from '../rig/cc.ts';
import { breaking, proxy, served, servedTls } from '../rig/web.ts';
import { releases } from './releases.ts';

const BYTES = 'x'.repeat(2_000_000);

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size;

test('run fetches over TLS through a proxy, and keeps its password nowhere', async (t) => {
  const cwd = await folder(t);
  const { url, certificate } = await servedTls(t, { '/tool': (response) => response.end(BYTES) });
  const between = await proxy(t, 'me:secret');
  const https = between.url.replace('//', '//me:secret@');
  await writeFile(
    join(cwd, 'cc.config.ts'),
    releases({ tool: `${url}/tool` }, `proxy: { https: '${https}' }`),
  );
  const entry = { url: `${url}/tool`, sha256: digestOf(BYTES), size: BYTES.length, trust: 'sums' } as const;
  const lock = lockText(new Map([['tool', { amd64: entry, arm64: entry }]]));
  await writeFile(join(cwd, 'cc.lock'), lock);
  const { code, stdout, stderr } = await ccWith({ NODE_EXTRA_CA_CERTS: certificate }, cwd, 'run', 'all');
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(readFileSync(join(cwd, 'tool'), 'utf8'), BYTES);
  assert.deepEqual(between.asked, [`CONNECT ${new URL(url).host}`]);
  assert.doesNotMatch(stdout, /secret/);
  const runs = join(cwd, 'state/cc/releases/runs');
  const events = readFileSync(join(runs, readdirSync(runs)[0] ?? '', 'events.ndjson'), 'utf8');
  assert.doesNotMatch(events, /"kind":"progress"/);
  const kept = readdirSync(cwd, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'cc.config.ts')
    .filter((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1').includes('secret'));
  assert.deepEqual(kept, []);
});

test('run without a lock entry says how to make one', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': releases({ tool: 'http://127.0.0.1:1/tool' }) });
  const { code, stdout } = await ccWith({}, cwd, 'run', 'all');
  assert.equal(code, 65);
  assert.match(stdout, /Cannot trust tool: cc\.lock has no digest for it\n.*\n {4}fix: cc lock tool\n/);
});

test('run that is interrupted keeps what arrived, and the next one asks for the rest', async (t) => {
  const cwd = await folder(t);
  const { answer } = breaking(BYTES, BYTES.length / 2);
  const { url, asked } = await served(t, { '/tool': answer });
  const entry = { url: `${url}/tool`, sha256: digestOf(BYTES), size: BYTES.length, trust: 'sums' } as const;
  await writeFile(join(cwd, 'cc.lock'), lockText(new Map([['tool', { amd64: entry, arm64: entry }]])));
  await writeFile(join(cwd, 'cc.config.ts'), releases({ tool: `${url}/tool` }));
  const part = join(cwd, 'cache/cc/arriving', entry.sha256);
  const { child, ended } = startCc({}, cwd, 'run', 'all');
  await until('half of it', async () => sizeOf(part) === BYTES.length / 2);
  assert.ok(child.pid);
  process.kill(child.pid, 'SIGINT'); // by child.kill, Deno would report the signal instead of the exit code
  assert.equal((await ended).code, 130);
  assert.equal(sizeOf(part), BYTES.length / 2);
  const { code } = await cc(cwd, 'run', 'all');
  assert.deepEqual([code, asked], [0, ['/tool', `/tool bytes=${BYTES.length / 2}- if "1"`]]);
});

/** Each kind of change, as the commands and files it comes to on a host. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { perform } from '../../core/host/perform.ts';
import type { TaskContext } from '../../core/host/run.ts';
import type { Artifact } from '../../core/model/artifact.ts';
import { cmd } from '../../core/model/command.ts';
import { digestOf } from '../../core/model/digest.ts';
import { Failed } from '../../core/model/failure.ts';
import { labelled } from '../../core/model/secret.ts';
import type { Shell } from '../../core/model/shell.ts';
import { paperClock } from '../rig/clock.ts';
import { paper } from '../rig/paper.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';

const TOOL: Artifact = { name: 'tool', source: { kind: 'url', url: 'https://example.org/tool' } };
const why = 'a test';

async function place(t: Lasting, bytes = 'bytes') {
  const folder = await tempFolder(t);
  const file = join(folder, 'tool');
  await writeFile(file, bytes);
  const host = paper('node-1');
  const log: string[] = [];
  const fetched: string[] = [];
  const context: TaskContext = {
    transport: host,
    bytes: async ({ name }) => {
      const file = join(folder, name);
      return { file, digest: digestOf(await readFile(file)) };
    },
    fetch: async ({ name }) => void fetched.push(name),
    reveal: async (text) => labelled(text),
    shell: () => ({ log: (text: string) => log.push(text) }) as unknown as Shell,
    log: (text) => void log.push(text),
    notice: (text) => void log.push(text),
    clock: paperClock(),
    trustedSources: [],
    running: (command) => void log.push(`$ ${command}`),
    signal: new AbortController().signal,
    env: { CC_RUN: 'mark' },
    proxies: {},
    cache: '/cache',
  };
  return { folder, file, host, log, fetched, context };
}

test('write, place, unpack and remove change files', async (t) => {
  const { host, context, file } = await place(t);
  await perform({ kind: 'write', path: '/etc/x', text: 'text', mode: 0o600, why }, context);
  await perform({ kind: 'place', path: '/bin/tool', artifact: TOOL, mode: 0o755, why }, context);
  assert.deepEqual([host.read('/etc/x'), host.read('/bin/tool')], ['text', 'bytes']);
  await writeFile(file, JSON.stringify({ 'top/one': '1', 'top/two': '2' }));
  await perform({ kind: 'unpack', path: '/opt/tool', artifact: TOOL, strip: 1, why }, context);
  assert.deepEqual([host.read('/opt/tool/one'), host.read('/opt/tool/two')], ['1', '2']);
  for (const path of ['/etc/x', '/bin/tool', '/opt/tool'])
    await perform({ kind: 'remove', path, why }, context);
  assert.deepEqual(host.snapshot(), paper('fresh').snapshot());
});

test('fetch fetches, and a script answers what it learnt', async (t) => {
  const { context, fetched, log } = await place(t);
  assert.equal(await perform({ kind: 'fetch', artifact: TOOL, why }, context), undefined);
  assert.deepEqual(fetched, ['tool']);
  const script = async (shell: Shell) => {
    shell.log('hello');
    return { learnt: 1 };
  };
  assert.deepEqual(await perform({ kind: 'script', title: 'try', script, why }, context), { learnt: 1 });
  assert.deepEqual(log, ['hello']);
});

test('unit and packages come to these commands', async (t) => {
  const { host, context } = await place(t);
  host.units.set('x.service', { active: 'inactive', enabled: 'disabled', starts: 0 });
  for (const state of ['started', 'restarted', 'stopped'] as const)
    await perform({ kind: 'unit', unit: 'x.service', state, why }, context);
  await perform({ kind: 'packages', names: ['a', 'b'], why }, context);
  assert.deepEqual(
    host.ran.map((line) => line.replaceAll(/ -o \S+/g, '')),
    [
      'systemctl --quiet daemon-reload',
      'systemctl --quiet enable x.service',
      'systemctl --quiet start x.service',
      'systemctl --quiet daemon-reload',
      'systemctl --quiet enable x.service',
      'systemctl --quiet restart x.service',
      'systemctl --quiet disable --now x.service',
      'apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d',
      'apt-config dump',
      'apt-get -q update',
      'apt-get -q -y --no-install-recommends --no-upgrade install a b',
    ],
  );
  assert.deepEqual([...host.packages], ['a', 'b']);
});

test('packages are installed through the proxies of the task, which no command line, log or journal has', async (t) => {
  const { host, context, log } = await place(t);
  const seen: unknown[] = [];
  host.when('apt-get', (_, { env }) => {
    seen.push(env);
    return '';
  });
  const proxies = { http_proxy: 'http://me:s3cret@proxy:1', https_proxy: '', no_proxy: 'localhost' };
  await perform({ kind: 'packages', names: ['a'], why }, { ...context, proxies });
  const env = { CC_RUN: 'mark', DEBIAN_FRONTEND: 'noninteractive', ...proxies };
  assert.deepEqual(seen, [env, env]);
  assert.doesNotMatch(JSON.stringify([host.ran, log]), /s3cret/);
  await perform({ kind: 'run', command: cmd`apt-get check`, why }, { ...context, proxies });
  assert.deepEqual(seen.at(-1), { CC_RUN: 'mark' });
});

test('run gives the command its words, input, folder and the mark, and logs it with its output', async (t) => {
  const { host, context, file, log } = await place(t);
  const seen: unknown[] = [];
  host.when('make', (argv, { signal, onOutput, ...options }) => {
    seen.push(argv, options, signal === context.signal, typeof onOutput);
    return 'made\n';
  });
  const command = { argv: ['make', TOOL, 'a b'], input: TOOL, cwd: '/src', env: { A: '1' } };
  await perform({ kind: 'run', command, why }, context);
  assert.deepEqual(seen, [
    ['make', file, 'a b'],
    { env: { CC_RUN: 'mark', A: '1' }, input: { file }, cwd: '/src' },
    true,
    'function',
  ]);
  assert.deepEqual(log, ["$ cd /src && A=1 make <tool> 'a b'", 'made\n']);
});

test('run that fails says how, and on a full disk says so instead', async (t) => {
  const { host, context } = await place(t);
  const failure = async () => {
    const error = await perform({ kind: 'run', command: cmd`make it`, why }, context).then(
      () => assert.fail('it ended well'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof Failed, String(error));
    return error.failure;
  };
  host.when('make it', { code: 2, stdout: 'only here\n' });
  const failed = { kind: 'command-failed', host: 'node-1', command: 'make it', code: 2, signal: null };
  assert.deepEqual(await failure(), { ...failed, stderr: 'only here\n' });
  host.when('df', { code: 1, stderr: 'df: no such folder' });
  assert.deepEqual(await failure(), { ...failed, stderr: 'only here\n' });
  host.when('df', 'Filesystem 1B-blocks Used Available Capacity Mounted on\n/dev/vda 9 9 4096 100% /\n');
  assert.deepEqual(await failure(), { kind: 'disk-full', host: 'node-1', what: 'make it' });
});

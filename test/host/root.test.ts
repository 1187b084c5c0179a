/** Becoming root: not needed, by sudo, or refused. A perl that says it is somebody else's stands in for another user. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { localAsRoot } from '../../core/host/local-agent.ts';
import { runProcess } from '../../core/host/own-agent.ts';
import { sudo } from '../../core/host/sudo.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { rootless } from '../rig/tools.ts';
import { program } from './second-process.ts';

/** Says that whoever runs it is `admin`, where it was given words that lead to root, and takes them. */
const PERL = `#!/bin/sh
[ $# -gt 4 ] || exec /usr/bin/perl "$@"
shift 2
printf '%s 1000 admin;' "$1"
shift 2
exec "$@"
`;
/** Notes what it is told, and does it. */
const SUDO = `#!/bin/sh
printf '%s\\n' "$*" >"$0.told"
until [ "$1" = -- ]; do shift; done
shift
exec "$@"
`;
/** Asks for a password like sudo does, until it is the right one. */
const ASKING = `#!/bin/sh
prompt=$4
shift 5
while printf '%s' "$prompt" >&2; read -r password; do
  [ "$password" = secret ] && exec "$@"
  echo 'Sorry, try again.' >&2
done
`;

/** What somebody sees who becomes root by this sudo. */
async function visit(t: Lasting, sudo: string, ...password: readonly string[]) {
  const folder = await tempFolder(t);
  const programs = { perl: PERL, sudo };
  for (const [name, text] of Object.entries(programs))
    await writeFile(join(folder, name), text, { mode: 0o755 });
  const words = program(new URL('root-visitor.ts', import.meta.url), folder, ...password);
  const { stdout, stderr } = await runProcess(words, { env: { PATH: `${folder}:${process.env['PATH']}` } });
  assert.equal(stderr, '');
  return { folder, seen: JSON.parse(stdout) as unknown };
}

const asRoot = (folder: string) => ({ code: 3, stdout: `${folder}\nin it's\n\n`, kind: 'directory' });
const refused = (why: string) => ({ kind: 'no-root', host: 'node-1', user: 'admin', why });

const must = { skip: rootless('needs nothing more') };

test('root needs nothing more', must, async (t) => {
  const host = localAsRoot('node-1', {});
  t.after(() => host[Symbol.asyncDispose]());
  assert.equal((await host.exec(['id', '-u'])).stdout, '0\n');
});

test('root by sudo gets words, variables, folders and input, and looks at files', async (t) => {
  const { folder, seen } = await visit(t, SUDO);
  assert.deepEqual(seen, asRoot(folder));
  const told = await readFile(join(folder, 'sudo.told'), 'utf8');
  assert.match(told, /^-n -- env .*perl -e /);
});

test('root without a way to it is refused with the words of sudo', async (t) => {
  const without = 'echo "sudo: a password is required" >&2; exit 1';
  assert.deepEqual((await visit(t, `#!/bin/sh\n${without}`)).seen, refused('sudo: a password is required'));
});

test('root by sudo with a password gives it when it is asked for', async (t) => {
  const { folder, seen } = await visit(t, ASKING, 'secret');
  assert.deepEqual(seen, asRoot(folder));
});

test('root by sudo with a wrong password is refused, and it is given once', async (t) => {
  const { folder, seen } = await visit(
    t,
    ASKING.replace('echo', 'echo "$password" >>"$0.got"; echo'),
    'wrong',
  );
  assert.equal(await readFile(join(folder, 'sudo.got'), 'utf8'), 'wrong\n');
  const { why, ...failure } = seen as ReturnType<typeof refused>;
  assert.deepEqual(failure, { kind: 'no-root', host: 'node-1', user: 'admin' });
  assert.match(why, /Sorry, try again\./);
});

test('sudo with a password always asks, by a prompt that nobody else has', () => {
  assert.deepEqual(sudo({}, 'nonce'), { words: ['sudo', '-n', '--'], password: undefined });
  assert.deepEqual(sudo({ password: 'secret' }, 'nonce'), {
    words: ['sudo', '-k', '-S', '-p', 'nonce-password', '--'],
    password: { prompt: 'nonce-password', text: 'secret' },
  });
});

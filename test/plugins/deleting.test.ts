/** The script by which objects are deleted, in the shell that Debian has, with a kubectl on paper. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { DELETE } from '../../plugins/kubectl/applied.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';

/** Runs the script with a kubectl that is this shell text; `$folder` is one of its own. */
async function deleting(t: Lasting, kubectl: string) {
  const folder = await tempFolder(t);
  const program = join(folder, 'kubectl');
  await writeFile(program, `#!/bin/sh\nfolder='${folder}'\nwords=$*\n${kubectl}`);
  await chmod(program, 0o755);
  const pause = join(folder, 'sleep'); // no test waits
  await writeFile(pause, '#!/bin/sh\n', { mode: 0o755 });
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` };
  const argv = ['-c', DELETE, 'cc', program, '--kubeconfig', '/x'];
  const { status, stderr } = spawnSync('sh', argv, { env, input: '{"kind":"List"}', encoding: 'utf8' });
  return { status, stderr, said: (name: string) => readFile(join(folder, name), 'utf8') };
}

test('objects are deleted as they are given, and the script ends when none is found any more', async (t) => {
  const { status, said } = await deleting(
    t,
    `case $words in
       *delete*) cat >"$folder/deleted"; echo "$words" >"$folder/words" ;;
       *get*) cat >"$folder/asked"; [ -e "$folder/seen" ] || { echo namespace/x; : >"$folder/seen"; } ;;
     esac`,
  );
  assert.equal(status, 0);
  assert.equal(await said('deleted'), '{"kind":"List"}');
  assert.equal(await said('asked'), '{"kind":"List"}');
  assert.equal(await said('words'), '--kubeconfig /x delete -f - --ignore-not-found\n');
});

for (const verb of ['delete', 'get'])
  test(`objects do not count as gone where kubectl ${verb} fails`, async (t) => {
    const { status, stderr } = await deleting(
      t,
      `cat >/dev/null; case $words in *${verb}*) echo refused >&2; exit 1 ;; esac`,
    );
    assert.equal(status, 1);
    assert.equal(stderr, 'refused\n');
  });

/** An API server that starts anew: told apart from the one before by what it says itself. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { BEGAN } from '../../plugins/kubeadm/static-pods.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';

const WRITTEN = 1_795_814_000;

/** What the script ends with where the API server says this of itself. */
async function told(t: Lasting, says: { readonly metrics?: string; readonly health?: string }) {
  const folder = await tempFolder(t);
  const [manifest, kubectl] = [join(folder, 'kube-apiserver.yaml'), join(folder, 'kubectl')];
  await writeFile(manifest, '');
  await utimes(manifest, WRITTEN + 0.9, WRITTEN + 0.9);
  const answer = (text: string | undefined) =>
    text === undefined ? `echo 'connection refused' >&2; exit 1` : `cat <<'END'\n${text}\nEND`;
  const program = `#!/bin/sh
[ "$1 $2 $3 $4" = '--server https://192.0.2.1:6443 get --raw' ] || exit 9
case $5 in
/metrics) ${answer(says.metrics)};;
/healthz) ${answer(says.health)};;
esac
`;
  await writeFile(kubectl, program.replaceAll('END;;', 'END\n;;'), { mode: 0o755 });
  const words = [manifest, kubectl, '--server', 'https://192.0.2.1:6443'];
  const { status, stderr, stdout } = spawnSync('sh', ['-c', BEGAN, 'cc', ...words], { encoding: 'utf8' });
  assert.equal(stdout, '');
  return [status, stderr.trim()];
}

const metrics = (began: string) =>
  `# HELP x \\n\nprocess_cpu_seconds_total 3\nprocess_start_time_seconds ${began}\nprocess_z 1`;

test('API server that began after its manifest was written, and is well, has started anew', async (t) => {
  assert.deepEqual(await told(t, { metrics: metrics('1.79581400213e+09'), health: 'ok' }), [0, '']);
});

test('API server that began before is the one before', async (t) => {
  const before = { metrics: metrics('1.79581399891e+09'), health: 'ok' };
  assert.deepEqual(await told(t, before), [1, 'kubelet runs the one before']);
});

test('API server that does not answer, or is not well, has not started anew yet', async (t) => {
  assert.deepEqual(await told(t, { health: 'ok' }), [1, 'connection refused']);
  const unwell = { metrics: metrics('1.79581400213e+09') };
  assert.deepEqual(await told(t, unwell), [1, 'connection refused']);
});

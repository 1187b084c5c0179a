/**
 * The proof that pods run in virtual machines, against pods that have none and pretend: namespaces of this machine's kernel, as
 * runc makes them, with whatever root can mount and start. The looks are those that the smoke test makes on a node.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { runProcess } from '../../core/host/own-agent.ts';
import { WAIT } from '../../plugins/nginx-smoke/manifests.ts';
import { confined, rootless } from '../rig/tools.ts';
import { begun, type LIES, NAMESPACES, nodeOf, SANDBOX } from './pods.ts';

const skip = rootless('makes namespaces such as a pod has') || confined(...NAMESPACES);

const UPTIME = 'uptime';
const NO_PROGRAM = (program: string) => `processes of ${program} for the sandbox`;
const VISIBLE = "the pod's own processes on the node";
const UNNAMED = 'sandbox named in /proc/cmdline';
const COVERED = 'mounts over what was read';

/** What each pod tells, and the rows that say that it has no machine all the same. */
const PODS: Readonly<Record<string, { lies: readonly (keyof typeof LIES)[]; against: readonly string[] }>> = {
  'says the truth': { lies: [], against: ['boot_id', UPTIME, 'PROGRAM', VISIBLE, UNNAMED] },
  'has a file over its /proc/cmdline': {
    lies: ['cmdline'],
    against: ['boot_id', UPTIME, COVERED, 'PROGRAM', VISIBLE],
  },
  'has a file over its boot_id': { lies: ['boot'], against: [UPTIME, COVERED, 'PROGRAM', VISIBLE, UNNAMED] },
  "has the kernel's random uuid over its boot_id": {
    lies: ['uuid'],
    against: [UPTIME, COVERED, 'PROGRAM', VISIBLE, UNNAMED],
  },
  'has a file over its uptime': {
    lies: ['uptime'],
    against: ['boot_id', COVERED, 'PROGRAM', VISIBLE, UNNAMED],
  },
  'has a folder over the parts of /proc that are read': {
    lies: ['folder'],
    against: [UPTIME, COVERED, 'PROGRAM', VISIBLE, UNNAMED],
  },
  'tells every lie at once': {
    lies: ['cmdline', 'boot', 'uptime'],
    against: [COVERED, 'PROGRAM', VISIBLE],
  },
};

for (const [name, { lies, against }] of Object.entries(PODS)) {
  test(`pod on the node's kernel that ${name} proves no machine`, { skip }, async (t) => {
    const node = await nodeOf(t);
    await node.pod('control');
    await node.pod('client', lies);
    assert.deepEqual(
      await node.against(),
      against.map((row) => (row === 'PROGRAM' ? NO_PROGRAM(node.program) : row)),
    );
  });
}

test('process that only calls itself the hypervisor of a sandbox is none', { skip }, async (t) => {
  const node = await nodeOf(t);
  await node.pod('control');
  await node.pod('client');
  const words = ['-c', 'echo; read x', '-name', `pod-${SANDBOX}`];
  // Its name and its words are right.
  await begun(t, spawn('/bin/sh', words, { argv0: node.program, stdio: ['pipe', 'pipe', 'ignore'] }));
  // So is its path, in its own mounts.
  const covers = `mount --bind /bin/sh ${node.program} && exec ${node.program} "$@"`;
  await begun(
    t,
    spawn('unshare', ['--mount', 'sh', '-c', covers, 'sh', ...words], { stdio: ['pipe', 'pipe', 'ignore'] }),
  );
  // And this is the program, for another sandbox.
  await begun(
    t,
    spawn(node.program, [...words.slice(0, 3), `pod-${SANDBOX}0`], { stdio: ['pipe', 'pipe', 'ignore'] }),
  );
  assert.ok((await node.against()).includes(NO_PROGRAM(node.program)));
  const real = await begun(t, spawn(node.program, words, { stdio: ['pipe', 'pipe', 'ignore'] }));
  assert.deepEqual((await node.found()).pod.hypervisors, [`${real.pid}`]);
  assert.ok(!(await node.against()).includes(NO_PROGRAM(node.program)));
});

test('program that holds no machine of KVM is no hypervisor where pods have KVM', { skip }, async (t) => {
  const node = await nodeOf(t, { accel: 'kvm' });
  await node.pod('control');
  await node.pod('client');
  const words = ['-c', 'echo; read x', '-name', `sandbox-${SANDBOX},debug-threads=on`];
  await begun(t, spawn(node.program, words, { stdio: ['pipe', 'pipe', 'ignore'] }));
  assert.deepEqual((await node.found()).pod.hypervisors, []);
});

test('process that waits in a pod ends as soon as it is told to, although it is the first of its pod', {
  skip,
}, async (t) => {
  const words = ['--pid', '--fork', '--kill-child', ...WAIT, 'argument'];
  const child = spawn('unshare', words, { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'close');
  // Until its trap is set, process 1 takes no notice; and it may end between two looks.
  const kill =
    'until pgrep -P "$0"; do :; done; while first=$(pgrep -P "$0"); do kill -TERM "$first"; done; :';
  const { code } = await runProcess(['timeout', '20', 'sh', '-c', kill, `${child.pid}`]);
  assert.equal(code, 0);
  await ended;
});

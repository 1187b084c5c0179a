/**
 * The proof that pods run in virtual machines, against pods that have none and pretend: namespaces of this machine's kernel, as
 * runc makes them, with whatever root can mount and start. The looks are those that the smoke test makes on a node.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { runProcess } from '../../core/host/own-agent.ts';
import type { Shell } from '../../core/model/shell.ts';
import { evidence } from '../../plugins/nginx-smoke/isolation.ts';
import { argumentOf } from '../../plugins/nginx-smoke/manifests.ts';
import { verdict } from '../../plugins/nginx-smoke/verdict.ts';
import { tempFolder } from '../rig/temp.ts';
import { paperView } from '../rig/view.ts';

const NAMESPACES = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
const skip =
  process.getuid?.() === 0 && spawnSync('unshare', [...NAMESPACES, 'true']).status === 0
    ? false
    : 'only root makes namespaces such as a pod has';

const SANDBOX = 'c0ffee'.repeat(8);
const MARK = `test-${process.pid}`;

/** What a pod does before it waits; $F is a folder of its own. */
const LIES = {
  cmdline: `echo "root=/dev/pmem0p1 ip=::::::${SANDBOX}::off::" >$F/a; mount --bind $F/a /proc/cmdline`,
  boot: 'echo 11111111-2222-3333-4444-555555555555 >$F/b; mount --bind $F/b /proc/sys/kernel/random/boot_id',
  /** The kernel's own /proc, and another answer each time. */
  uuid: 'mount --bind /proc/sys/kernel/random/uuid /proc/sys/kernel/random/boot_id',
  uptime: 'echo 1.00 1.00 >$F/c; mount --bind $F/c /proc/uptime',
  folder:
    'mkdir -p $F/p/sys/kernel/random && echo 7.7 >$F/p/sys/kernel/osrelease && echo b >$F/p/sys/kernel/random/boot_id && mount --bind $F/p/sys/kernel /proc/sys/kernel',
} as const;

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
  const node = await nodeOf(t, 'kvm');
  await node.pod('control');
  await node.pod('client');
  const words = ['-c', 'echo; read x', '-name', `sandbox-${SANDBOX},debug-threads=on`];
  await begun(t, spawn(node.program, words, { stdio: ['pipe', 'pipe', 'ignore'] }));
  assert.deepEqual((await node.found()).pod.hypervisors, []);
});

/** A process that has said its first line; it ends with the test. */
async function begun(t: TestContext, child: ChildProcess): Promise<ChildProcess> {
  t.after(() => child.kill('SIGKILL'));
  await once(createInterface(child.stdout!), 'line'); // it is piped
  return child;
}

/** A node of two pods, with a program that may run machines, and the kubectl and crictl that find them. */
async function nodeOf(t: TestContext, accel: 'kvm' | 'tcg' = 'tcg') {
  const folder = await tempFolder(t);
  const program = join(folder, 'qemu-system-test');
  await copyFile('/bin/sh', program);
  const tools = { kubectl: join(folder, 'kubectl'), crictl: join(folder, 'crictl') };
  await writeFile(
    tools.kubectl,
    `#!/bin/sh\npod=$4\nshift 5\nexec nsenter -m -p -t "$(cat ${folder}/$pod.pid)" "$@"\n`,
  );
  await writeFile(
    tools.crictl,
    `#!/bin/sh\ncase $* in *uid=uid-client) echo ${SANDBOX} ;; *) echo abcd ;; esac\n`,
  );
  for (const path of Object.values(tools)) await chmod(path, 0o755);
  const pods = Object.fromEntries(
    ['client', 'control'].map((pod) => [
      pod,
      { uid: `uid-${pod}`, creationTimestamp: new Date().toISOString() },
    ]),
  );
  const vm = { ...{ crictl: tools.crictl, endpoint: 'x' }, machine: { program, accel, named: true } };
  const found = async () => {
    const seen = await evidence(SHELL, { kubectl: [tools.kubectl], vm, mark: MARK, pods });
    return seen.kind === 'machines' ? seen : assert.fail(seen.kind);
  };
  return {
    program,
    found,
    pod: async (pod: string, lies: readonly (keyof typeof LIES)[] = []) => {
      const before = ['set -e', 'F=$(mktemp -d)', 'trap "rm -rf $F" EXIT', ...lies.map((lie) => LIES[lie])];
      // Its own number, as the node counts it, before its /proc is another.
      const script = [...before, 'echo', 'read -r x || :'].join('\n');
      const words = [...NAMESPACES, 'sh', '-c', script, argumentOf(MARK, pod)];
      const child = await begun(t, spawn('unshare', words, { stdio: ['pipe', 'pipe', 'inherit'] }));
      const inner = await runProcess(['cat', `/proc/${child.pid}/task/${child.pid}/children`]);
      await writeFile(join(folder, `${pod}.pid`), inner.stdout.trim());
    },
    /** The rows that are against a machine. */
    against: async () => {
      const { proven, failed, lines } = verdict(await found(), 'vm');
      assert.deepEqual([proven, failed], ['none', true]);
      return lines.at(-1)?.split(' are ')[1]?.split(', ') ?? [];
    },
  };
}

const SHELL = {
  view: {
    ...paperView(),
    read: async ({ argv, input }) => {
      const { code, stdout, stderr } = await runProcess(
        argv.map(String),
        input === undefined ? {} : { input: String(input) },
      );
      assert.equal(code, 0, stderr);
      return stdout;
    },
  },
} as Partial<Shell> as Shell; // it only looks

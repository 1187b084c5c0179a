/** Whether pods have a kernel of their own: what is proof, and what is none. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { type Evidence, HYPERVISOR, SANDBOX, verdict } from '../../plugins/nginx-smoke/isolation.ts';
import { tempFolder } from '../rig/temp.ts';

const kernels = (pod: readonly [string, string], node: readonly [string, string]): Evidence => ({
  pod: { release: pod[0], boot: pod[1] },
  node: { release: node[0], boot: node[1] },
  vm: null,
});

/** The same of a recipe with machines: what the control shows, and what runs the sandbox. */
const beside = (found: Evidence, control: readonly [string, string], hypervisor: string): Evidence => ({
  ...found,
  vm: { control: { release: control[0], boot: control[1] }, sandbox: 'abcdef0123456789', hypervisor },
});
const own = kernels(['6.6', 'b'], ['6.1', 'a']);
const OWN = ['kernel: pod 6.6, node 6.1 (different)', 'boot_id: pod b, node a (different)'];
const QEMU = '7 /usr/bin/qemu-system-x86_64';

interface Case {
  readonly found: Evidence;
  readonly proven: 'vm' | 'none';
  /** What is said of the kernels. */
  readonly lines: readonly string[];
}

const CASES: Readonly<Record<string, Case>> = {
  'the same boot_id': {
    found: kernels(['6.1', 'a'], ['6.1', 'a']),
    proven: 'none',
    lines: ['kernel: pod 6.1, node 6.1 (the same)', 'boot_id: pod a, node a (the same)'],
  },
  'the same boot_id under another release': {
    found: kernels(['6.6', 'a'], ['6.1', 'a']),
    proven: 'none',
    lines: ['kernel: pod 6.6, node 6.1 (different)', 'boot_id: pod a, node a (the same)'],
  },
  'another boot_id': {
    found: kernels(['6.6', 'b'], ['6.1', 'a']),
    proven: 'vm',
    lines: ['kernel: pod 6.6, node 6.1 (different)', 'boot_id: pod b, node a (different)'],
  },
  'another boot_id of the same release': {
    found: kernels(['6.1', 'b'], ['6.1', 'a']),
    proven: 'vm',
    lines: ['kernel: pod 6.1, node 6.1 (the same)', 'boot_id: pod b, node a (different)'],
  },
  'no boot_id in the pod': {
    found: kernels(['6.6', ''], ['6.1', 'a']),
    proven: 'none',
    lines: ['kernel: pod 6.6, node 6.1 (different)', 'boot_id: pod not readable, node a'],
  },
  'no boot_id on the node': {
    found: kernels(['6.6', 'b'], ['6.1', '']),
    proven: 'none',
    lines: ['kernel: pod 6.6, node 6.1 (different)', 'boot_id: pod b, node not readable'],
  },
  'another boot_id than a control on the node, and a hypervisor,': {
    found: beside(own, ['6.1', 'a'], QEMU),
    proven: 'vm',
    lines: [
      ...OWN,
      'kernel of the control: pod 6.1, node 6.1 (the same)',
      'boot_id of the control: pod a, node a (the same)',
      `hypervisor of sandbox abcdef012345: ${QEMU}`,
    ],
  },
  'another boot_id without a hypervisor': {
    found: beside(own, ['6.1', 'a'], ''),
    proven: 'none',
    lines: [
      ...OWN,
      'kernel of the control: pod 6.1, node 6.1 (the same)',
      'boot_id of the control: pod a, node a (the same)',
      'hypervisor of sandbox abcdef012345: none',
    ],
  },
  'a control with another boot_id than its node': {
    found: beside(own, ['6.1', 'c'], QEMU),
    proven: 'none',
    lines: [
      ...OWN,
      'kernel of the control: pod 6.1, node 6.1 (the same)',
      'boot_id of the control: pod c, node a (different)',
      `hypervisor of sandbox abcdef012345: ${QEMU}`,
    ],
  },
  'no boot_id anywhere': {
    found: kernels(['6.6', ''], ['6.1', '']),
    proven: 'none',
    lines: ['kernel: pod 6.6, node 6.1 (different)', 'boot_id: pod not readable, node not readable'],
  },
};

for (const [name, { found, proven, lines }] of Object.entries(CASES)) {
  for (const declared of ['vm', 'none'] as const) {
    test(`${name} proves ${proven} where ${declared} is declared`, () => {
      assert.deepEqual(verdict(found, declared), {
        proven,
        failed: declared === 'vm' && proven === 'none',
        what: 'the recipe declares that pods run in virtual machines',
        lines: [...lines, `isolation declared ${declared}, proven ${proven}`],
      });
    });
  }
}

/** Runs a script as the plugin has it run on a node. */
async function said(script: string, ...words: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['-c', script, 'cc', ...words]);
  return stdout;
}

/** A process of a program's name that waits, and whose command line holds a word. */
async function waits(t: TestContext, program: string, word: string): Promise<string> {
  const path = join(await tempFolder(t), program);
  await copyFile('/bin/sh', path);
  const child = spawn(path, ['-c', 'read x', word], { stdio: ['pipe', 'ignore', 'ignore'] });
  await once(child, 'spawn');
  t.after(() => child.kill('SIGKILL'));
  return `${child.pid} ${path}\n`;
}

test('hypervisor is found by a command line that names its sandbox', async (t) => {
  const id = `sandbox-of-test-${process.pid}`;
  const qemu = await waits(t, 'qemu-system-test', `-name sandbox-${id},debug-threads=on`);
  await waits(t, 'qemu-system-test', '-name sandbox-of-another');
  assert.equal(await said(HYPERVISOR, id), qemu);
});

test('process that names a sandbox and holds no machine is none', async (t) => {
  const id = `shim-of-test-${process.pid}`;
  await waits(t, 'containerd-shim-test', `-id ${id}`);
  assert.equal(await said(HYPERVISOR, id), '');
});

test('hypervisor of a sandbox without an id is not looked for, since every process would do', async () => {
  await assert.rejects(said(HYPERVISOR, ''), { code: 1 });
});

/** A crictl that knows one verb, and answers with all it was told. */
async function crictl(t: TestContext, verb: string): Promise<string> {
  const path = join(await tempFolder(t), 'crictl');
  await writeFile(path, `#!/bin/sh\n[ "$3" = ${verb} ] || exit 1\necho "$@"\n`);
  await chmod(path, 0o755);
  return path;
}

for (const verb of ['pods', 'sandboxes']) {
  test(`sandbox of a pod is asked of a crictl that calls them ${verb}`, async (t) => {
    const asked = await said(SANDBOX, await crictl(t, verb), 'unix:///run/cri.sock', 'space', 'client');
    const labels = '--label io.kubernetes.pod.namespace=space --label io.kubernetes.pod.name=client';
    assert.equal(asked, `--runtime-endpoint unix:///run/cri.sock ${verb} -q ${labels}\n`);
  });
}

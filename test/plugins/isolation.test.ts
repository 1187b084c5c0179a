/** Whether pods have a machine of their own: what is proof, and what is none. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Command } from '../../core/model/command.ts';
import type { Shell } from '../../core/model/shell.ts';
import {
  type Evidence,
  evidence,
  type Kernel,
  LOOK,
  type Seen,
} from '../../plugins/nginx-smoke/isolation.ts';
import { verdict } from '../../plugins/nginx-smoke/verdict.ts';
import { tempFolder } from '../rig/temp.ts';
import { paperView } from '../rig/view.ts';
import { inside } from './smoke.ts';
import { patient } from './tools.ts';

const NODE: Kernel = { release: '6.1', boot: 'a', uptime: 900 };
const POD: Seen = {
  ...{ release: '6.6', boot: 'b', uptime: 12 },
  ...{ covered: [], named: true, sandbox: 'abcdef', age: 20, hypervisors: ['7'], processes: [] },
};
const CONTROL: Seen = {
  ...NODE,
  ...{ covered: [], named: false, sandbox: '123456', age: 19, hypervisors: [], processes: ['8'] },
};
type Machines = Extract<Evidence, { kind: 'machines' }>;
const PROOF: Machines = {
  kind: 'machines',
  ...{ node: NODE, pod: POD, control: CONTROL, program: '/bin/qemu', names: true },
};

test('pod that differs in everything from a control on the node is proven, each row beside its control', () => {
  assert.deepEqual(verdict(PROOF, 'vm'), {
    proven: 'vm',
    failed: false,
    what: 'the recipe declares that pods run in virtual machines',
    lines: [
      'kernel: pod 6.6, control 6.1, node 6.1',
      'boot_id: pod b, control a, node a',
      'uptime: pod 12 s at the age of 20 s, control 900 s at the age of 19 s',
      'mounts over what was read: pod none, control none',
      'processes of /bin/qemu for the sandbox: pod 7, control none',
      "the pod's own processes on the node: pod none, control 8",
      'sandbox named in /proc/cmdline: pod yes, control no',
      'isolation declared vm, proven vm',
    ],
  });
});

/** What is otherwise than in PROOF, and the rows that do not say so any more. */
const CASES: Readonly<
  Record<string, readonly [{ pod?: Partial<Seen>; control?: Partial<Seen>; node?: Partial<Kernel> }, string]>
> = {
  'the same boot_id': [{ pod: { boot: 'a' } }, 'boot_id'],
  'no boot_id in the pod': [{ pod: { boot: '' } }, 'boot_id'],
  'no boot_id on the node': [{ node: { boot: '' }, control: { boot: '' } }, 'boot_id'],
  'a control with another boot_id than its node': [{ control: { boot: 'c' } }, 'boot_id'],
  'a guest that is older than its pod': [{ pod: { uptime: 26 } }, 'uptime'],
  'an uptime that cannot be read': [{ pod: { uptime: null } }, 'uptime'],
  'a control that is as young as its pod': [{ control: { uptime: 24 } }, 'uptime'],
  'a control whose uptime cannot be read': [{ control: { uptime: null } }, 'uptime'],
  'something mounted over what was read': [{ pod: { covered: ['/proc'] } }, 'mounts over what was read'],
  'the same in the control': [{ control: { covered: ['/proc'] } }, 'mounts over what was read'],
  'no hypervisor': [{ pod: { hypervisors: [] } }, 'processes of /bin/qemu for the sandbox'],
  'a hypervisor for the control': [
    { control: { hypervisors: ['9'] } },
    'processes of /bin/qemu for the sandbox',
  ],
  'a process that the node sees': [{ pod: { processes: ['9'] } }, "the pod's own processes on the node"],
  'a control that the node does not see': [
    { control: { processes: [] } },
    "the pod's own processes on the node",
  ],
  'a kernel that was not told the sandbox': [{ pod: { named: false } }, 'sandbox named in /proc/cmdline'],
  'a control that was told its sandbox': [{ control: { named: true } }, 'sandbox named in /proc/cmdline'],
};

for (const [name, [change, against]] of Object.entries(CASES)) {
  test(`${name} proves no machine, whatever all else says`, () => {
    const { node, pod, control } = change;
    const found = {
      ...PROOF,
      node: { ...NODE, ...node },
      pod: { ...POD, ...pod },
      control: { ...CONTROL, ...control },
    };
    const { proven, failed, lines } = verdict(found, 'vm');
    const last = `isolation declared vm, proven none: not as in a virtual machine are ${against}`;
    assert.deepEqual([proven, failed, lines.at(-1)], ['none', true, last]);
  });
}

test('kernel of the same release is no reason against a machine', () => {
  assert.equal(verdict({ ...PROOF, pod: { ...POD, release: '6.1' } }, 'vm').proven, 'vm');
});

test('sandbox in the command line of a kernel counts only where the runtime puts it there', () => {
  const { proven, lines } = verdict({ ...PROOF, names: false, pod: { ...POD, named: false } }, 'vm');
  assert.deepEqual([proven, lines.length], ['vm', 7]);
});

test('recipe without machines has what kernels say compared, and proves none', () => {
  const other: Evidence = { kind: 'kernels', node: NODE, pod: { ...POD, boot: '' } };
  assert.deepEqual(
    [verdict({ kind: 'kernels', node: NODE, pod: NODE }, 'none'), verdict(other, 'vm')].map(
      ({ proven, failed, lines }) => [proven, failed, ...lines],
    ),
    [
      [
        ...['none', false, 'kernel: pod 6.1, node 6.1 (the same)', 'boot_id: pod a, node a (the same)'],
        'isolation declared none, proven none',
      ],
      [
        ...['none', true, 'kernel: pod 6.6, node 6.1 (different)', 'boot_id: pod not readable, node a'],
        'isolation declared vm, proven none',
      ],
    ],
  );
});

const PROC = '24 23 0:22 / /proc rw,nosuid - proc proc rw';
/** Mounts of a pod, and what of them shows something else than its kernel. */
const MOUNTS: readonly (readonly [name: string, mounts: readonly string[], covered: readonly string[]])[] = [
  ['its own /proc', [PROC], []],
  [
    'parts of /proc over themselves, and others that are hidden',
    [
      PROC,
      '25 24 0:22 /sys /proc/sys ro - proc proc rw',
      '26 24 0:23 /null /proc/kcore rw - tmpfs tmpfs rw',
      '27 24 0:24 / /processes rw - tmpfs tmpfs rw',
    ],
    [],
  ],
  ['a file', [PROC, '25 24 8:1 /f /proc/uptime rw shared:1 - ext4 /dev/vda rw'], ['/proc/uptime']],
  [
    "another file of the kernel's",
    [PROC, '25 24 0:22 /sys/kernel/random/uuid /proc/sys/kernel/random/boot_id rw - proc proc rw'],
    ['/proc/sys/kernel/random/boot_id'],
  ],
  ['a folder above them', [PROC, '25 24 0:9 / /proc/sys/kernel rw - tmpfs tmpfs rw'], ['/proc/sys/kernel']],
  ['another file system than /proc', ['24 23 0:22 / /proc rw - tmpfs tmpfs rw'], ['/proc']],
  ['nothing', [], ['/proc']],
];

for (const [name, mounts, covered] of MOUNTS) {
  test(`pod that has mounted ${name} has what is read covered ${covered.length} times`, async () => {
    const said = inside({ release: '6.6', boot: 'b', uptime: 12, cmdline: 'quiet', mounts });
    const found = await evidence(shellOf(said, 'time node 1000\n'), {
      kubectl: ['kubectl'],
      vm: { crictl: 'crictl', endpoint: 'x', machine: { program: '/bin/qemu', accel: 'tcg' } },
      mark: 'mark',
      pods: { client: MADE, control: MADE },
    });
    assert.deepEqual(found.kind === 'machines' && found.pod.covered, covered);
  });
}

const MADE = { uid: 'uid', creationTimestamp: '1970-01-01T00:16:30Z' };

test('what the node and the pod say is put together by pod', async () => {
  const said = inside({ release: '6.6', boot: 'b', uptime: 12.9, cmdline: 'ip=:::abc::off', mounts: [PROC] });
  const seen = ['sandbox client abc', 'hypervisor client 7', 'sandbox control de', 'process control 8'];
  const found = await evidence(
    shellOf(said, [...seen, 'process control 9', 'time node 1000', ''].join('\n')),
    {
      kubectl: ['kubectl'],
      vm: { crictl: 'crictl', endpoint: 'x', machine: { program: '/bin/qemu', accel: 'tcg', named: true } },
      mark: 'mark',
      pods: { client: MADE, control: MADE },
    },
  );
  const kernel = { release: '6.6', boot: 'b', uptime: 12 };
  assert.deepEqual(found, {
    kind: 'machines',
    node: kernel,
    pod: {
      ...{ ...kernel, covered: [], named: true, sandbox: 'abc', age: 10, hypervisors: ['7'], processes: [] },
    },
    control: {
      ...{ ...kernel, covered: [], named: false, sandbox: 'de', age: 10, hypervisors: [] },
      processes: ['8', '9'],
    },
    program: '/bin/qemu',
    names: true,
  });
});

/** Pods and their node, which say the same of themselves, and what is seen of pods. */
function shellOf(said: string, seen: string): Shell {
  const read = async ({ argv }: Command) => (argv.includes(LOOK) ? seen : said);
  return { view: { ...paperView(), read }, run: read, until: patient } as Partial<Shell> as Shell; // it only looks
}

test('file whose lines look like those of another is not taken for it', async () => {
  const lines = ['/proc/uptime:1.00 2.00', '/proc/sys/kernel/osrelease:/proc/uptime:900.00 1.00'];
  const found = await evidence(shellOf(lines.toReversed().join('\n'), ''), {
    ...{ kubectl: ['kubectl'], mark: 'mark', pods: {} },
  });
  assert.deepEqual(found.pod.uptime, 1);
});

/** A crictl that knows one verb, and answers with all it was told. */
async function crictl(t: TestContext, verb: string): Promise<string> {
  const path = join(await tempFolder(t), 'crictl');
  await writeFile(
    path,
    `#!/bin/sh\n[ "$3" = ${verb} ] || exit 1\necho "$@" >"$0.asked"\nprintf 'ab12\\ncd34\\n'\n`,
  );
  await chmod(path, 0o755);
  return path;
}

/** Runs the script as the plugin has it run on a node, for one pod. */
function looked(crictl: string, argument: string) {
  return new Promise<{ code: unknown; lines: readonly string[] }>((done) => {
    const words = [crictl, 'unix:///run/cri.sock', '/no/qemu', 'tcg', 'client', 'uid-1'];
    const child = execFile('sh', ['-c', LOOK, 'cc', ...words], (error, stdout) =>
      done({ code: error?.code ?? 0, lines: stdout.trim().split('\n') }),
    );
    child.stdin?.end(`${argument}\n`);
  });
}

for (const verb of ['pods', 'sandboxes']) {
  test(`sandbox of a pod is the newest of a crictl that calls them ${verb}`, async (t) => {
    const program = await crictl(t, verb);
    const { code, lines } = await looked(program, `nobody-${process.pid}`);
    assert.deepEqual([code, lines.slice(0, -1)], [0, ['sandbox client ab12']]);
    const asked = await readFile(`${program}.asked`, 'utf8');
    assert.equal(
      asked,
      `--runtime-endpoint unix:///run/cri.sock ${verb} -q --label io.kubernetes.pod.uid=uid-1\n`,
    );
  });
}

test('look that cannot ask for sandboxes fails, instead of seeing none', async () => {
  assert.equal((await looked('/no/crictl', 'argument')).code, 127);
});

test('look for processes without an argument fails, since every process would do', async (t) => {
  assert.equal((await looked(await crictl(t, 'pods'), '')).code, 1);
});

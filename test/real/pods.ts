/** Pods of namespaces on this machine, which tell lies or not, and the looks of the smoke test at them. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { runProcess } from '../../core/host/own-agent.ts';
import type { Command } from '../../core/model/command.ts';
import type { Shell } from '../../core/model/shell.ts';
import { evidence } from '../../plugins/nginx-smoke/isolation.ts';
import { argumentOf } from '../../plugins/nginx-smoke/manifests.ts';
import { verdict } from '../../plugins/nginx-smoke/verdict.ts';
import { patient } from '../plugins/tools.ts';
import { tempFolder } from '../rig/temp.ts';
import { paperView } from '../rig/view.ts';

export const NAMESPACES = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
export const SANDBOX = 'c0ffee'.repeat(8);
export const MARK = `test-${process.pid}`;

/** What a pod does before it waits; $F is a folder of its own. */
export const LIES = {
  cmdline: `echo "root=/dev/pmem0p1 ip=::::::${SANDBOX}::off::" >$F/a; mount --bind $F/a /proc/cmdline`,
  boot: 'echo 11111111-2222-3333-4444-555555555555 >$F/b; mount --bind $F/b /proc/sys/kernel/random/boot_id',
  /** The kernel's own /proc, and another answer each time. */
  uuid: 'mount --bind /proc/sys/kernel/random/uuid /proc/sys/kernel/random/boot_id',
  uptime: 'echo 1.00 1.00 >$F/c; mount --bind $F/c /proc/uptime',
  folder:
    'mkdir -p $F/p/sys/kernel/random && echo 7.7 >$F/p/sys/kernel/osrelease && echo b >$F/p/sys/kernel/random/boot_id && mount --bind $F/p/sys/kernel /proc/sys/kernel',
} as const;

/** A process that has said its first line; it ends with the test. */
export async function begun(t: TestContext, child: ChildProcess): Promise<ChildProcess> {
  t.after(() => child.kill('SIGKILL'));
  await once(createInterface(child.stdout!), 'line'); // it is piped
  return child;
}

/** What a guest that cannot be entered has written to its console: the last of the answers that it gives by itself. */
const HEARD = `if [ -e $at.console ]; then
  tr -d '\\r' <$at.console | awk '/^BEGIN/ { now = "" } /^END/ { last = now } { now = now $0 "\\n" } END { printf "%s", last }'
  exit
fi
`;

interface Node {
  readonly accel?: 'kvm' | 'tcg';
  /** What runs machines. Default: a program that only waits. */
  readonly qemu?: string;
}

/** A node of two pods, with a program that may run machines, and the kubectl and crictl that find them. */
export async function nodeOf(t: TestContext, { accel = 'tcg', qemu }: Node = {}) {
  const folder = await tempFolder(t);
  const program = qemu ?? join(folder, 'qemu-system-test');
  if (qemu === undefined) await copyFile('/bin/sh', program);
  const tools = { kubectl: join(folder, 'kubectl'), crictl: join(folder, 'crictl') };
  await writeFile(
    tools.kubectl,
    `#!/bin/sh\nat=${folder}/$4\nshift 5\n${HEARD}exec nsenter -m -p -t "$(cat $at.pid)" "$@"\n`,
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
    folder,
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

const read = async ({ argv, input }: Command) => {
  const { code, stdout, stderr } = await runProcess(
    argv.map(String),
    input === undefined ? {} : { input: String(input) },
  );
  assert.equal(code, 0, stderr);
  return stdout;
};

const SHELL = { view: { ...paperView(), read }, run: read, until: patient } as Partial<Shell> as Shell; // it only looks

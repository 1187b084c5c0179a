/** Debians that have a QEMU or make guests, and what the recipe with virtual machines does in them, by its own steps. */
import assert from 'node:assert/strict';
import { chmod, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expand } from '../../core/graph/expand.ts';
import { flattened } from '../../core/graph/flatten.ts';
import { runProcess } from '../../core/host/own-agent.ts';
import { type Artifact, isArtifact } from '../../core/model/artifact.ts';
import { type Command, shown } from '../../core/model/command.ts';
import type { Task } from '../../core/model/task.ts';
import { EXPAND_CONTEXT } from '../graph/recipes.ts';
import { NODE } from '../plugins/bench.ts';
import { clear } from '../plugins/clear.ts';
import { packed } from '../rig/debian.ts';
import { debianRoot, type Root } from '../rig/debian-root.ts';
import { rootless } from '../rig/tools.ts';
import { NEVER } from '../steps/last.ts';

export const QEMU = 'qemu-system-x86';
/** For the guest: what it is made with, and what looks at it. */
const TOOLS = ['binutils', 'cpio', 'kmod', 'fdisk'];

/** A Debian with its own QEMU, and of Debian 12 with what guests are made with, and a kernel that boots without modules. */
export async function virtual(suite = 'bookworm'): Promise<Root> {
  const why = rootless('enters another Debian');
  if (why !== false) return { kind: 'missing', why };
  const more = suite === 'bookworm' ? [QEMU, ...TOOLS, 'linux-image-cloud-amd64'] : [QEMU];
  return debianRoot(more, suite);
}

/** A root has no devices of its own; what is written to its /opt goes, and its /mnt is a folder of the test. */
const INSIDE = `root=$1 mine=$2
shift 2
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/opt"
mount --bind "$mine" "$root/mnt"
cd / && exec chroot "$root" "$@"`;

/** Runs a program in the root, where the folder is /mnt. */
export function inside(root: string, folder: string, ...argv: readonly string[]) {
  return runProcess(['unshare', '--mount', 'sh', '-euc', INSIDE, 'cc', root, folder, ...argv]);
}

/** The tasks of the plugin for machines that are emulated, with folders for what is built. */
export function tasksAt(cache: string): readonly Task[] {
  const recipe = { hosts: [NODE], ...clear({ accel: 'tcg', memory: 512 }) };
  return expand(flattened([recipe], []), { ...EXPAND_CONTEXT, cache }, []).tasks;
}

/** The step of the plugin with this name. */
export function stepOf(tasks: readonly Task[], name: string) {
  return tasks.find(({ id }) => id.endsWith(`/clear-containers/${name}`))!.step; // the plugin has it
}

/** The commands that make a guest in a folder, where each artifact is a file that the function names. */
export function makingGuest(cache: string, fileOf: (artifact: Artifact) => string): string {
  const { plan } = stepOf(tasksAt(cache), 'guest');
  const commands = plan({ outputs: { guest: null } }, NEVER).map((change): Command => {
    assert.ok(change.kind === 'run');
    const { argv, ...others } = change.command;
    return { ...others, argv: argv.map((word) => (isArtifact(word) ? fileOf(word) : word)) };
  });
  return commands.map((command) => `${shown(command)}\n`).join('');
}

/** Where a guest is that was made with this cache. */
export function guestAt(cache: string): string {
  return `${cache}/clear-containers/guest`;
}

/**
 * Puts the packages of a guest into a folder, with a program of Debian instead of the agent; answers their names, or why
 * there are none.
 */
export async function ingredients(folder: string) {
  const artifacts = stepOf(tasksAt('/cache'), 'guest').artifacts ?? [];
  const found = await packed(artifacts.filter(({ source }) => source.kind === 'deb'));
  if (found.kind === 'missing') return found;
  for (const [name, file] of found.files) {
    await copyFile(file, join(folder, name));
    await chmod(join(folder, name), 0o644);
  }
  return { kind: 'here', names: [...found.files.keys()] } as const;
}

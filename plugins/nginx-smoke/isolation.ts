/** Whether a pod runs on a kernel of its own, judged by what cannot be shared. */
import { cmd, type Shell } from '../../core/mod.ts';

/** What a kernel says of itself. */
type Kernel = { readonly release: string; readonly boot: string };

export type Evidence = { readonly pod: Kernel; readonly node: Kernel };

const READ = ['/proc/sys/kernel/osrelease', '/proc/sys/kernel/random/boot_id'];

/**
 * Reads the same two files in the pod and on its node. On the node they are read under a fresh /proc, as a container
 * sees it: a node that is itself a container may show another boot_id over the kernel's own, and would make every pod
 * look like a VM.
 */
export async function evidence(shell: Shell, inside: readonly string[]): Promise<Evidence> {
  const pod = await shell.view.read(cmd`${inside} cat ${READ}`);
  const node = await shell.view.read(cmd`unshare --pid --fork --mount --mount-proc cat ${READ}`);
  return { pod: kernel(pod), node: kernel(node) };
}

function kernel(text: string): Kernel {
  const [release = '', boot = ''] = text.trim().split('\n');
  return { release, boot };
}

export interface Verdict {
  readonly proven: 'vm' | 'none';
  readonly failed: boolean;
  readonly what: string;
  readonly lines: readonly string[];
}

/** A boot_id of its own is proof, also where guest and host run the same release; without one nothing else counts. */
export function verdict({ pod, node }: Evidence, declared: 'vm' | 'none'): Verdict {
  const proven = pod.boot !== '' && node.boot !== '' && pod.boot !== node.boot ? 'vm' : 'none';
  const row = (name: string, mine: string, theirs: string) => {
    if (mine === '' || theirs === '')
      return `${name}: pod ${mine || 'not readable'}, node ${theirs || 'not readable'}`;
    return `${name}: pod ${mine}, node ${theirs} (${mine === theirs ? 'the same' : 'different'})`;
  };
  return {
    proven,
    failed: declared === 'vm' && proven !== 'vm',
    what: 'the recipe declares that pods run in virtual machines',
    lines: [
      row('kernel', pod.release, node.release),
      row('boot_id', pod.boot, node.boot),
      `isolation declared ${declared}, proven ${proven}`,
    ],
  };
}

/** Whether a pod runs on a kernel of its own, judged by what cannot be shared. */
import { cmd, type Shell } from '../../core/mod.ts';
import { NAMESPACE } from './manifests.ts';

/** What a kernel says of itself. */
type Kernel = { readonly release: string; readonly boot: string };

export type Evidence = {
  readonly pod: Kernel;
  readonly node: Kernel;
  /** What only a recipe with virtual machines is asked for. */
  readonly vm: {
    /** The same image on the node's kernel: what a pod looks like that has no machine of its own. */
    readonly control: Kernel;
    readonly sandbox: string;
    /** The process that runs the machine of that sandbox: its number and program, or empty. */
    readonly hypervisor: string;
  } | null;
};

/** Where to look. */
export interface Places {
  readonly kubectl: readonly string[];
  /** Of a recipe with virtual machines. */
  readonly vm?: { readonly crictl: string; readonly endpoint: string };
}

const READ = ['/proc/sys/kernel/osrelease', '/proc/sys/kernel/random/boot_id'];

/**
 * Reads the same two files in pods and on their node. On the node they are read under a fresh /proc, as a container sees
 * it: a node that is itself a container may show another boot_id over the kernel's own, and would make every pod look like
 * a VM.
 */
export async function evidence(shell: Shell, { kubectl, vm }: Places): Promise<Evidence> {
  const inside = async (pod: string) =>
    kernel(await shell.view.read(cmd`${kubectl} -n ${NAMESPACE} exec ${pod} -- cat ${READ}`));
  const node = await shell.view.read(cmd`unshare --pid --fork --mount --mount-proc cat ${READ}`);
  const both = { pod: await inside('client'), node: kernel(node) };
  if (!vm) return { ...both, vm: null };
  const ask = cmd`sh -c ${SANDBOX} cc ${vm.crictl} ${vm.endpoint} ${NAMESPACE} client`;
  // The newest comes first; an older one may be of an earlier run.
  const [sandbox = ''] = (await shell.view.read({ ...ask, title: 'crictl pods' })).trim().split('\n');
  const look = cmd`sh -c ${HYPERVISOR} cc ${sandbox}`;
  const found = await shell.view.read({ ...look, title: 'a script that looks for a hypervisor' });
  return { ...both, vm: { control: await inside('control'), sandbox, hypervisor: found.trim() } };
}

function kernel(text: string): Kernel {
  const [release = '', boot = ''] = text.trim().split('\n');
  return { release, boot };
}

/** SANDBOX CRICTL ENDPOINT NAMESPACE POD: the id of a pod's sandbox. The crictl of 2017 has another verb. */
export const SANDBOX = `crictl=$1 endpoint=$2
set -- -q --label "io.kubernetes.pod.namespace=$3" --label "io.kubernetes.pod.name=$4"
"$crictl" --runtime-endpoint "$endpoint" pods "$@" 2>/dev/null || "$crictl" --runtime-endpoint "$endpoint" sandboxes "$@"`;

/**
 * HYPERVISOR ID: processes whose command line names the sandbox and which hold a virtual machine of KVM open, or are a QEMU
 * that may do without: number and program. Runtimes name their hypervisor after the sandbox (`sandbox-ID`, `pod-ID`, a socket
 * in a folder ID); the process around a container names it too, and holds no machine.
 */
export const HYPERVISOR = `[ -n "$1" ] || exit 1
for process in /proc/[0-9]*; do
  tr '\\0' ' ' 2>/dev/null <"$process/cmdline" | grep -qF -e "$1" || continue
  program=$(readlink "$process/exe") || continue
  case \${program##*/} in
    qemu-*) ;;
    *) ls -l "$process/fd" 2>/dev/null | grep -qF 'anon_inode:kvm-vm' || continue ;;
  esac
  echo "\${process#/proc/} $program"
done`;

export interface Verdict {
  readonly proven: 'vm' | 'none';
  readonly failed: boolean;
  readonly what: string;
  readonly lines: readonly string[];
}

/**
 * A boot_id of its own is proof, also where guest and host run the same release. Where machines are declared, a pod that is
 * known to have none must show the node's boot_id by the same way, and a hypervisor must run that pod's sandbox: else what
 * was read may be something else than it seems.
 */
export function verdict({ pod, node, vm }: Evidence, declared: 'vm' | 'none'): Verdict {
  const own = pod.boot !== '' && node.boot !== '' && pod.boot !== node.boot;
  const sure = vm === null || (vm.control.boot === node.boot && vm.hypervisor !== '');
  const proven = own && sure ? 'vm' : 'none';
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
      ...(vm === null
        ? []
        : [
            row('kernel of the control', vm.control.release, node.release),
            row('boot_id of the control', vm.control.boot, node.boot),
            `hypervisor of sandbox ${vm.sandbox.slice(0, 12)}: ${vm.hypervisor || 'none'}`,
          ]),
      `isolation declared ${declared}, proven ${proven}`,
    ],
  };
}

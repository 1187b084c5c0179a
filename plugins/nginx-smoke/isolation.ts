/** What pods and their node show of whether a pod runs in a virtual machine of its own. */
import { cmd, type Shell } from '../../core/mod.ts';
import type { VmRuntime } from '../capabilities.ts';
import { insisted } from '../kubectl/api.ts';
import { argumentOf, NAMESPACE } from './manifests.ts';

/** What a kernel says of itself. */
export type Kernel = {
  readonly release: string;
  readonly boot: string;
  /** Seconds; null: it is not readable. */
  readonly uptime: number | null;
};

/** A pod, as it shows itself and as its node sees it. */
export type Seen = Kernel & {
  /** Places of /proc from which that was read and that something is mounted over. */
  readonly covered: readonly string[];
  /** Whether the kernel's command line names the sandbox. */
  readonly named: boolean;
  readonly sandbox: string;
  /** Seconds since Kubernetes made it. */
  readonly age: number;
  /** Processes of the node that run the machine of its sandbox. */
  readonly hypervisors: readonly string[];
  /** Processes of the node that are the pod's own, by an argument that nobody else has. */
  readonly processes: readonly string[];
};

export type Evidence =
  | { readonly kind: 'kernels'; readonly node: Kernel; readonly pod: Kernel }
  | {
      readonly kind: 'machines';
      readonly node: Kernel;
      readonly pod: Seen;
      /** The same image on the node's kernel: what a pod looks like that has no machine of its own. */
      readonly control: Seen;
      /** What runs machines. */
      readonly program: string;
      /** Whether the runtime tells a guest's kernel the name of its sandbox. */
      readonly names: boolean;
    };

/** Where to look, of a recipe with virtual machines. */
export interface Machines extends Pick<VmRuntime, 'machine'> {
  readonly crictl: string;
  readonly endpoint: string;
}

/** A pod as Kubernetes knows it. */
export interface Made {
  readonly uid: string;
  readonly creationTimestamp: string;
}

export interface Looking {
  readonly kubectl: readonly string[];
  readonly vm?: Machines;
  /** The random text in the arguments of pods' processes. */
  readonly mark: string;
  readonly pods: Readonly<Record<string, Made>>;
}

const RELEASE = '/proc/sys/kernel/osrelease';
const BOOT = '/proc/sys/kernel/random/boot_id';
const UPTIME = '/proc/uptime';
const CMDLINE = '/proc/cmdline';
const READ = [RELEASE, BOOT, UPTIME, CMDLINE];
/** Of the process that reads it, which a pod cannot have prepared. */
const MOUNTS = '/proc/self/mountinfo';

/**
 * Reads the same files in pods and on their node, all at once. On the node they are read under a fresh /proc, as a container
 * sees it: a node that is itself a container may show another boot_id over the kernel's own, and would make every pod look like
 * a VM.
 */
export async function evidence(shell: Shell, { kubectl, vm, mark, pods }: Looking): Promise<Evidence> {
  const inside = async (pod: string) =>
    files(
      await insisted(shell, cmd`${kubectl} -n ${NAMESPACE} exec ${pod} -- grep -H ${''} ${READ} ${MOUNTS}`),
    );
  const onNode = async () =>
    files(await shell.view.read(cmd`unshare --pid --fork --mount --mount-proc grep -H ${''} ${READ}`));
  if (!vm) {
    const [node, pod] = await Promise.all([onNode(), inside('client')]);
    return { kind: 'kernels', node: kernel(node), pod: kernel(pod) };
  }
  const [node, client, control, seen] = await Promise.all([
    ...[onNode(), inside('client'), inside('control')],
    outside(shell, vm, mark, pods),
  ] as const);
  return {
    kind: 'machines',
    node: kernel(node),
    pod: { ...shown(client, seen.client), ...seen.client },
    control: { ...shown(control, seen.control), ...seen.control },
    program: vm.machine.program,
    names: vm.machine.named === true,
  };
}

/** The lines of a file. */
type Files = (file: string) => readonly string[];

/** What `grep -H '' FILE...` prints: before each line its file, so that no file can pass for another. */
function files(text: string): Files {
  const lines = text.split('\n');
  return (file) =>
    lines.flatMap((line) => (line.startsWith(`${file}:`) ? [line.slice(file.length + 1)] : []));
}

function kernel(of: Files): Kernel {
  const [release = ''] = of(RELEASE);
  const [boot = ''] = of(BOOT);
  const seconds = Number.parseFloat(of(UPTIME)[0] ?? '');
  return { release, boot, uptime: Number.isFinite(seconds) ? Math.floor(seconds) : null };
}

const PODS = ['client', 'control'] as const;

type Outside = Pick<Seen, 'sandbox' | 'age' | 'hypervisors' | 'processes'>;

function shown(of: Files, { sandbox }: Outside): Omit<Seen, keyof Outside> {
  const named = sandbox !== '' && of(CMDLINE).join('\n').includes(sandbox);
  return { ...kernel(of), covered: covered(of(MOUNTS)), named };
}

/**
 * Mounts at, or above, what is read, that show anything but the same place of a kernel's /proc: such a place may show what
 * somebody has written. Container runtimes mount parts of /proc over themselves, to make them read-only.
 */
function covered(mounts: readonly string[]): readonly string[] {
  const all = mounts.map((line) => {
    const [, , , root = '', point = '', ...rest] = line.split(' ');
    return { point, honest: rest[rest.indexOf('-') + 1] === 'proc' && `/proc${root}` === under(point) };
  });
  const wrong = all.filter(
    ({ point, honest }) =>
      !honest && /^\/proc(\/|$)/.test(point) && READ.some((file) => `${file}/`.startsWith(`${point}/`)),
  );
  if (!all.some(({ point, honest }) => honest && point === '/proc')) return ['/proc'];
  return [...new Set(wrong.map(({ point }) => point))];
}

/** The root of a file system is written with a slash, also where it is mounted. */
function under(point: string): string {
  return point === '/proc' ? '/proc/' : point;
}

async function outside(
  shell: Shell,
  { crictl, endpoint, machine }: Machines,
  mark: string,
  pods: Looking['pods'],
): Promise<{ readonly client: Outside; readonly control: Outside }> {
  const ids = PODS.map((pod) => [pod, pods[pod]?.uid ?? '']);
  const look = cmd`sh -c ${LOOK} cc ${crictl} ${endpoint} ${machine.program} ${machine.accel} ${ids.flat()}`;
  const input = PODS.map((pod) => `${argumentOf(mark, pod)}\n`).join('');
  const said = await shell.view.read({ ...look, input, title: 'a script that looks for machines of pods' });
  const lines = said.split('\n').map((line) => line.split(' '));
  const all = (what: string, pod: string) =>
    lines.flatMap(([is, of, ...value]) => (is === what && of === pod ? [value.join(' ')] : []));
  const seen = (pod: string): Outside => ({
    sandbox: all('sandbox', pod)[0] ?? '',
    age: Math.round(Number(all('time', 'node')[0]) - Date.parse(pods[pod]?.creationTimestamp ?? '') / 1000),
    hypervisors: all('hypervisor', pod),
    processes: all('process', pod),
  });
  return { client: seen('client'), control: seen('control') };
}

/**
 * LOOK CRICTL ENDPOINT PROGRAM ACCEL (POD UID)...: what the node shows of pods. The argument of each pod's processes comes by
 * standard input, so that no other command line has it. The crictl of 2017 has another verb.
 *
 * A hypervisor is a process whose executable is that very file, whatever its command line and the paths in its own mounts say.
 * Under KVM it holds a machine open, and some word or part of a path is the sandbox's id. Without, it is a QEMU that was given
 * the sandbox's name: `pod-ID` by Clear Containers, `sandbox-ID` by Kata.
 */
export const LOOK = `set -u
crictl=$1 endpoint=$2 program=$3 accel=$4
shift 4
sandboxes() {
  set -- -q --label "io.kubernetes.pod.uid=$1"
  "$crictl" --runtime-endpoint "$endpoint" pods "$@" 2>/dev/null ||
    "$crictl" --runtime-endpoint "$endpoint" sandboxes "$@"
} </dev/null
runs() {
  words=$(tr '\\0' '\\n' <"$1/cmdline")
  case $accel in
    tcg) echo "$words" | grep -A1 -xe -name | grep -qE "^(pod|sandbox)-$2(,|$)" ;;
    *) ls -l "$1/fd" | grep -qF anon_inode:kvm-vm && echo "$words" | grep -qE "(^|[/=-])$2([/,]|$)" ;;
  esac
}
while [ $# -gt 0 ]; do
  read -r argument && [ -n "$argument" ] && id=$(sandboxes "$2") || exit
  id=\${id%%[!0-9a-f]*}
  echo "sandbox $1 $id"
  for process in /proc/[0-9]*; do
    [ -n "$id" ] && [ "$process/exe" -ef "$program" ] || continue
    runs "$process" "$id" 2>/dev/null && echo "hypervisor $1 \${process#/proc/}"
  done
  echo "$argument" | grep -lsxzFf - /proc/[0-9]*/cmdline | sed -E "s#/proc/([0-9]+)/.*#process $1 \\1#"
  shift 2
done
echo "time node $(date +%s)"`;

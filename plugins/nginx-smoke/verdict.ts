/** What evidence proves of how pods are isolated: one row for each thing that was looked at, the control beside the pod. */
import type { Evidence, Kernel, Seen } from './isolation.ts';

export type Isolation = 'vm' | 'none';

export interface Verdict {
  readonly proven: Isolation;
  readonly failed: boolean;
  readonly what: string;
  readonly lines: readonly string[];
}

interface Row {
  readonly name: string;
  readonly pod: string;
  readonly control: string;
  readonly node?: string;
  /** Whether the pod and its control differ in this as a machine does from what is none. Undefined: it proves nothing. */
  readonly holds?: boolean;
}

/** Seconds that clocks and looks may be apart. */
const SLACK = 5;

/**
 * A machine is proven where every row says so: what a pod shows of itself may be made up, and so may be what a node shows of
 * processes, each in its own way. The control shows by the same looks what a pod is like that has no machine.
 */
export function verdict(found: Evidence, declared: Isolation): Verdict {
  const table = found.kind === 'machines' ? rows(found) : [];
  const against = table.filter(({ holds }) => holds === false).map(({ name }) => name);
  const proven = table.length > 0 && against.length === 0 ? 'vm' : 'none';
  const because = against.length > 0 ? `: not as in a virtual machine are ${against.join(', ')}` : '';
  return {
    proven,
    failed: declared === 'vm' && proven !== 'vm',
    what: 'the recipe declares that pods run in virtual machines',
    lines: [
      ...(found.kind === 'machines' ? table.map(lineOf) : compared(found.pod, found.node)),
      `isolation declared ${declared}, proven ${proven}${because}`,
    ],
  };
}

function rows({
  node,
  pod,
  control,
  program,
  names,
}: Extract<Evidence, { kind: 'machines' }>): readonly Row[] {
  const row = (name: string, show: (seen: Seen) => string, holds: (seen: Seen) => boolean): Row => ({
    name,
    pod: show(pod),
    control: show(control),
    holds: holds(pod) && !holds(control),
  });
  const both = (key: 'release' | 'boot') => ({ pod: pod[key], control: control[key], node: node[key] });
  return [
    { name: 'kernel', ...both('release') },
    {
      name: 'boot_id',
      ...both('boot'),
      holds: pod.boot !== '' && node.boot !== '' && pod.boot !== node.boot && control.boot === node.boot,
    },
    {
      name: 'uptime',
      pod: aged(pod),
      control: aged(control),
      holds: lead(pod) <= SLACK && lead(control) > SLACK,
    },
    {
      name: 'mounts over what was read',
      pod: listed(pod.covered),
      control: listed(control.covered),
      holds: pod.covered.length === 0 && control.covered.length === 0,
    },
    row(
      `processes of ${program} for the sandbox`,
      (seen) => listed(seen.hypervisors),
      (seen) => seen.hypervisors.length > 0,
    ),
    row(
      "the pod's own processes on the node",
      (seen) => listed(seen.processes),
      (seen) => seen.processes.length === 0,
    ),
    ...(names
      ? [
          row(
            'sandbox named in /proc/cmdline',
            ({ named }) => (named ? 'yes' : 'no'),
            ({ named }) => named,
          ),
        ]
      : []),
  ];
}

/** By how much a kernel is older than its pod. A machine is started for its pod, so it cannot be; the node is. */
function lead({ uptime, age }: Seen): number {
  return uptime === null ? Number.NaN : uptime - age; // every comparison with it is false
}

function aged({ uptime, age }: Seen): string {
  return `${uptime === null ? 'not readable' : `${uptime} s`} at the age of ${age} s`;
}

function listed(all: readonly string[]): string {
  return all.join(' ') || 'none';
}

function lineOf({ name, pod, control, node }: Row): string {
  const value = (text: string) => text || 'not readable';
  const last = node === undefined ? '' : `, node ${value(node)}`;
  return `${name}: pod ${value(pod)}, control ${value(control)}${last}`;
}

function compared(pod: Kernel, node: Kernel): readonly string[] {
  const line = (name: string, mine: string, theirs: string) => {
    if (mine === '' || theirs === '')
      return `${name}: pod ${mine || 'not readable'}, node ${theirs || 'not readable'}`;
    return `${name}: pod ${mine}, node ${theirs} (${mine === theirs ? 'the same' : 'different'})`;
  };
  return [line('kernel', pod.release, node.release), line('boot_id', pod.boot, node.boot)];
}

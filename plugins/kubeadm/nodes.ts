/** What a control plane still needs once init has made it: an API that answers, nodes that take pods and are ready. */
import {
  awaited,
  type Change,
  type Command,
  cmd,
  type Host,
  type Shell,
  step,
  type View,
} from '../../core/mod.ts';
import type { PodNetwork } from '../capabilities.ts';
import { type Access, asked, cannotTell, telling, unanswered } from '../kubectl/api.ts';

/** The first host of the control plane, where kubeadm has left its credentials. */
export const PLANE = { firstOf: 'control-plane' } as const;

/** All hosts of it. */
export const PLANES = { role: PLANE.firstOf } as const;

/** Those of some hosts that are of it, in their order. */
export function planesOf<At extends Pick<Host, 'roles'>>(hosts: readonly At[]): readonly At[] {
  return hosts.filter(({ roles }) => roles.includes(PLANE.firstOf));
}

/** Hosts that join it, as workers or as further control planes; a cluster may have none. */
export const JOINING = { butFirstOf: PLANE.firstOf } as const;

/** Both names, of labels too: the first until 1.24, the second since 1.20. */
const TAINTS = ['node-role.kubernetes.io/master', 'node-role.kubernetes.io/control-plane'];

/** A node, as far as it must be known here. */
export interface Node {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly podCIDR?: string;
    readonly unschedulable?: boolean;
    readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect?: string }[];
  };
  readonly status: {
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message: string;
      readonly lastHeartbeatTime?: string;
    }[];
    readonly nodeInfo?: { readonly kubeletVersion: string };
  };
}

/** The nodes, or why there is no telling. */
export async function nodes(view: View, access: Access) {
  const answer = await asked(view, access, ALL_NODES);
  return answer.kind === 'answered' ? { ...answer, items: nodesIn(answer.text) } : answer;
}

/** On a node: of which host of the recipe it is. */
export const MARK = 'cc/host';

export function markOn({ metadata }: Node): string | undefined {
  return metadata.annotations?.[MARK];
}

/** Whether kubeadm has called it a control plane, which is the last that a join does. */
export function isPlane({ metadata }: Node): boolean {
  return TAINTS.some((label) => metadata.labels?.[label] !== undefined);
}

/** A host that a script goes on to, unless it is left out or cannot be reached: its own tasks say why. */
export async function entered(shell: Shell, name: string): Promise<Shell | undefined> {
  return shell.leftOut.includes(name) ? undefined : shell.on(name).catch(() => undefined);
}

/** One node, which the cluster may not have, or why there is no telling. */
export async function nodeOf(view: View, access: Access, name: string) {
  const answer = await asked(view, access, nodeNamed(name));
  return answer.kind === 'answered' ? { kind: answer.kind, node: nodeIn(answer.text) } : answer;
}

/** Asks for one node, and for all. */
export const nodeNamed = (name: string): Command => cmd`get node ${name} --ignore-not-found -o json`;
export const ALL_NODES: Command = cmd`get nodes -o json`;

/** What the API answers to that. */
export function nodeIn(text: string): Node | undefined {
  return text.trim() === '' ? undefined : (JSON.parse(text) as Node);
}

export function nodesIn(text: string): readonly Node[] {
  return (JSON.parse(text) as { items: readonly Node[] }).items;
}

/** A single node of the control plane takes pods too, but for what its host declares: `KEY=VALUE:EFFECT`. */
export function untainted(access: Access, declared: readonly string[]) {
  const kept = declared.map((taint) => taint.replace(/[=:].*/, ''));
  const unwanted = TAINTS.filter((key) => !kept.includes(key));
  return step<{ tainted: { [node: string]: readonly string[] }; none?: true }>({
    name: 'untaint',
    where: PLANE,
    // A node of the control plane takes pods only where it is the only one.
    needs: ['kubeadm/api'],
    spares: ['kubeadm/registered'],
    probe: async (view) => {
      const answer = await nodes(view, access);
      if (answer.kind === 'silent') return cannotTell(view.name, answer.why);
      if (answer.kind === 'none') return { tainted: {}, none: true };
      const all = answer.items;
      const taints = all.map(({ metadata, spec }) => {
        const keys = (spec.taints ?? []).map(({ key }) => key).filter((key) => unwanted.includes(key));
        return [metadata.name, keys] as const;
      });
      return {
        tainted: all.length > 1 ? {} : Object.fromEntries(taints.filter(([, keys]) => keys.length > 0)),
      };
    },
    plan: ({ tainted, none }) =>
      none
        ? unwanted.slice(0, 1).map(() => untaint(access, ['--all'], unwanted, 'there is no cluster yet'))
        : Object.entries(tainted).map(([node, keys]) =>
            untaint(access, [node], keys, `${node} is the only node and takes no pods`),
          ),
  });
}

function untaint(access: Access, nodes: readonly string[], keys: readonly string[], why: string): Change {
  const command = cmd`taint node ${nodes} ${keys.map((key) => `${key}-`)}`;
  // Which node that will be is not known before there is one.
  const title = nodes[0] === '--all' ? { title: 'kubectl taint node, once there is one' } : {};
  return telling(access, { ...command, ...title }, why);
}

/** With what a control plane is asked and told all. */
export const KUBECONFIG = '/etc/kubernetes/admin.conf';

/** With what a node asks the API. */
export const NODE_KUBECONFIG = '/etc/kubernetes/kubelet.conf';

/** A host as the cluster names it, where nobody tells it another name. */
export async function nodeName(view: View): Promise<string> {
  return (await view.read(cmd`uname -n`, { lasting: true })).trim().toLowerCase();
}

/** What `ip` says of the IPv4 addresses that a host has, a line for each; undefined where there is no such program. */
export function addressesShown(view: View): Promise<string | undefined> {
  return view.ask(cmd`ip -o -4 address show`, { lasting: true });
}

/** The IPv4 addresses that a host has, for all uses. */
export async function ownAddresses(view: View): Promise<readonly string[]> {
  const text = (await addressesShown(view)) ?? '';
  return [...text.matchAll(/ inet ([\d.]+)/g)].map(([, address]) => address!); // the pattern has one group
}

/** The cluster's object for a host that joined it. */
export function registered({ kubectl }: Access, overlay: PodNetwork['overlay']) {
  return awaited({
    name: 'registered',
    where: JOINING,
    needs: ['kubeadm/worker-kubelet'],
    what: 'the cluster has its node',
    within: 240,
    look: async (view) => {
      const answer = await nodeOf(view, { kubectl, kubeconfig: NODE_KUBECONFIG }, await nodeName(view));
      if (answer.kind !== 'answered') return unanswered(answer);
      if (answer.node === undefined) return 'the API names no such node';
      // With routes it gets its network only once it is there; `ready` waits for that.
      return overlay === 'routes' ? undefined : unready(answer.node);
    },
  });
}

/** Why a node takes no pods; undefined where it does. */
export function unready({ metadata, status }: Node): string | undefined {
  const condition = status.conditions?.find(({ type }) => type === 'Ready');
  return condition?.status === 'True'
    ? undefined
    : `${metadata.name}: ${condition?.message ?? 'no condition'}`;
}

export function ready(access: Access) {
  return awaited({
    name: 'ready',
    where: PLANE,
    needs: ['kubeadm/api', 'kubeadm/registered'],
    what: 'all nodes are ready',
    within: 240,
    look: async (view) => {
      const answer = await nodes(view, access);
      if (answer.kind !== 'answered') return unanswered(answer);
      if (answer.items.length === 0) return 'the API names no node';
      const waiting = answer.items.flatMap((node) => unready(node) ?? []);
      return waiting.length > 0 ? waiting.join('; ') : undefined;
    },
  });
}

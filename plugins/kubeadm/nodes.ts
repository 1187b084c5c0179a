/** What a control plane still needs once init has made it: an API that answers, nodes that take pods and are ready. */
import { awaited, type Change, cmd, step, type View } from '../../core/mod.ts';
import type { PodNetwork } from '../capabilities.ts';
import { type Access, asked, callOf, cannotTell, unanswered } from '../kubectl/api.ts';
import { since } from '../kubernetes/versions.ts';

/** The first host of the control plane, where kubeadm has left its credentials. */
export const PLANE = { firstOf: 'control-plane' } as const;

/** All hosts of it. */
export const PLANES = { role: PLANE.firstOf } as const;

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
  const answer = await asked(view, access, cmd`get nodes -o json`);
  return answer.kind === 'answered'
    ? { ...answer, items: (JSON.parse(answer.text) as { items: readonly Node[] }).items }
    : answer;
}

/** Whether kubeadm has called it a control plane, which is the last that a join does. */
export function isPlane({ metadata }: Node): boolean {
  return TAINTS.some((label) => metadata.labels?.[label] !== undefined);
}

/** One node, which the cluster may not have, or why there is no telling. */
export async function nodeOf(view: View, access: Access, name: string) {
  const answer = await asked(view, access, cmd`get node ${name} --ignore-not-found -o json`);
  if (answer.kind !== 'answered') return answer;
  const { kind, text } = answer;
  return { kind, node: text.trim() === '' ? undefined : (JSON.parse(text) as Node) };
}

export function answering(access: Access, version: string) {
  const path = since('readyz', version) ? '/readyz' : '/healthz';
  return awaited({
    name: 'api',
    where: PLANE,
    // With certificates that have expired it answers nobody.
    needs: ['kubeadm/certificates'],
    what: 'the API answers',
    within: 180,
    look: async (view) => {
      const answer = await asked(view, access, cmd`get --raw ${path}`);
      return answer.kind === 'answered' ? undefined : unanswered(answer);
    },
  });
}

/** A single node of the control plane takes pods too. */
export function untainted(access: Access) {
  return step<{ tainted: { [node: string]: readonly string[] }; none?: true }>({
    name: 'untaint',
    where: PLANE,
    // A node of the control plane takes pods only where it is the only one.
    needs: ['kubeadm/api', 'kubeadm/registered'],
    probe: async (view) => {
      const answer = await nodes(view, access);
      if (answer.kind === 'silent') return cannotTell(view.name, answer.why);
      if (answer.kind === 'none') return { tainted: {}, none: true };
      const all = answer.items;
      const taints = all.map(({ metadata, spec }) => {
        const keys = (spec.taints ?? []).map(({ key }) => key).filter((key) => TAINTS.includes(key));
        return [metadata.name, keys] as const;
      });
      return {
        tainted: all.length > 1 ? {} : Object.fromEntries(taints.filter(([, keys]) => keys.length > 0)),
      };
    },
    plan: ({ tainted, none }) =>
      none
        ? [untaint(access, ['--all'], TAINTS, 'there is no cluster yet')]
        : Object.entries(tainted).map(([node, keys]) =>
            untaint(access, [node], keys, `${node} is the only node and takes no pods`),
          ),
  });
}

function untaint(access: Access, nodes: readonly string[], keys: readonly string[], why: string): Change {
  const command = cmd`${callOf(access)} taint node ${nodes} ${keys.map((key) => `${key}-`)}`;
  // Which node that will be is not known before there is one.
  const title = nodes[0] === '--all' ? { title: 'kubectl taint node, once there is one' } : {};
  return { kind: 'run', command: { ...command, ...title }, why };
}

/** With what a control plane is asked and told all. */
export const KUBECONFIG = '/etc/kubernetes/admin.conf';

/** With what a node asks the API. */
export const NODE_KUBECONFIG = '/etc/kubernetes/kubelet.conf';

/** A host as the cluster names it, where nobody tells it another name. */
export async function nodeName(view: View): Promise<string> {
  return (await view.read(cmd`uname -n`)).trim().toLowerCase();
}

/** The IPv4 addresses that a host has, for all uses. */
export async function ownAddresses(view: View): Promise<readonly string[]> {
  const text = (await view.ask(cmd`ip -o -4 address show`)) ?? '';
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

/** What a control plane still needs once init has made it: an API that answers, nodes that take pods and are ready. */
import { awaited, cmd, step, type View } from '../../core/mod.ts';
import { since } from '../kubernetes/versions.ts';

/** The first host of the control plane, where kubeadm has left its credentials. */
export const PLANE = { firstOf: 'control-plane' } as const;

/** Both names: the first until 1.24, the second since 1.20. */
const TAINTS = ['node-role.kubernetes.io/master', 'node-role.kubernetes.io/control-plane'];

interface Node {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly taints?: readonly { readonly key: string }[] };
  readonly status: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message: string;
    }[];
  };
}

/** undefined: the API does not answer. */
async function nodes(view: View, kubectl: readonly string[]): Promise<readonly Node[] | undefined> {
  const text = await view.ask(cmd`${kubectl} get nodes -o json`);
  return text === undefined ? undefined : (JSON.parse(text) as { items: readonly Node[] }).items;
}

export function answering(kubectl: readonly string[], version: string) {
  const path = since('readyz', version) ? '/readyz' : '/healthz';
  return awaited({
    name: 'api',
    where: PLANE,
    needs: ['kubeadm/kubelet'],
    what: 'the API answers',
    within: 180,
    look: async (view) => {
      const answer = await view.ask(cmd`${kubectl} get --raw ${path}`);
      return answer === undefined ? 'the API is not ready' : undefined;
    },
  });
}

/** A single node of the control plane takes pods too. */
export function untainted(kubectl: readonly string[]) {
  return step<{ tainted: { [node: string]: readonly string[] } }>({
    name: 'untaint',
    where: PLANE,
    needs: ['kubeadm/api'],
    probe: async (view) => {
      const all = (await nodes(view, kubectl)) ?? [];
      const taints = all.map(({ metadata, spec }) => {
        const keys = (spec.taints ?? []).map(({ key }) => key).filter((key) => TAINTS.includes(key));
        return [metadata.name, keys] as const;
      });
      return {
        tainted: all.length > 1 ? {} : Object.fromEntries(taints.filter(([, keys]) => keys.length > 0)),
      };
    },
    plan: ({ tainted }) =>
      Object.entries(tainted).map(([node, keys]) => ({
        kind: 'run',
        command: cmd`${kubectl} taint node ${node} ${keys.map((key) => `${key}-`)}`,
        why: `${node} is the only node and takes no pods`,
      })),
  });
}

export function ready(kubectl: readonly string[]) {
  return awaited({
    name: 'ready',
    where: PLANE,
    needs: ['kubeadm/api'],
    what: 'all nodes are ready',
    within: 240,
    look: async (view) => {
      const all = await nodes(view, kubectl);
      if (all === undefined || all.length === 0) return 'the API names no node';
      const waiting = all.flatMap(({ metadata, status }) => {
        const condition = status.conditions?.find(({ type }) => type === 'Ready');
        return condition?.status === 'True'
          ? []
          : [`${metadata.name}: ${condition?.message ?? 'no condition'}`];
      });
      return waiting.length > 0 ? waiting.join('; ') : undefined;
    },
  });
}

/** What a control plane still needs once init has made it: an API that answers, nodes that take pods and are ready. */
import { awaited, type Change, cmd, step, type View } from '../../core/mod.ts';
import { type Access, asked, callOf, cannotTell, unanswered } from '../kubectl/api.ts';
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

/** The nodes, or why there is no telling. */
async function nodes(view: View, access: Access) {
  const answer = await asked(view, access, cmd`get nodes -o json`);
  return answer.kind === 'answered'
    ? { ...answer, items: (JSON.parse(answer.text) as { items: readonly Node[] }).items }
    : answer;
}

export function answering(access: Access, version: string) {
  const path = since('readyz', version) ? '/readyz' : '/healthz';
  return awaited({
    name: 'api',
    where: PLANE,
    needs: ['kubeadm/kubelet'],
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
    needs: ['kubeadm/api'],
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

export function ready(access: Access) {
  return awaited({
    name: 'ready',
    where: PLANE,
    needs: ['kubeadm/api'],
    what: 'all nodes are ready',
    within: 240,
    look: async (view) => {
      const answer = await nodes(view, access);
      if (answer.kind !== 'answered') return unanswered(answer);
      if (answer.items.length === 0) return 'the API names no node';
      const waiting = answer.items.flatMap(({ metadata, status }) => {
        const condition = status.conditions?.find(({ type }) => type === 'Ready');
        return condition?.status === 'True'
          ? []
          : [`${metadata.name}: ${condition?.message ?? 'no condition'}`];
      });
      return waiting.length > 0 ? waiting.join('; ') : undefined;
    },
  });
}

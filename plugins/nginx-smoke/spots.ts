/** Which nodes of a cluster take part in the smoke test, and which do not, and why. */
import type { Shell } from '../../core/mod.ts';
import { nodeName, nodes } from '../kubeadm/nodes.ts';
import { type Access, cannotTell, unanswered } from '../kubectl/api.ts';
import type { Placed } from './manifests.ts';

/** A node that takes part. */
export interface Spot extends Placed {
  /** By which other nodes reach it. */
  readonly address: string;
}

export interface Spots {
  /** Empty where fewer than two nodes could take part: there is nothing between them to ask about. */
  readonly all: readonly Spot[];
  readonly left: readonly { readonly node: string; readonly why: string }[];
}

/** `own` is the node whose client the test has anyhow. */
export async function spotsOf(shell: Shell, access: Access, own: string): Promise<Spots> {
  const { view, leftOut } = shell;
  const limited = await Promise.all(leftOut.map(async (host) => nodeName(await view.on(host))));
  const answer = await nodes(view, access);
  if (answer.kind !== 'answered') return cannotTell(view.name, unanswered(answer));
  const sorted = answer.items
    .map((item) => ({ node: item.metadata.name, address: addressOf(item), why: against(item, limited) }))
    .toSorted((a, b) => (a.node < b.node ? -1 : 1));
  const left = sorted.flatMap(({ node, why }) => (why === undefined ? [] : [{ node, why }]));
  const all = sorted
    .filter(({ why }) => why === undefined)
    .map(({ node, address }, index) => ({
      ...{ node, address, server: `server-${index + 1}` },
      client: node === own ? 'client' : `client-${index + 1}`,
    }));
  return { all: all.length > 1 ? all : [], left };
}

type Node = Extract<Awaited<ReturnType<typeof nodes>>, { kind: 'answered' }>['items'][number];

function addressOf({ status }: Node): string {
  return status.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
}

/** Why a node is not asked; undefined where it is. */
function against(node: Node, limited: readonly string[]): string | undefined {
  if (limited.includes(node.metadata.name)) return 'this run leaves it out, by --limit';
  const ready = node.status.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status !== 'True') return `it is not ready: ${ready?.message ?? 'it has not said so yet'}`;
  if (node.spec.unschedulable) return 'it is cordoned';
  return addressOf(node) === '' ? 'the cluster knows no address of it' : undefined;
}

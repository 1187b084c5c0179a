/** The node of a host, by which cc knows that the host has joined, and which leaves the cluster before anything on its host is taken back. */
import { cmd, step, type View } from '../../core/mod.ts';
import { type Access, asked, cannotTell, telling } from '../kubectl/api.ts';
import { removing } from './gone.ts';
import { type Leaving, leaving, stranded, type Told } from './leave.ts';
import {
  type JOINING,
  MARK,
  markOn,
  NODE_KUBECONFIG,
  nodeIn,
  nodeName,
  nodeNamed,
  type PLANE,
} from './nodes.ts';

type NodeFacts = Told & {
  host: string;
  /** Of which host it says that it is. */
  mark: string | null;
  why: string;
};

interface At {
  readonly name: string;
  readonly where: typeof JOINING | typeof PLANE;
  readonly need: string;
  /** The hosts of the control plane. */
  readonly planes: readonly string[];
}

export function node({ name, where, need, planes }: At, cluster: Leaving) {
  const access = { ...cluster.access, kubeconfig: NODE_KUBECONFIG };
  const { within } = cluster.drain;
  return step<NodeFacts>({
    name,
    where,
    heirOf: ['node', 'plane-node'].filter((each) => each !== name),
    needs: [need],
    // A drain has its own limit, and may be told again.
    timeout: 600 + 2 * within,
    // Its pods move while its kubelet and its network are there.
    undoFirst: true,
    // A join that was cut off before this has made a node as well.
    partOf: name === 'node' ? 'join' : 'init',
    probe: (view) => probeNode(view, access, planes),
    plan: ({ host, name, node, mark, why }, last) => {
      if (node === 'this' && mark === host) return [];
      if (node === 'unknown' || node === 'unreached') return last.current ? [] : cannotTell(host, why);
      const title = `say on node ${name} that it is ${host}`;
      const mine = { ...cmd`annotate node ${name} ${MARK}=${host} --overwrite`, title };
      const lacking = node === 'this' ? `its node does not say that it is ${host}` : 'it is no node yet';
      return [telling(access, mine, lacking)];
    },
    undo: (facts, undoing) => leaving(facts, cluster, undoing, 'cc has made it a node'),
    leaves: (facts, undoing) => stranded(facts, cluster, undoing),
    undoElsewhere: (host, undoing) => removing(host, { ...cluster, plane: planes.includes(host) }, undoing),
  });
}

async function probeNode(view: View, access: Access, planes: readonly string[]): Promise<NodeFacts> {
  const name = await nodeName(view);
  const told = { host: view.name, name, plane: planes.includes(view.name), mark: null, why: '' };
  const answer = await asked(view, access, nodeNamed(name));
  if (answer.kind === 'none') return { ...told, node: 'none' };
  if (answer.kind === 'silent') return { ...told, node: await silence(view, planes), why: answer.why };
  const node = nodeIn(answer.text);
  if (node === undefined) return { ...told, node: 'none' };
  return { ...told, node: 'this', mark: markOn(node) ?? null };
}

/** Whether an API that does not answer is on hosts that can be reached, and so may answer later. */
async function silence(view: View, planes: readonly string[]): Promise<'unknown' | 'unreached'> {
  const others = planes.filter((name) => name !== view.name);
  const reached = await Promise.all(
    others.map((name) =>
      view.on(name).then(
        () => true,
        () => false,
      ),
    ),
  );
  return reached.length === 0 || reached.includes(true) ? 'unknown' : 'unreached';
}

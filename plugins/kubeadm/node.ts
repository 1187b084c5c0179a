/** The node of a host, by which cc knows that the host has joined, and which leaves the cluster before anything on its host is taken back. */
import { cmd, step, type View } from '../../core/mod.ts';
import { type Access, asked, callOf, cannotTell } from '../kubectl/api.ts';
import { type Leaving, leaving, stranded, type Told } from './leave.ts';
import { type JOINING, NODE_KUBECONFIG, nodeName, type PLANE } from './nodes.ts';

/** On a node: of which host of the recipe it is. */
const MARK = 'cc/host';

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
    needs: [need],
    // A drain has its own limit.
    timeout: 600 + within,
    // Its pods move while its kubelet and its network are there.
    undoFirst: true,
    probe: (view) => probeNode(view, access, planes),
    plan: ({ host, name, node, mark, why }, last) => {
      if (node === 'this' && mark === host) return [];
      if (node === 'unknown' || node === 'unreached') return last.current ? [] : cannotTell(host, why);
      const words = cmd`${callOf(access)} annotate node ${name} ${MARK}=${host} --overwrite`;
      const lacking = node === 'this' ? `its node does not say that it is ${host}` : 'it is no node yet';
      return [{ kind: 'run', command: words, why: lacking }];
    },
    undo: (facts, undoing) => leaving(facts, cluster, undoing, 'cc has made it a node'),
    leaves: (facts, undoing) => stranded(facts, cluster, undoing),
  });
}

async function probeNode(view: View, access: Access, planes: readonly string[]): Promise<NodeFacts> {
  const name = await nodeName(view);
  const told = { host: view.name, name, plane: planes.includes(view.name), mark: null, why: '' };
  const answer = await asked(view, access, cmd`get node ${name} --ignore-not-found -o json`);
  if (answer.kind === 'none') return { ...told, node: 'none' };
  if (answer.kind === 'silent') return { ...told, node: await silence(view, planes), why: answer.why };
  if (answer.text.trim() === '') return { ...told, node: 'none' };
  const { metadata } = JSON.parse(answer.text) as Marked;
  return { ...told, node: 'this', mark: metadata.annotations?.[MARK] ?? null };
}

interface Marked {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
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

/** `kubeadm join`: when a host becomes a node of the cluster, and when it does so anew. */
import { cmd, fail, type Json, type Shell, type StepSpec, step, type View } from '../../core/mod.ts';
import { cannotTell } from '../kubectl/api.ts';
import { AUTHORITY } from './authority.ts';
import { joinFlags } from './flags.ts';
import { type Joining, joined } from './joining.ts';
import { AT_ONCE, forgetting, leaving, speaker, type Told } from './leave.ts';
import {
  ALL_NODES,
  isPlane,
  JOINING,
  NODE_KUBECONFIG,
  nodeName,
  nodesIn,
  ownAddresses,
  PLANE,
} from './nodes.ts';
import { planeOn } from './parts.ts';
import { askedOf } from './speaker.ts';
import { mayGo } from './staying.ts';
import { clearing, NOTED, NOTING } from './traces.ts';

export interface JoinOptions extends Joining {
  readonly before: readonly string[];
}

const LEFT = ['/etc/kubernetes/bootstrap-kubelet.conf', AUTHORITY, '/var/lib/kubelet/config.yaml'];

type JoinFacts = {
  host: string;
  name: string;
  /** Whether it is a host of the control plane. */
  plane: boolean;
  /** Whether it has what a node asks the API with, and a control plane all that makes it one. */
  joined: boolean;
  /** Whether it is a control plane without the data of its etcd. */
  lost: boolean;
  /** Whether the cluster calls it what it is, which a join does last. */
  called: boolean;
  /** Whether that is for the cluster of this recipe; null where that has no authority yet. */
  ours: boolean | null;
  /** What the cluster has under that name: this host, another one, nothing; or nobody can tell. */
  node: Told['node'];
  why: string;
  leftovers: boolean;
  noted: boolean;
};

export function join(options: JoinOptions) {
  const { version, kubeadm, access, before, planes } = options;
  const argv = cmd`${kubeadm} join ${joinFlags(options)}`.argv;
  const title = `have it join by ${argv.join(' ')}`;
  return step<JoinFacts>({
    name: 'join',
    where: JOINING,
    heirOf: ['init'],
    needs: before,
    // While the first control plane is gone, another one answers.
    spares: ['kubeadm/api'],
    // Members of etcd come one at a time.
    oneByOne: PLANE.firstOf,
    inputs: { command: argv as Json },
    timeout: 1200,
    settles: 120,
    probe: (view) => probeJoin(view, options),
    plan: (facts, last) => {
      const known = last.current || last.facts !== undefined;
      const why = lacking(facts, known, last.unfinished);
      if (why === undefined) return [];
      if (facts.leftovers && !known && !last.unfinished) notOurs(facts.host);
      if (facts.node === 'another') taken(facts);
      const script = async (shell: Shell) =>
        joined(shell, await speaker(shell, options), facts.name, options);
      // Before its etcd ends: of two members that leave together with one, none could agree to it.
      const member =
        facts.leftovers && facts.plane ? [forgetting(facts.name, { access, version, planes }, why)] : [];
      return [
        ...member,
        ...(facts.leftovers ? clearing(options, why) : []),
        { kind: 'run', command: NOTING, why },
        { kind: 'script', title, why, script },
      ];
    },
    ...takenBack(options),
  });
}

function takenBack(options: JoinOptions): Pick<StepSpec<JoinFacts>, 'beforeUndo' | 'undo'> {
  return {
    beforeUndo: async (view, undoing) => {
      if (options.planes.includes(view.name)) await mayGo(view, options, undoing);
    },
    undo: (facts, undoing) => {
      if (!facts.leftovers && !facts.noted) return [];
      const why = 'kubeadm has made it a node';
      return [...leaving(facts, { ...options, drain: AT_ONCE }, undoing, why), ...clearing(options, why)];
    },
  };
}

/** Why a host has to join. An API that is silent now does not end what joined once. */
function lacking(facts: JoinFacts, known: boolean, unfinished: boolean) {
  const { host, name, joined, lost, called, ours, node, why, leftovers } = facts;
  if (lost) return 'the data of its etcd are gone';
  if (!joined || (!called && unfinished))
    return leftovers ? 'an earlier join did not finish' : 'it is no node of the cluster';
  if (ours === false) return 'it is a node of a cluster that is not there any more';
  if (node === 'none') return `the cluster has no node ${name}`;
  if ((node === 'unknown' || node === 'unreached') && !known) return cannotTell(host, why);
  return undefined;
}

/** State of a cluster that cc has no record of. */
function notOurs(host: string): never {
  const reasons = [
    '/etc/kubernetes or /var/lib/kubelet hold a state that cc has not made',
    'move it away, or reset that node by hand: kubeadm reset',
  ];
  return fail({ kind: 'check-failed', host, what: 'it is a node of no other cluster', reasons });
}

function taken({ host, name }: JoinFacts): never {
  const reasons = [
    `the cluster has a node ${name}, and none of its addresses is one of this host`,
    `give this host another name: hostnamectl set-hostname NAME; or, if that node is gone: kubectl delete node ${name}`,
  ];
  return fail({ kind: 'check-failed', host, what: 'its name is free in the cluster', reasons });
}

async function probeJoin(view: View, options: JoinOptions): Promise<JoinFacts> {
  const plane = options.planes.includes(view.name);
  const made = plane ? await planeOn(view) : undefined;
  const [conf, authority, noted, ...left] = await Promise.all([
    view.stat(NODE_KUBECONFIG),
    view.text(AUTHORITY),
    view.stat(NOTED),
    ...LEFT.map((path) => view.stat(path)),
  ]);
  const name = await nodeName(view);
  return {
    host: view.name,
    name,
    plane,
    joined: conf !== undefined && (made === undefined || made === 'whole'),
    lost: made === 'lost',
    ...(await inCluster(view, name, authority, options)),
    leftovers: (made !== undefined && made !== 'none') || [conf, ...left].some((each) => each !== undefined),
    noted: noted !== undefined,
  };
}

/** What the other control planes know of a host. */
async function inCluster(
  view: View,
  name: string,
  authority: string | undefined,
  { access, planes }: JoinOptions,
) {
  const others = planes.filter((plane) => plane !== view.name);
  const answer = await askedOf(view, others, access, ALL_NODES);
  const told = { ours: null, why: '', called: true };
  if (answer.kind === 'none') return { ...told, node: 'none' } as const;
  if (answer.kind === 'unreached') return { ...told, node: 'unreached', why: answer.why } as const;
  if (answer.kind === 'silent') return { ...told, node: 'unknown', why: answer.why } as const;
  const theirs = await answer.by.text(AUTHORITY);
  const ours = theirs === undefined ? null : theirs === authority;
  const node = nodesIn(answer.text).find(({ metadata }) => metadata.name === name);
  if (node === undefined) return { ...told, ours, node: 'none' } as const;
  const called = !planes.includes(view.name) || isPlane(node);
  const own = await ownAddresses(view);
  const addresses = (node.status.addresses ?? []).filter(({ type }) => type === 'InternalIP');
  const isThis = addresses.some(({ address }) => own.includes(address));
  return { ...told, ours, called, node: isThis ? 'this' : 'another' } as const;
}

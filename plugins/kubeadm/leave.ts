/** How a host leaves the cluster: its pods go elsewhere, then its member of etcd and its node, and only then what stands there. */
import { type Change, cmd, type Shell, type Undoing, v } from '../../core/mod.ts';
import { type Access, callOf, cannotTell, insisted } from '../kubectl/api.ts';
import { drained } from '../kubectl/drain.ts';
import { forgotten } from './etcd.ts';
import { nodeName, ownAddresses, planesOf } from './nodes.ts';
import { speakerOf, unspoken } from './speaker.ts';

/** What a node that leaves is given. */
export const Drain = v.strictObject({
  /** Seconds in which its pods go elsewhere; 0 waits for none. */
  within: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(86_400)), 300),
  /** Also ends pods that nobody makes again. */
  force: v.optional(v.boolean(), false),
});
export type Drain = Readonly<v.InferOutput<typeof Drain>>;

/** For a node whose pods have moved already, while its kubelet was there. */
export const AT_ONCE: Drain = { within: 0, force: false };

export interface Leaving {
  readonly access: Access;
  readonly version: string;
  readonly drain: Drain;
}

/** A node as its host and its cluster tell of it; `unreached`: no control plane is to be had. */
export type Told = {
  readonly name: string;
  /** Whether it is a control plane. */
  readonly plane: boolean;
  readonly node: 'this' | 'another' | 'none' | 'unknown' | 'unreached';
};

/** The control planes of a cluster that stays; none where it goes as a whole, with all that is in it. */
export function planesIn({ staying }: Undoing): readonly string[] {
  return planesOf(staying).map(({ name }) => name);
}

/** Whether nobody is asked about the node: its cluster cannot be reached, or is silent and not to be waited for. */
function isStranded({ node }: Told, { drain }: Pick<Leaving, 'drain'>): boolean {
  return node === 'unreached' || (node === 'unknown' && drain.within === 0);
}

/** What has a node leave a cluster that stays. */
export function leaving(told: Told, cluster: Leaving, undoing: Undoing, why: string): readonly Change[] {
  const { name, node, plane } = told;
  const planes = planesIn(undoing);
  if (planes.length === 0 || !['this', 'unknown'].includes(node) || isStranded(told, cluster)) return [];
  const title = `have the pods of the node ${name} go elsewhere, and remove it from the cluster`;
  const script = (shell: Shell) => left(shell, { plane, planes }, cluster);
  return [{ kind: 'script', title, why, script }];
}

/** What is not known of a node whose host is taken back all the same. */
export function stranded(told: Told, cluster: Leaving, undoing: Undoing): string | undefined {
  const [plane] = planesIn(undoing);
  if (plane === undefined || !isStranded(told, cluster)) return undefined;
  const why =
    told.node === 'unreached' ? `${plane} cannot be reached` : `the API on ${plane} does not answer`;
  return `${why}, so that the cluster may still have the node ${told.name}; once it can be asked: kubectl delete node ${told.name}`;
}

interface From {
  readonly plane: boolean;
  /** Where it can be asked. */
  readonly planes: readonly string[];
}

/** A node that is not there is not waited for, nor one whose kubelet could end nothing. */
async function left(shell: Shell, { plane, planes }: From, cluster: Leaving): Promise<undefined> {
  const { access, version, drain } = cluster;
  const answer = await speakerOf(shell, planes, access);
  if (answer.kind === 'none') return undefined;
  if (answer.kind !== 'answered') return cannotTell(shell.view.name, answer.why);
  const { by } = answer;
  const name = await nodeName(shell.view);
  if (drain.within > 0) {
    const how = await drained(by, access, name, { version, ...drain });
    if (how === 'silent')
      shell.log(
        `the kubelet of ${name} says nothing: its pods are made again elsewhere when its node is gone\n`,
      );
  }
  if (plane) await forgotten(by, { name, addresses: await ownAddresses(shell.view), within: 30 }, cluster);
  await insisted(by, cmd`${callOf(access)} delete node ${name} --ignore-not-found`);
  return undefined;
}

/** By whom a cluster is changed that must be there. */
export async function speaker(shell: Shell, { planes, access }: Asking): Promise<Shell> {
  const { name } = shell.view;
  const others = planes.filter((plane) => plane !== name);
  const answer = await speakerOf(shell, others, access);
  if (answer.kind === 'answered') return answer.by;
  return cannotTell(name, unspoken(answer));
}

interface Asking {
  readonly access: Access;
  /** Where it can be asked. */
  readonly planes: readonly string[];
}

/** Has the others forget a control plane that is to come anew: to let its member of etcd go takes their consent. */
export function forgetting(name: string, cluster: Omit<Leaving, 'drain'> & Asking, why: string): Change {
  return {
    ...{ kind: 'script', title: `have the other control planes forget ${name}`, why },
    script: async (shell) => {
      const plane = await speaker(shell, cluster);
      await forgotten(plane, { name, addresses: await ownAddresses(shell.view), within: 30 }, cluster);
      return undefined;
    },
  };
}

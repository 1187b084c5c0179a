/** A host that is gone for good: the others have its node and its member of etcd, and give both up. */
import { type Change, cmd, type Shell, type Undoing } from '../../core/mod.ts';
import { callOf, cannotTell, insisted } from '../kubectl/api.ts';
import { drained } from '../kubectl/drain.ts';
import { forgotten } from './etcd.ts';
import { type Leaving, planesIn } from './leave.ts';
import { markOn, type Node, nodesIn } from './nodes.ts';
import { speakerOf } from './speaker.ts';
import { mayGoWithout } from './staying.ts';

interface Gone extends Leaving {
  /** Whether it is a host of the control plane. */
  readonly plane: boolean;
}

/** What has the node of a host that cannot be reached leave a cluster that stays. */
export function removing(host: string, gone: Gone, undoing: Undoing): readonly Change[] {
  if (planesIn(undoing).length === 0) return [];
  const title = `remove the node of ${host} from the cluster, without that host`;
  const why = `${host} cannot be reached`;
  return [{ kind: 'script', title, why, script: (shell) => removed(shell, host, gone, undoing) }];
}

/** `shell` is of the controller. A node without a mark is that of the host whose name it has. */
async function removed(shell: Shell, host: string, gone: Gone, undoing: Undoing): Promise<undefined> {
  const { access, version, drain, plane } = gone;
  const answer = await speakerOf(shell, planesIn(undoing), access);
  if (answer.kind === 'none') return undefined;
  if (answer.kind !== 'answered') return cannotTell(host, answer.why);
  const { by, text } = answer;
  const all = nodesIn(text);
  const named = host.toLowerCase();
  const node =
    all.find((each) => markOn(each) === host) ??
    all.find((each) => each.metadata.name === named && markOn(each) === undefined);
  const name = node?.metadata.name ?? named;
  if (plane) await mayGoWithout(by.view, name, gone, undoing);
  if (node && drain.within > 0) await drained(by, access, name, { version, ...drain });
  if (plane) await forgotten(by, { name, addresses: addressesOf(node), within: 30 }, gone);
  if (node) await insisted(by, cmd`${callOf(access)} delete node ${name} --ignore-not-found`);
  else shell.log(`the cluster has no node of ${host}\n`);
  return undefined;
}

function addressesOf(node: Node | undefined): readonly string[] {
  const all = node?.status.addresses ?? [];
  return all.filter(({ type }) => type === 'InternalIP').map(({ address }) => address);
}

/** Which control planes must not go: the last one that nodes have, and one without which etcd would lose its majority. */
import { fail, type Undoing, type View } from '../../core/mod.ts';
import { type Access, unanswered } from '../kubectl/api.ts';
import { isHealthy, members } from './etcd.ts';
import { planesIn } from './leave.ts';
import { nodeName, nodes } from './nodes.ts';
import { etcdAskedBy, majorityOf } from './parts.ts';

interface Cluster {
  readonly access: Access;
  readonly version: string;
}

/** Fails where what stays of the cluster would come to harm. */
export async function mayGo(view: View, cluster: Cluster, undoing: Undoing): Promise<void> {
  if (undoing.staying.length === 0) return;
  const others = await Promise.all(planesIn(undoing).map((name) => otherOn(view, name, cluster)));
  const having = others.filter((other) => other !== undefined);
  if (having.length === 0) await keepLast(view, cluster.access, undoing);
  else await keepMajority({ view, own: await nodeName(view) }, cluster, having);
}

/** The same for a host that cannot be reached: `own` is its node, and `view` of a control plane that stays. */
export async function mayGoWithout(
  view: View,
  own: string,
  cluster: Cluster,
  undoing: Undoing,
): Promise<void> {
  const others = await Promise.all(planesIn(undoing).map((name) => otherOn(view, name, cluster)));
  await keepMajority(
    { view, own },
    cluster,
    others.filter((other) => other !== undefined),
  );
}

/** The node that is to go, and where its member of etcd would be asked. */
interface Going {
  readonly view: View;
  readonly own: string;
}

/** A control plane that stays, and where its member of etcd is asked, if that is well. */
interface Other {
  readonly name: string;
  readonly asked?: View;
  /** Its etcd is elsewhere, and loses nothing with a control plane. */
  readonly outside?: true;
}

/** undefined: it has no part of the cluster yet. */
async function otherOn(view: View, name: string, { access, version }: Cluster): Promise<Other | undefined> {
  const other = await view.on(name).catch(() => undefined);
  if (other === undefined) return { name };
  if ((await nodes(other, access)).kind === 'none') return undefined;
  if ((await etcdAskedBy(other)).length > 0) return { name, outside: true };
  return (await isHealthy(other, access, version)) ? { name, asked: other } : { name };
}

/** A node that has a control plane no more runs on, and can be changed by nobody. */
async function keepLast(view: View, access: Access, { staying }: Undoing): Promise<void> {
  const answer = await nodes(view, access);
  if (answer.kind === 'none') return;
  const names = staying.map(({ name }) => name);
  const own = await nodeName(view);
  const all = answer.kind === 'silent' ? names : answer.items.map(({ metadata }) => metadata.name);
  const left = all.filter((name) => name !== own);
  if (left.length === 0) return;
  const count = left.length === 1 ? '1 node would be' : `${left.length} nodes would be`;
  const reasons = [
    ...(answer.kind === 'silent' ? [unanswered(answer)] : []),
    `${count}: ${left.join(', ')}`,
    `take them back with it: cc run cleanup --limit ${[view.name, ...names].join(',')}`,
  ];
  fail({ kind: 'check-failed', host: view.name, what: 'no node is left without a control plane', reasons });
}

/** etcd answers as long as more than half of its members do. One that is no member takes none away. */
async function keepMajority(
  { view, own }: Going,
  { access, version }: Cluster,
  others: readonly Other[],
): Promise<void> {
  if (others.some(({ outside }) => outside) || (await etcdAskedBy(view)).length > 0) return;
  const well = others.filter(({ asked }) => asked !== undefined);
  const all = await members(well[0]?.asked ?? view, access, version).catch(() => undefined);
  if (all?.every(({ name }) => name !== own)) return;
  // A control plane of the recipe that has not joined yet is no member.
  const left = all === undefined ? others.length : Math.min(all.length - 1, others.length);
  const must = majorityOf(left);
  if (well.length >= must) return;
  const has = all === undefined ? '' : `etcd has ${all.length} members: `;
  const silent = others.filter((other) => !well.includes(other)).map(({ name }) => name);
  const reasons = [
    `${has}of the ${left} that would be left ${well.length} answer, and ${must} must`,
    `bring these back first: ${silent.join(', ')}`,
  ];
  fail({ kind: 'check-failed', host: view.name, what: 'etcd keeps its majority', reasons });
}

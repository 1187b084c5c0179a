/** What a cluster keeps of its control planes beside their nodes: members of etcd, and what kubeadm has noted of each. */
import { cmd, type Shell, type View } from '../../core/mod.ts';
import { inMember, LET_IN } from '../etcd/member.ts';
import { type Access, answerOf, callOf, insisted } from '../kubectl/api.ts';
import { since } from '../kubernetes/versions.ts';
import { nodeName } from './nodes.ts';
import { etcdAskedBy } from './parts.ts';

export interface Member {
  readonly id: string;
  /** That of its node; none as long as it has not started. */
  readonly name: string;
  /** By which other members reach it. */
  readonly address: string;
}

/** As `etcdctl member list` prints them: `8211f1d0f64f3269, started, cp-1, https://10.0.0.1:2380, https://10.0.0.1:2379, false` */
export function membersIn(text: string): readonly Member[] {
  return text.split('\n').flatMap((line) => {
    const [, id, name, address] = /^([0-9a-f]+), \w+, ([^,]*), https?:\/\/([^,]+):\d+,/.exec(line) ?? [];
    return id === undefined || name === undefined || address === undefined ? [] : [{ id, name, address }];
  });
}

/** etcdctl in the pod of a host's own member. */
async function etcdctl(view: View, access: Access, version: string): Promise<readonly string[]> {
  return inMember(await nodeName(view), callOf(access), version, ['etcdctl', ...LET_IN]);
}

/** The members of a cluster, asked on one of its control planes. */
export async function members(view: View, access: Access, version: string): Promise<readonly Member[]> {
  const call = await etcdctl(view, access, version);
  return membersIn(await view.read(cmd`${call} member list`));
}

/** The same for a script, which waits: the pod of etcd is known to the API only some time after an init. */
async function awaitedMembers(
  plane: Shell,
  call: readonly string[],
  within: number,
): Promise<readonly Member[]> {
  let text = '';
  await plane.until(`etcd on ${plane.view.name} can be asked`, within, async () => {
    const { code, stdout, stderr } = await plane.view.result(cmd`${call} member list`);
    text = stdout;
    return code === 0 ? undefined : stderr.trim() || `etcdctl exited ${code}`;
  });
  return membersIn(text);
}

/** Whether the member of a control plane answers, which takes most of all members. */
export async function isHealthy(view: View, access: Access, version: string): Promise<boolean> {
  const call = await etcdctl(view, access, version);
  return (await view.result(cmd`${call} endpoint health`)).code === 0;
}

/** A control plane that is to go: the name of its node, and the addresses of its host. */
export interface Leaving {
  readonly name: string;
  readonly addresses: readonly string[];
  /** How many seconds etcd may take to answer. */
  readonly within: number;
}

/**
 * Has the others forget a control plane: its member of etcd, where that is theirs, the pod by which kubeadm finds that member, and
 * its line in what kubeadm before 1.22 notes of all. requires: that its etcd holds nothing the others lack, as each member holds all.
 */
export async function forgotten(
  plane: Shell,
  leaving: Leaving,
  cluster: { access: Access; version: string },
) {
  const { access, version } = cluster;
  const { name } = leaving;
  if ((await etcdAskedBy(plane.view)).length === 0) await withoutMember(plane, leaving, cluster);
  const pod = `etcd-${name}`;
  const flags = ['--ignore-not-found', '--force', '--grace-period=0'];
  await insisted(plane, cmd`${callOf(access)} -n kube-system delete pod ${pod} ${flags}`);
  if (!since('noStatus', version)) await struck(plane, name, access);
}

async function withoutMember(
  plane: Shell,
  { name, addresses, within }: Leaving,
  { access, version }: { access: Access; version: string },
): Promise<void> {
  const own = await nodeName(plane.view);
  const call = await etcdctl(plane.view, access, version);
  const left = (await awaitedMembers(plane, call, within)).filter(
    (member) => member.name !== own && (member.name === name || addresses.includes(member.address)),
  );
  for (const { id } of left) await insisted(plane, cmd`${call} member remove ${id}`);
}

/** kubernetes/kubernetes, cmd/kubeadm/app/apis/kubeadm/types.go of 1.12 to 1.21: ClusterStatus. */
async function struck(plane: Shell, name: string, access: Access) {
  const text = await answerOf(plane, access, cmd`-n kube-system get configmap kubeadm-config -o json`);
  const config = JSON.parse(text) as { data: Record<string, string> };
  const status = config.data['ClusterStatus'] ?? '';
  const without = statusWithout(status, name);
  if (without === status) return;
  const input = JSON.stringify({ ...config, data: { ...config.data, ClusterStatus: without } });
  const title = `strike ${name} from the notes of kubeadm`;
  await insisted(plane, { ...cmd`${callOf(access)} -n kube-system replace -f -`, input, title });
}

/** A block of YAML that is indented by two, with what is indented deeper below it. */
export function statusWithout(status: string, name: string): string {
  const lines = status.split('\n');
  const from = lines.indexOf(`  ${name}:`);
  if (from === -1) return status;
  const rest = lines.slice(from + 1);
  const below = rest.findIndex((line) => !line.startsWith('    '));
  const kept = [...lines.slice(0, from), ...(below === -1 ? [] : rest.slice(below))];
  // What is left without an entry is an empty map, not nothing.
  return kept.join('\n').replace(/^apiEndpoints:\n(?! )/m, 'apiEndpoints: {}\n');
}

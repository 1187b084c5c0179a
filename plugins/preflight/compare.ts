/** What is wrong between hosts: pure, from what one round has found. */
import { net } from '../../core/mod.ts';
import { tooFar, unreachable } from '../kubeadm/upgrade.ts';
import type { Reach } from './endpoint.ts';
import type { Machine, Own, Told } from './look.ts';
import { nameOf } from './ports.ts';
import type { Carried, Pair, Round } from './round.ts';
import { listed, seconds } from './words.ts';

/** What is compared, by the names that a recipe allows differences of. */
export const CHECKS = [
  'names',
  'machine-ids',
  'product-uuids',
  'macs',
  'clocks',
  'mtu',
  'segment',
  'ports',
  'versions',
  'endpoint',
] as const;
export type Check = (typeof CHECKS)[number];

export interface Fault {
  readonly check: Check;
  /** The hosts that stop for it. */
  readonly hosts: readonly string[];
  /** Others that it is about. */
  readonly others: readonly string[];
  /** What, and how it is mended. */
  readonly what: string;
}

/** What the recipe is about. */
export interface Wish {
  /** Whether pods of a host are reached through the address of it, by those that share a network with it. */
  readonly isRouted: boolean;
  /** Of Kubernetes; undefined where there is none. */
  readonly version?: string | undefined;
}

export function faultsIn({ machines, pairs, carried, reach }: Round, wish: Wish): readonly Fault[] {
  const told = toldIn(machines);
  return [
    ...ALIKE.flatMap((each) => doubles(told, each)),
    ...clocks(told),
    ...mtus(told),
    ...(wish.isRouted ? apart(told) : []),
    ...closed(pairs),
    ...cut(carried, told),
    ...(wish.version === undefined ? [] : versions(told, wish.version)),
    ...(reach === undefined ? [] : unreached(reach)),
  ];
}

/**
 * Whether a host stops for a fault: because it is its own, or because those whose own it is have passed before and are not asked
 * again, and this host was `never` compared with them.
 */
export function stops(fault: Fault, name: string, round: Round, never: (host: string) => boolean): boolean {
  if (fault.hosts.includes(name)) return true;
  const passed = toldIn(round.machines).filter((machine) => machine.passed);
  const isLate = (host: string) => never(host) && passed.some((machine) => machine.name === host);
  return fault.others.includes(name) && fault.hosts.every(isLate);
}

function namesOf(all: readonly Told[]): readonly string[] {
  return all.map(({ name }) => name);
}

export function toldIn(machines: readonly Machine[]): readonly Told[] {
  return machines.filter((machine) => machine.kind === 'told');
}

/** Something that no two hosts may share. */
interface Unique {
  readonly check: Check;
  readonly called: string;
  readonly of: (machine: Told) => string;
  readonly fix: string;
}

const ALIKE: readonly Unique[] = [
  {
    check: 'names',
    called: 'host name',
    of: ({ node }) => node.toLowerCase(),
    fix: 'on all but one: hostnamectl set-hostname NAME',
  },
  {
    check: 'machine-ids',
    called: 'machine-id',
    of: ({ machineId }) => machineId,
    fix: 'on all but one: rm -f /etc/machine-id /var/lib/dbus/machine-id; systemd-machine-id-setup; reboot',
  },
  {
    check: 'product-uuids',
    called: 'product_uuid',
    of: ({ uuid }) => ('is' in uuid ? uuid.is : ''),
    fix: 'give each virtual machine a UUID of its own where it is defined (virsh edit NAME: <uuid>)',
  },
  {
    check: 'macs',
    called: 'MAC address',
    of: ({ own }) => ('mac' in own ? own.mac : ''),
    fix: 'give the link of all but one another MAC address where the machine is defined',
  },
];

function doubles(told: readonly Told[], { check, called, of, fix }: Unique): readonly Fault[] {
  return [...Map.groupBy(told, of)].flatMap(([value, same]) => {
    const hosts = same.map(({ name }) => name);
    const what = `${listed(hosts)} have the same ${called}, ${value}; ${fix}`;
    return value === '' || same.length < 2 ? [] : [{ check, hosts, others: [], what }];
  });
}

/** Seconds that the clocks of two hosts may differ by. */
export const BOUND = 1;

/** What is known of two clocks. */
export function apartBy(one: Told, other: Told): { readonly by: number; readonly error: number } {
  return {
    by: one.clock.seconds - other.clock.seconds,
    error: one.clock.error + other.clock.error,
  };
}

/** Hosts stop that differ from at least half of the others: those are not all wrong. */
function clocks(told: readonly Told[]): readonly Fault[] {
  return told.flatMap((one) => {
    const differ = told.filter((other) => {
      const { by, error } = apartBy(one, other);
      return Math.abs(by) - error > BOUND;
    });
    const [first] = differ;
    if (first === undefined || differ.length * 2 <= told.length - 1) return [];
    const { by, error } = apartBy(one, first);
    const way = by > 0 ? 'ahead of' : 'behind';
    const clock = `the clock of ${one.name} is ${seconds(Math.abs(by))} ${way} that of ${first.name}`;
    const what = `${clock}, give or take ${seconds(error)}; on both: apt-get install systemd-timesyncd; timedatectl set-ntp true`;
    return [{ check: 'clocks' as const, hosts: [one.name], others: namesOf(differ), what }];
  });
}

/** A kubelet that runs, and a control plane that others would join: whether kubeadm goes from there to the version of the recipe. */
function versions(told: readonly Told[], version: string): readonly Fault[] {
  const check = 'versions';
  const far = told.flatMap(({ name, kubelet }) => {
    const what = kubelet === '' ? undefined : tooFar(name, kubelet, version);
    return what === undefined ? [] : [{ check, hosts: [name], others: [], what } as const];
  });
  const joining = told.filter(({ isNode }) => !isNode);
  const planes = told.flatMap((machine) => {
    const why = machine.plane === '' ? undefined : unreachable(machine.plane, version);
    const hosts = namesOf([machine, ...joining]);
    return why === undefined ? [] : [{ check, hosts, others: [], what: `${machine.name}: ${why}` } as const];
  });
  return [...far, ...planes];
}

function unreached({ at, answers }: Reach): readonly Fault[] {
  return answers.flatMap(({ from, answer }) => {
    if (answer.kind !== 'closed') return [];
    const what = `${from} does not reach the API of the cluster at ${at}, which is given (kubeadm.endpoint): ${answer.why}; have that address lead to a control plane, and let ${from} reach it`;
    return [{ check: 'endpoint', hosts: [from], others: [], what } as const];
  });
}

/** Smaller packets than IPv6 must carry leave too little to a network of pods that wraps them. */
const LEAST = 1280;

type Placed = Told & { readonly own: Own };

function placed(told: readonly Told[]): readonly Placed[] {
  return told.filter((machine): machine is Placed => 'address' in machine.own);
}

function mtus(told: readonly Told[]): readonly Fault[] {
  const all = placed(told);
  const small = all
    .filter(({ own }) => own.mtu < LEAST)
    .map(({ name, own }) => ({
      check: 'mtu' as const,
      hosts: [name],
      others: [],
      what: `${own.link} of ${name} has an MTU of ${own.mtu} bytes, less than ${LEAST}; there: ip link set ${own.link} mtu 1500`,
    }));
  const groups = [...Map.groupBy(all, ({ own }) => own.mtu)].toSorted(([, a], [, b]) => b.length - a.length);
  const [most, second] = groups;
  if (most === undefined || second === undefined) return small;
  const tells = groups.map(
    ([mtu, same]) => `${mtu} on ${listed(same.map(({ name, own }) => `${name} (${own.link})`))}`,
  );
  const odd = second[1].length === most[1].length ? all : all.filter(({ own }) => own.mtu !== most[0]);
  const what = `the MTU of the links that hosts reach each other by is not the same: ${tells.join(', ')}; ip link set LINK mtu ${most[0]}`;
  return [...small, { check: 'mtu', hosts: namesOf(odd), others: namesOf(all), what }];
}

/** Routes to pods lead through the address of their host, which must be on a network of one's own. */
function apart(told: readonly Told[]): readonly Fault[] {
  const all = placed(told);
  return all.flatMap((one) => {
    const network = `${one.own.address}/${one.own.prefix}`;
    const far = all.filter(({ own }) => !net.overlap(own.address, network));
    if (far.length * 2 <= all.length - 1) return [];
    const others = listed(far.map(({ name, own }) => `${name} (${own.address})`));
    const what = `${one.name} shares no network with ${others}: its link ${one.own.link} has ${network}; take cni.network: 'flannel', which needs none`;
    return [{ check: 'segment' as const, hosts: [one.name], others: namesOf(far), what }];
  });
}

/** What was asked, and not answered by whoever listened there. */
function isClosed({ answer }: Pair): boolean {
  return answer.kind !== 'open' && answer.kind !== 'untold';
}

/**
 * The host that is asked stops, since it is its firewall most of the time. Where a host reaches none of several, it is that
 * host which stops.
 */
function closed(pairs: readonly Pair[]): readonly Fault[] {
  const mute = new Set(
    [...Map.groupBy(pairs, ({ from }) => from)].flatMap(([from, all]) =>
      all.every(isClosed) && new Set(all.map(({ to }) => to)).size > 1 ? [from] : [],
    ),
  );
  const shut = pairs.filter(isClosed).filter(({ from }) => !mute.has(from));
  const silent = [...mute].map((from) => ({
    check: 'ports' as const,
    hosts: [from],
    others: [...new Set(pairs.filter((pair) => pair.from === from).map(({ to }) => to))],
    what: `${from} reaches no port of any other host; see what keeps packets there: nft list ruleset; ip route`,
  }));
  const groups = Map.groupBy(shut, ({ to, port, answer }) => `${to} ${nameOf(port)} ${reasonOf(answer)}`);
  return [...silent, ...[...groups.values()].map(shutFault)];
}

function shutFault(same: readonly Pair[]): Fault {
  const { to, address, port, answer } = same[0]!; // no group is empty
  const froms = same.map(({ from }) => from);
  const what = `${listed(froms)} cannot reach ${to} at ${address}, ${nameOf(port)} (${port.by}): ${reasonOf(answer)}`;
  return {
    check: 'ports',
    hosts: [to],
    others: froms,
    what: `${what}; let it in on ${to}: nft list ruleset shows what does not`,
  };
}

/**
 * Small packets arrive, those of a full MTU do not: connections open then, and hang. Of two hosts the one stops that loses them
 * with more others; both where that is the same.
 */
function cut(carried: readonly Carried[], told: readonly Told[]): readonly Fault[] {
  const lost = carried.filter(({ answer }) => answer.kind === 'lost');
  const withOthers = (host: string) =>
    new Set(lost.flatMap(({ from, to }) => (from === host ? [to] : to === host ? [from] : []))).size;
  const ends = ({ from, to }: Carried) => {
    const most = Math.max(withOthers(from), withOthers(to));
    return [from, to].filter((host) => withOthers(host) === most);
  };
  const groups = Map.groupBy(lost, (each) => {
    const hosts = ends(each);
    return `${hosts.length === 2 || hosts[0] === each.from ? `from ${each.from}` : `to ${each.to}`}, ${hosts}`;
  });
  return [...groups.values()].map((same) => {
    const { from, mtu, answer } = same[0]!; // no group is empty
    const [froms, tos] = [same.map((each) => each.from), same.map(({ to }) => to)].map((all) => [
      ...new Set(all),
    ]);
    const own = told.find(({ name }) => name === from)?.own;
    const link = own && 'link' in own ? own.link : 'LINK';
    const why = answer.kind === 'lost' ? answer.why : '';
    const what = `packets of ${mtu} bytes, the MTU of ${link}, do not get from ${listed(froms ?? [])} to ${listed(tos ?? [])}, and small ones do: ${why}; on all hosts: ip link set LINK mtu SIZE, as ping -M do -s finds it`;
    return {
      check: 'mtu',
      hosts: [...new Set(same.flatMap(ends))],
      others: [...(froms ?? []), ...(tos ?? [])],
      what,
    };
  });
}

function reasonOf(answer: Pair['answer']): string {
  if (answer.kind === 'silent') return 'no answer, so a firewall drops it';
  if (answer.kind === 'refused') return 'refused although somebody listens, so a firewall rejects it';
  return answer.kind === 'failed' ? answer.why : answer.kind;
}

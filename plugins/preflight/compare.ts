/** What is wrong between hosts, and what nobody could tell: pure, from what one round has found. */
import { net } from '../../core/mod.ts';
import type { Machine, Own, Told } from './look.ts';
import type { Pair, Round } from './round.ts';
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
] as const;
export type Check = (typeof CHECKS)[number];

export interface Fault {
  readonly check: Check;
  /** The hosts that stop for it. */
  readonly hosts: readonly string[];
  /** What, and how it is mended. */
  readonly what: string;
}

/** Whether pods of a host are reached through the address of it, by those that share a network with it. */
export interface Wish {
  readonly isRouted: boolean;
}

export function faultsIn({ machines, pairs }: Round, { isRouted }: Wish): readonly Fault[] {
  const told = toldIn(machines);
  return [
    ...ALIKE.flatMap((each) => doubles(told, each)),
    ...clocks(told),
    ...mtus(told),
    ...(isRouted ? apart(told) : []),
    ...closed(pairs),
  ];
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
    return value === '' || same.length < 2 ? [] : [{ check, hosts, what }];
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
    return [{ check: 'clocks' as const, hosts: [one.name], what }];
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
      what: `${own.link} of ${name} has an MTU of ${own.mtu} bytes, less than ${LEAST}; there: ip link set ${own.link} mtu 1500`,
    }));
  const groups = [...Map.groupBy(all, ({ own }) => own.mtu)].toSorted(([, a], [, b]) => b.length - a.length);
  const [most, second] = groups;
  if (most === undefined || second === undefined) return small;
  const tells = groups.map(
    ([mtu, same]) => `${mtu} on ${listed(same.map(({ name, own }) => `${name} (${own.link})`))}`,
  );
  const others = second[1].length === most[1].length ? all : all.filter(({ own }) => own.mtu !== most[0]);
  const what = `the MTU of the links that hosts reach each other by is not the same: ${tells.join(', ')}; ip link set LINK mtu ${most[0]}`;
  return [...small, { check: 'mtu', hosts: others.map(({ name }) => name), what }];
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
    return [{ check: 'segment' as const, hosts: [one.name], what }];
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
    what: `${from} reaches no port of any other host; see what keeps packets there: nft list ruleset; ip route`,
  }));
  const groups = Map.groupBy(shut, ({ to, port, answer }) => `${to} ${port.port} ${reasonOf(answer)}`);
  return [...silent, ...[...groups.values()].map(shutFault)];
}

function shutFault(same: readonly Pair[]): Fault {
  const { to, address, port, answer } = same[0]!; // no group is empty
  const froms = listed(same.map(({ from }) => from));
  const what = `${froms} cannot reach ${to} at ${address}, TCP port ${port.port} (${port.by}): ${reasonOf(answer)}`;
  return {
    check: 'ports',
    hosts: [to],
    what: `${what}; let it in on ${to}: nft list ruleset shows what does not`,
  };
}

function reasonOf(answer: Pair['answer']): string {
  if (answer.kind === 'silent') return 'no answer, so a firewall drops it';
  if (answer.kind === 'refused') return 'refused although somebody listens, so a firewall rejects it';
  return answer.kind === 'failed' ? answer.why : answer.kind;
}

/** What a host is told by `cc doctor`, and what its log has: how it stands to the others, and what nobody can tell. */
export function linesFor(name: string, { machines, pairs }: Round): readonly string[] {
  const own = machines.find((machine) => machine.name === name);
  if (own?.kind !== 'told') return [`nothing could be compared: ${own?.why ?? 'it was not asked'}`];
  const others = toldIn(machines).filter((machine) => machine !== own);
  return [
    `system: ${own.arch}, kernel ${own.kernel}, ${own.systemd === '' ? 'no systemd' : `systemd ${own.systemd}`}`,
    'lacks' in own.own
      ? `address: cannot tell, so MAC, MTU and ports are not compared: ${own.own.lacks}`
      : `address: ${own.own.address}/${own.own.prefix} on ${own.own.link}, MTU ${own.own.mtu}`,
    ...(own.machineId === '' ? ['machine-id: not applicable: it has none'] : []),
    ...('none' in own.uuid ? [`product_uuid: not applicable: ${own.uuid.none}`] : []),
    ...('mac' in own.own && own.own.mac === ''
      ? [`MAC address: not applicable: ${own.own.link} has none`]
      : []),
    ...clockLines(own, others),
    ...portLines(name, pairs),
    `compared with: ${listed(others.map((machine) => machine.name)) || 'nobody'}`,
    ...machines.flatMap((machine) =>
      machine.kind === 'untold' ? [`not compared with ${machine.name}: ${machine.why}`] : [],
    ),
  ];
}

function clockLines(own: Told, others: readonly Told[]): readonly string[] {
  const pairs = others.map((other) => ({ name: other.name, ...apartBy(own, other) }));
  const open = pairs.filter(({ by, error }) => Math.abs(by) + error > BOUND && Math.abs(by) - error <= BOUND);
  const most = pairs.map(({ by, error }) => Math.abs(by) + error).toSorted((a, b) => b - a)[0];
  if (open.length > 0)
    return [
      `clock: cannot tell whether it is within ${BOUND} s of ${listed(open.map(({ name }) => name))}: answers took too long`,
    ];
  return most === undefined ? [] : [`clock: within ${seconds(most)} of the others`];
}

function portLines(name: string, pairs: readonly Pair[]): readonly string[] {
  const own = pairs.filter(({ to }) => to === name);
  const open = own.filter(({ answer }) => answer.kind === 'open');
  const ports = [...new Set(open.map(({ port }) => port.port))].toSorted((a, b) => a - b);
  const froms = [...new Set(open.map(({ from }) => from))];
  const unsure = Map.groupBy(own, ({ port, answer }) =>
    answer.kind === 'untold' ? `port ${port.port}: cannot tell: ${answer.why}` : '',
  );
  return [
    ...(open.length === 0 ? [] : [`ports: ${ports.join(', ')} can be reached from ${listed(froms)}`]),
    ...[...unsure].flatMap(([line, same]) =>
      line === '' ? [] : [`${line}, asked from ${listed(same.map(({ from }) => from))}`],
    ),
  ];
}

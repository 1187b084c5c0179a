/**
 * One round through all hosts: what each says of itself, then what each can reach of the others. A host that does not answer
 * keeps the others waiting for some seconds and is told as one that was not asked.
 */
import type { Host, View } from '../../core/mod.ts';
import { type Asked, askAll } from './ask.ts';
import { type Reach, reachedFrom } from './endpoint.ts';
import { asked, type Machine, type Own, type Told } from './look.ts';
import { labelOf, type Port } from './ports.ts';

/** What is asked, of which hosts. */
export interface Site {
  readonly hosts: readonly Host[];
  readonly ports: (from: Host, to: Host) => readonly Port[];
  /** Where the API of a cluster that stands is to be reached. */
  readonly endpoint?: { readonly address: string; readonly port: number } | undefined;
}

/** Time, which tests make themselves. */
export interface Watch {
  /** Milliseconds. */
  readonly now: () => number;
  /** Calls back after so many seconds, unless what it answers is called before. */
  readonly after: (seconds: number, call: () => void) => () => void;
}

export const WATCH: Watch = {
  now: () => performance.now(), // no step of its clock counts: hosts are compared with each other
  after: (seconds, call) => {
    const timer = setTimeout(call, seconds * 1000);
    return () => clearTimeout(timer);
  },
};

/** One port of one host, asked by another one. */
export interface Pair {
  readonly from: string;
  readonly to: string;
  /** Where it was asked. */
  readonly address: string;
  readonly port: Port;
  readonly answer:
    | { readonly kind: 'open' | 'silent' | 'refused' }
    | { readonly kind: 'failed'; readonly why: string }
    | { readonly kind: 'untold'; readonly why: string };
}

/** Whether packets of a full MTU come from one host to another one in one piece. */
export interface Carried {
  readonly from: string;
  readonly to: string;
  /** Bytes of a packet, as far as the links of both take them. */
  readonly mtu: number;
  readonly answer: { readonly kind: 'whole' } | { readonly kind: 'lost' | 'untold'; readonly why: string };
}

export interface Round {
  readonly machines: readonly Machine[];
  readonly pairs: readonly Pair[];
  readonly carried: readonly Carried[];
  /** Where there is an endpoint, and a cluster behind it. */
  readonly reach?: Reach;
}

/** Seconds for entering a host and asking it, and for asking ports. */
const ENTERING = 30;
const ASKING = 15;
/** The same for one that did not answer before: the others wait for it each time. */
const RETURNING = 10;
/** How many hosts are entered at once. */
const WIDTH = 8;

export async function roundOf(site: Site, view: View, watch: Watch = WATCH): Promise<Round> {
  const views = new Map<string, View>();
  const machines = await inTurns(site.hosts, async (host): Promise<Machine> => {
    const answer = await within(watch, ENTERING, async () => {
      const there = host.name === view.name ? view : await view.on(host.name);
      views.set(host.name, there);
      return asked(there, host, watch.now);
    });
    return 'why' in answer ? { kind: 'untold', name: host.name, why: answer.why } : answer.value;
  });
  const reached = site.hosts.flatMap((host) => {
    const told = machines.find(({ name }) => name === host.name);
    const there = views.get(host.name);
    return told?.kind === 'told' && 'address' in told.own && there
      ? [{ host, told, own: told.own, view: there }]
      : [];
  });
  const stands = reached.some(({ told }) => told.plane !== '');
  const reach = site.endpoint && stands ? { reach: await reachOf(reached, site.endpoint, watch) } : {};
  return { machines, ...reach, ...(await askedBetween(reached, site, watch)) };
}

/** Which of these hosts can be entered. */
export async function reachedOf(
  hosts: readonly Host[],
  names: readonly string[],
  view: View,
  watch: Watch = WATCH,
): Promise<readonly string[]> {
  const found = await Promise.all(
    hosts
      .filter(({ name }) => names.includes(name))
      .map(async ({ name }) => {
        const answer = await within(watch, RETURNING, () => view.on(name));
        return 'why' in answer ? [] : [name];
      }),
  );
  return found.flat();
}

/** What each host finds at the endpoint. */
async function reachOf(
  all: readonly Reached[],
  endpoint: { readonly address: string; readonly port: number },
  watch: Watch,
): Promise<Reach> {
  const answers = all.map(async ({ host: { name: from }, view }) => {
    const answer = await within(watch, ASKING, () => reachedFrom(view, endpoint));
    return { from, answer: 'why' in answer ? { kind: 'untold' as const, why: answer.why } : answer.value };
  });
  return { at: `${endpoint.address}:${endpoint.port}`, answers: await Promise.all(answers) };
}

/** A host that can be asked for ports. */
interface Reached {
  readonly host: Host;
  readonly told: Told;
  readonly own: Own;
  readonly view: View;
}

interface Wanted {
  readonly from: Reached;
  readonly to: Reached;
  readonly port: Port;
}

/** All hosts ask at the same time, each all others by one command. */
async function askedBetween(
  all: readonly Reached[],
  { ports }: Site,
  watch: Watch,
): Promise<Pick<Round, 'pairs' | 'carried'>> {
  const wanted = all.flatMap((from) =>
    all
      .filter((to) => to !== from)
      .flatMap((to) => ports(from.host, to.host).map((port): Wanted => ({ from, to, port }))),
  );
  if (wanted.length === 0) return { pairs: [], carried: [] };
  const results = new Map(
    await Promise.all(all.map(async (one) => [one, await askedBy(one, all, wanted, watch)] as const)),
  );
  const pairs = wanted.map(({ from, to, port }) => ({
    ...{ from: from.host.name, to: to.host.name, address: to.own.address, port },
    answer: answerOf({ from, to, port }, results.get(from)!, results.get(to)!), // both were asked
  }));
  const carried = all.flatMap((from) =>
    all
      .filter((to) => to !== from)
      .map((to) => ({
        ...{ from: from.host.name, to: to.host.name, mtu: mtuOf(from, to) },
        answer: carriedTo(to, mtuOf(from, to), results.get(from)!),
      })),
  );
  return { pairs, carried };
}

function mtuOf(one: Reached, other: Reached): number {
  return Math.min(one.own.mtu, other.own.mtu);
}

/** Bytes of a packet that goes through everywhere. */
const SMALL = 84;

function packet({ own }: Reached, size: number): string {
  return `${own.address}:${size}/ping`;
}

/** Of a host that answers not even small packets nobody can tell what becomes of large ones. */
function carriedTo(to: Reached, mtu: number, from: Result): Carried['answer'] {
  if ('why' in from) return { kind: 'untold', why: from.why };
  const [small, full] = [SMALL, mtu].map((size) => from.answers.get(packet(to, size)) ?? 'it was not asked');
  if (full === 'open') return { kind: 'whole' };
  if (small === 'open') return { kind: 'lost', why: full === 'silent' ? 'no answer' : (full ?? '') };
  return { kind: 'untold', why: small === 'silent' ? 'it answers no ping' : (small ?? '') };
}

/** What a host found, between two times of the controller, in seconds; or why it is not known. */
type Result = (Asked & { readonly sent: number; readonly answered: number }) | { readonly why: string };

async function askedBy(
  one: Reached,
  all: readonly Reached[],
  wanted: readonly Wanted[],
  watch: Watch,
): Promise<Result> {
  const asks = wanted.filter(({ from }) => from === one);
  const others = all.filter((to) => to !== one);
  const pings = others.flatMap((to) => [packet(to, SMALL), packet(to, mtuOf(one, to))]);
  const peers = [...asks.map(({ to, port }) => at(to, port)), ...pings];
  const asking = wanted.filter(({ to }) => to === one).map(({ port }) => labelOf(port));
  const counts = new Map([...Map.groupBy(asking, (port) => port)].map(([port, each]) => [port, each.length]));
  const listened = one.told.isNode ? new Map<string, number>() : counts;
  const sent = watch.now() / 1000;
  const answer = await within(watch, ASKING, () =>
    askAll(one.view, { own: one.own.address, counts: listened, peers }),
  );
  return 'why' in answer ? answer : { ...answer.value, sent, answered: watch.now() / 1000 };
}

function at({ own }: Reached, port: Port): string {
  return `${own.address}:${labelOf(port)}`;
}

function answerOf({ to, port }: Wanted, from: Result, there: Result): Pair['answer'] {
  if ('why' in from) return { kind: 'untold', why: from.why };
  const answer = from.answers.get(at(to, port)) ?? 'it was not asked';
  if (answer === 'open' || (answer === 'silent' && !port.udp)) return { kind: answer };
  if (answer !== 'refused' && answer !== 'silent') return { kind: 'failed', why: answer };
  const why = openness(to, port, from, there);
  return why === undefined ? { kind: answer } : { kind: 'untold', why };
}

/**
 * Why it is not certain that somebody listened when a port was refused, or of UDP was silent; undefined where it is. Who has a
 * port of UDP already answers only those that it knows.
 */
function openness(to: Reached, port: Port, from: Asked & Span, there: Result): string | undefined {
  const label = labelOf(port);
  if ('why' in there) return `it does not say whether somebody listens: ${there.why}`;
  if (there.taken.includes(label)) return port.udp && 'who listens there already answers no questions';
  if (to.told.isNode)
    return port.udp ? 'who listens on a node answers no questions' : 'nobody listens there at the moment';
  if (!there.listened.includes(label)) return 'no listener could be opened there';
  return overlap(from, there) ? undefined : 'the two hosts were not asked at the same time';
}

interface Span {
  readonly sent: number;
  readonly answered: number;
}

/** Seconds in which a port is tried at least once. */
const PACE = 0.3;

/** Each began somewhere between two known times: whether one surely asked while the other surely listened. */
function overlap(from: Asked & Span, there: Asked & Span): boolean {
  const latest = Math.max(from.answered - from.lived, there.answered - there.lived);
  return latest + PACE < Math.min(from.sent + from.asked, there.sent + there.lived);
}

/** Does something for each, for some of them at once. */
async function inTurns<Each, Value>(
  all: readonly Each[],
  work: (one: Each) => Promise<Value>,
): Promise<readonly Value[]> {
  const values: Value[] = [];
  let next = 0;
  const turn = async () => {
    while (next < all.length) {
      const index = next++;
      values[index] = await work(all[index]!); // below the length
    }
  };
  await Promise.all(Array.from({ length: WIDTH }, turn));
  return values;
}

type Within<Value> = { readonly value: Value } | { readonly why: string };

/** What a host answers in time. What it fails with is told by its own tasks; here it was not asked. */
async function within<Value>(
  watch: Watch,
  seconds: number,
  work: () => Promise<Value>,
): Promise<Within<Value>> {
  const { promise: late, resolve } = Promise.withResolvers<Within<Value>>();
  const cancel = watch.after(seconds, () => resolve({ why: `no answer within ${seconds} s` }));
  const done = work().then(
    (value) => ({ value }),
    (error: unknown) => ({ why: error instanceof Error ? error.message : String(error) }),
  );
  try {
    return await Promise.race([done, late]);
  } finally {
    cancel();
  }
}

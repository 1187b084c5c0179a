/** What a host is told by `cc doctor`, and what its log has: pure, from what one round has found. */
import { apartBy, BOUND, toldIn } from './compare.ts';
import type { Reach } from './endpoint.ts';
import type { Told } from './look.ts';
import { labelOf } from './ports.ts';
import type { Carried, Pair, Round } from './round.ts';
import { listed, seconds } from './words.ts';

/** How it stands to the others, and what nobody can tell. */
export function linesFor(name: string, { machines, pairs, carried, reach }: Round): readonly string[] {
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
    ...mtuLines(name, carried),
    ...(reach?.answers ?? []).flatMap(({ from, answer }) =>
      from === name ? [reachLine(reach?.at ?? '', answer)] : [],
    ),
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
  const ports = [...new Set(open.map(({ port }) => labelOf(port)))].toSorted(
    (a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10),
  );
  const froms = [...new Set(open.map(({ from }) => from))];
  const unsure = Map.groupBy(own, ({ port, answer }) =>
    answer.kind === 'untold' ? `port ${labelOf(port)}: cannot tell: ${answer.why}` : '',
  );
  return [
    ...(open.length === 0 ? [] : [`ports: ${ports.join(', ')} can be reached from ${listed(froms)}`]),
    ...[...unsure].flatMap(([line, same]) =>
      line === '' ? [] : [`${line}, asked from ${listed(same.map(({ from }) => from))}`],
    ),
  ];
}

function mtuLines(name: string, carried: readonly Carried[]): readonly string[] {
  const own = carried.filter(({ from }) => from === name);
  const whole = own.filter(({ answer }) => answer.kind === 'whole');
  const unsure = Map.groupBy(own, ({ answer }) => (answer.kind === 'untold' ? answer.why : ''));
  const tos = (all: readonly Carried[]) => listed(all.map(({ to }) => to));
  return [
    ...(whole.length === 0 ? [] : [`packets of a full MTU: arrive in one piece at ${tos(whole)}`]),
    ...[...unsure].flatMap(([why, same]) =>
      why === '' ? [] : [`packets of a full MTU: cannot tell whether they arrive at ${tos(same)}: ${why}`],
    ),
  ];
}

function reachLine(at: string, answer: Reach['answers'][number]['answer']): string {
  if (answer.kind === 'open') return `endpoint: ${at} answers`;
  return `endpoint: ${answer.kind === 'untold' ? 'cannot tell whether' : 'it does not reach'} ${at}${answer.kind === 'untold' ? ' answers' : ''}: ${answer.why}`;
}

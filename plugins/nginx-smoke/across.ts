/** From every node to every node: what is asked, and what is told of it. */
import { cmd, fail, type Json, type Shell } from '../../core/mod.ts';
import { type Access, answerOf } from '../kubectl/api.ts';
import { NAMESPACE, PAYLOAD } from './manifests.ts';
import { faultsOf, matrixOf, tableOf } from './matrix.ts';
import type { Pod } from './pods.ts';
import { reached, type Target } from './reach.ts';
import type { Spots } from './spots.ts';

export interface Across {
  readonly access: Access;
  readonly kubectl: readonly string[];
  readonly spots: Spots;
  readonly pods: readonly Pod[];
}

/** What is told: the report's part as data, and its lines. */
export interface Told {
  readonly report: { readonly [key: string]: Json };
  readonly lines: readonly string[];
}

/** Fails where any node does not reach another one; what is told names the nodes that nobody asked. */
export async function across(shell: Shell, { access, kubectl, spots, pods }: Across): Promise<Told> {
  const { all, left } = spots;
  const missed = left.map(({ node, why }) => `${node} is not asked: ${why}`);
  const notAsked = left.length > 0 ? { notAsked: left.map((each) => ({ ...each })) } : {};
  if (all.length === 0) return { report: notAsked, lines: missed };
  const services = await servicesOf(shell, access);
  const addresses = new Map(pods.map(({ metadata, status }) => [metadata.name, status.podIP ?? '']));
  const targets = all.flatMap((from) =>
    all.flatMap((to) => {
      const { ip = '', port = 0 } = services.get(to.server) ?? {};
      const at = (way: Target['way'], host: string) => ({ from, to, way, url: `http://${host}/payload` });
      return [
        at('pod', bracketed(addresses.get(to.server) ?? '')),
        at('service', bracketed(ip)),
        at('port', `${bracketed(to.address)}:${port}`),
      ];
    }),
  );
  const results = await reached(shell, kubectl, targets);
  const matrix = matrixOf(results);
  const table = tableOf(matrix);
  const faults = faultsOf(results);
  if (faults.length > 0) unreached(shell, [...table, ...faults, ...missed]);
  const size = `${PAYLOAD.length} bytes`;
  return {
    report: { matrix, ...notAsked },
    lines: [
      `each node fetches ${size} from nginx of each, by pod address, Service address and node port:`,
      ...table.map((line) => `  ${line}`),
      ...missed,
    ],
  };
}

/**
 * Whether every node finds names; each asks for nginx of its own, so that this is all that can be wrong. Answers what is told of it:
 * nothing where only one node takes part.
 */
export async function named(
  shell: Shell,
  { kubectl, spots }: Pick<Across, 'kubectl' | 'spots'>,
): Promise<readonly string[]> {
  const targets = spots.all.map((spot) => {
    const url = `http://${spot.server}.${NAMESPACE}.svc.cluster.local/payload`;
    return { from: spot, to: spot, way: 'name', url } as const;
  });
  if (targets.length === 0) return [];
  const faults = faultsOf(await reached(shell, kubectl, targets));
  if (faults.length > 0) unreached(shell, faults);
  return ['each node finds the Service of its own nginx by name'];
}

function unreached(shell: Shell, reasons: readonly string[]): never {
  const what = 'every node reaches nginx on every node';
  return fail({ kind: 'check-failed', host: shell.view.name, what, reasons });
}

interface Service {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly clusterIP: string; readonly ports: readonly { readonly nodePort?: number }[] };
}

async function servicesOf(shell: Shell, access: Access) {
  const text = await answerOf(shell, access, cmd`-n ${NAMESPACE} get services -o json`);
  const { items } = JSON.parse(text) as { readonly items: readonly Service[] };
  return new Map(
    items.map(({ metadata, spec }) => [
      metadata.name,
      { ip: spec.clusterIP, port: spec.ports[0]?.nodePort ?? 0 },
    ]),
  );
}

/** As a URL takes an address. */
function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

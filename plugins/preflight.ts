/**
 * Whether hosts fit each other, before anything on them is changed: a host that is new asks all others, in both directions, and
 * they ask nothing again. `cc doctor` asks at any time.
 */
import { fail, type Host, type Last, plugin, step, type View, v } from '../core/mod.ts';
import { madeHosts, podNetwork, serviceNetwork } from './capabilities.ts';
import { CHECKS, type Check, faultsIn, linesFor } from './preflight/compare.ts';
import { portsBetween } from './preflight/ports.ts';
import { type Round, roundOf } from './preflight/round.ts';

/** What one host finds: what it is told, and what it is refused for. */
type Found = { readonly host: string; readonly lines: readonly string[]; readonly faults: readonly string[] };

export const preflight = plugin({
  name: 'preflight',
  help: 'compares hosts with each other before anything is changed: names, machine-ids, clocks, MTU, ports between them',
  options: v.strictObject({
    /** What may be as it is found, and is told only. */
    allow: v.optional(v.array(v.picklist(CHECKS)), []),
    /** Whether ports of Kubernetes are asked for. Default: where the recipe sets up a cluster. */
    ports: v.optional(v.boolean()),
  }),
  build: ({ allow, ports }, { hosts: declared, find }) => {
    const hosts = [...declared, ...(find(madeHosts) ?? [])];
    if (hosts.length < 2) return { steps: [] };
    const asksPorts = ports ?? find(serviceNetwork) !== undefined;
    const site = { hosts, ports: asksPorts ? portsBetween : () => [] };
    const isRouted = find(podNetwork)?.overlay === 'routes';
    const rounds = roundsFor(declared, (view) => roundOf(site, view));
    const found = async (view: View): Promise<Found> => {
      const round = await rounds(view);
      const { name } = view;
      const faults = faultsIn(round, { isRouted }).filter((fault) => fault.hosts.includes(name));
      const tolerated = faults.filter(({ check }) => allow.includes(check));
      return {
        host: name,
        lines: [...linesFor(name, round), ...tolerated.map(({ what }) => `allowed: ${what}`)],
        faults: faults.filter((fault) => !tolerated.includes(fault)).map(sentence),
      };
    };
    const makers = new Set(hosts.flatMap(({ madeBy }) => madeBy ?? []));
    return { steps: [fits(found, { allow, asksPorts, isRouted }, [...makers])] };
  },
});

function sentence({ check, what }: { readonly check: Check; readonly what: string }): string {
  return `${check}: ${what}`;
}

type Inputs = { readonly allow: readonly Check[]; readonly asksPorts: boolean; readonly isRouted: boolean };

/** A machine that the recipe makes can be asked once it is made. */
function fits(found: (view: View) => Promise<Found>, inputs: Inputs, needs: readonly string[]) {
  const script = (why: string) => ({
    ...({ kind: 'script', title: 'compare it with the other hosts', why } as const),
    script: async ({ view, log }: { readonly view: View; readonly log: (text: string) => void }) => {
      const own = await found(view);
      log(own.lines.map((line) => `${line}\n`).join(''));
      refuse(own);
      return undefined;
    },
  });
  return step<Found | null>({
    name: 'hosts',
    first: true,
    check: true,
    needs,
    inputs,
    probe: async () => null,
    examine: found,
    plan: (facts, last: Last) => {
      if (facts !== null) refuse(facts);
      return facts !== null || last.current ? [] : [script(last.why)];
    },
    tells: (facts) => facts?.lines ?? [],
  });
}

function refuse({ host, faults }: Found): void {
  if (faults.length === 0) return;
  const allowed =
    "what is meant to be so: options: { preflight: { allow: ['CHECK'] } }, by the first word of its line";
  fail({ kind: 'check-failed', host, what: 'it fits the other hosts', reasons: [...faults, allowed] });
}

/** The round that is under way or done, with the hosts that have had it. */
interface Current {
  readonly round: Promise<Round>;
  readonly had: Set<string>;
}

/** By the hosts of a recipe, which plugins of all processors share. */
const current = new WeakMap<readonly Host[], Current>();

/** One round serves all hosts of a run: who asks a second time begins another one. */
function roundsFor(hosts: readonly Host[], begin: (view: View) => Promise<Round>) {
  return (view: View): Promise<Round> => {
    const known = current.get(hosts);
    const { round, had } =
      known && !known.had.has(view.name) ? known : { round: begin(view), had: new Set<string>() };
    had.add(view.name);
    current.set(hosts, { round, had });
    return round;
  };
}

/**
 * Whether hosts fit each other, before anything on them is changed: a host that is new asks all others, in both directions, and
 * they ask nothing again. `cc doctor` asks at any time.
 */
import { fail, type Host, type Json, type Last, plugin, step, type View, v } from '../core/mod.ts';
import {
  cluster,
  kubernetesRelease,
  madeHosts,
  overlayNetwork,
  podNetwork,
  serviceNetwork,
} from './capabilities.ts';
import { CHECKS, type Check, faultsIn, stops } from './preflight/compare.ts';
import { linesFor } from './preflight/lines.ts';
import { portsBetween, VXLAN } from './preflight/ports.ts';
import { type Round, reachedOf, roundOf } from './preflight/round.ts';
import { listed } from './preflight/words.ts';

/** What one host finds: what it is told, what it is refused for, and which hosts did not answer. */
type Found = {
  readonly host: string;
  readonly lines: readonly string[];
  readonly faults: readonly string[];
  readonly missing: readonly string[];
};

/** Whether a host was never compared with another one before. */
type Never = (host: string) => boolean;

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
    const more = find(overlayNetwork)?.backend === 'vxlan' ? [VXLAN] : [];
    const between = (from: Host, to: Host) => portsBetween(from, to, more);
    const endpoint = find(cluster)?.endpoint;
    const site = { hosts, endpoint, ports: asksPorts ? between : () => [] };
    const isRouted = find(podNetwork)?.overlay === 'routes';
    const version = find(kubernetesRelease)?.version;
    const rounds = roundsFor(declared, (view) => roundOf(site, view));
    const found = async (view: View, never: Never = () => false): Promise<Found> => {
      const round = await rounds(view);
      const { name } = view;
      const faults = faultsIn(round, { isRouted, version }).filter((fault) =>
        stops(fault, name, round, never),
      );
      const tolerated = faults.filter(({ check }) => allow.includes(check));
      return {
        host: name,
        lines: [...linesFor(name, round), ...tolerated.map(({ what }) => `allowed: ${what}`)],
        faults: faults.filter((fault) => !tolerated.includes(fault)).map(sentence),
        missing: round.machines.flatMap((machine) => (machine.kind === 'untold' ? [machine.name] : [])),
      };
    };
    const back = async (view: View): Promise<readonly string[]> => {
      const missed = missingIn(await view.reported());
      return missed.length === 0 ? [] : reachedOf(hosts, missed, view);
    };
    const makers = new Set(hosts.flatMap(({ madeBy }) => madeBy ?? []));
    return { steps: [fits({ found, back }, { allow, asksPorts, isRouted }, [...makers])] };
  },
});

function sentence({ check, what }: { readonly check: Check; readonly what: string }): string {
  return `${check}: ${what}`;
}

type Inputs = { readonly allow: readonly Check[]; readonly asksPorts: boolean; readonly isRouted: boolean };

interface Looks {
  readonly found: (view: View, never?: Never) => Promise<Found>;
  /** Hosts that did not answer when this one was compared, and do so now. */
  readonly back: (view: View) => Promise<readonly string[]>;
}

/** The hosts that are not covered by what a stamp says, as the last comparison has reported. */
function missingIn(report: Json | undefined): readonly string[] {
  const missing = typeof report === 'object' && report !== null && 'missing' in report ? report.missing : [];
  return Array.isArray(missing) ? missing.map(String) : [];
}

/**
 * A machine that the recipe makes can be asked once it is made. What passed stays so for the hosts that were asked: one that was
 * not is compared when it is back. Facts are hosts that are back, and nothing as a rule, since all other tasks need this one.
 */
function fits({ found, back }: Looks, inputs: Inputs, needs: readonly string[]) {
  const script = (why: string, never: Never) => ({
    ...({ kind: 'script', title: 'compare it with the other hosts', why } as const),
    script: async ({ view, log }: { readonly view: View; readonly log: (text: string) => void }) => {
      const own = await found(view, never);
      log(own.lines.map((line) => `${line}\n`).join(''));
      refuse(own);
      // It has answered to nobody, not even here.
      if (own.missing.includes(view.name))
        fail({ kind: 'check-failed', host: view.name, what: 'it can be compared', reasons: own.lines });
      return { missing: own.missing };
    },
  });
  return step<Found | readonly string[] | null>({
    name: 'hosts',
    first: true,
    check: true,
    needs,
    inputs,
    probe: async (view) => {
      const names = await back(view);
      return names.length === 0 ? null : names;
    },
    examine: (view) => found(view),
    plan: (facts, last: Last) => {
      if (isFound(facts)) refuse(facts);
      if (isFound(facts)) return [];
      const names = facts ?? [];
      // Who has passed before was compared with all others but these.
      const never = last.facts === undefined ? () => true : (host: string) => names.includes(host);
      if (!last.current) return [script(last.why, never)];
      return names.length === 0 ? [] : [script(`it was not compared with ${listed(names)}`, never)];
    },
    tells: (facts) => (isFound(facts) ? facts.lines : []),
  });
}

function isFound(facts: Found | readonly string[] | null): facts is Found {
  return facts !== null && 'host' in facts;
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

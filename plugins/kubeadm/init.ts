/** `kubeadm init`: when a control plane is made, when it is made anew, and how it is taken back. */
import { type Change, cmd, fail, type Json, type Shell, step, type View } from '../../core/mod.ts';
import type { Cri, PodNetwork } from '../capabilities.ts';
import { LOST, proving, restoredOn, restoring } from '../etcd/restore.ts';
import { settling } from '../etcd/settle.ts';
import type { Access } from '../kubectl/api.ts';
import { since } from '../kubernetes/versions.ts';
import { silence } from './answering.ts';
import { initFlags } from './flags.ts';
import { AT_ONCE, leaving } from './leave.ts';
import { KUBECONFIG, nodeName, PLANE } from './nodes.ts';
import { isBlank, partsOn, planeOn } from './parts.ts';
import { PODS } from './static-pods.ts';
import { mayGo } from './staying.ts';
import { clearing, NOTED, NOTING } from './traces.ts';

export const CONFIG = '/etc/cc/kubeadm.json';

export interface InitOptions {
  readonly version: string;
  readonly kubeadm: string;
  readonly kubectl: string;
  readonly dns: boolean;
  readonly preflight: boolean;
  readonly runtime: Cri;
  readonly network: PodNetwork;
  /** The API, on this host and on each other one of the control plane. */
  readonly access: Access;
  /** The hosts of the control plane. */
  readonly planes: readonly string[];
  /** Has this host join by another one that has the cluster. */
  readonly joined: (shell: Shell, by: Shell, name: string) => Promise<undefined>;
  readonly before: readonly string[];
  /** A snapshot of etcd on the controller, from which a new cluster goes on. */
  readonly restore?: string;
  /** All hosts that are or become nodes. */
  readonly nodes: readonly string[];
  /** Whether there are static pods of cc's own before kubeadm makes others. */
  readonly manifests?: true;
}

type InitFacts = {
  host: string;
  /** What other hosts of the control plane have, as far as this one has no cluster of its own. */
  others: { [host: string]: Other };
  admin: boolean;
  /** How many manifests of the control plane are there, and whole; that of etcd counts as such where etcd is elsewhere. */
  manifests: number;
  leftovers: boolean;
  /** What etcd keeps here; `blank`: an etcd that began with nothing. */
  etcd: 'data' | 'blank' | 'none';
  /** Whether cc has begun to restore it because those data were lost. */
  foundLost: boolean;
  /** Whether a snapshot was put here. */
  restored: boolean;
  complete: boolean;
  /** Whether the cluster has a DNS; null where the API does not say. */
  dns: boolean | null;
  noted: boolean;
};

/** What it has, or nobody can tell. */
type Other = Awaited<ReturnType<typeof planeOn>> | 'unreached';

/** What kubeadm has called cluster DNS: CoreDNS by default from 1.11 on. */
const DNS = ['coredns', 'kube-dns'];

export function init(options: InitOptions) {
  const { dns, runtime, before, network, restore } = options;
  const command = commandOf(options);
  const all = (why: string) => clearing({ runtime, network }, why);
  return step<InitFacts>({
    name: 'init',
    where: PLANE,
    // It may have joined one that was the first before it; then its node stands for the cluster, too.
    heirOf: options.planes.length > 1 ? ['join'] : ['join', 'node'],
    needs: before,
    inputs: { command: command.argv as Json, dns },
    timeout: 900,
    settles: 60,
    probe: (view) => probeInit(view, options),
    plan: (facts, last) => {
      const appliedBefore = last.current || last.facts !== undefined;
      if (facts.complete && facts.dns !== null && facts.dns !== dns) otherwise(facts.host, options);
      const isLost =
        facts.leftovers && facts.etcd !== 'data' && (facts.foundLost || last.facts !== undefined);
      const isWhole = facts.admin && facts.manifests === PODS.length && !isLost;
      if (isWhole && facts.complete && facts.restored && last.unfinished)
        return [settling(options, 'the restore did not finish')];
      // An API that is silent now does not make a cluster unfinished that was finished once.
      if (isWhole && (facts.complete || appliedBefore)) return [];
      if (facts.leftovers && last.facts !== undefined && !isLost) damaged();
      if (facts.leftovers && !appliedBefore && !last.unfinished) notOurs();
      const by = holderOf(facts, restore !== undefined);
      if (isLost && by === undefined && restore === undefined) lost(facts);
      const why = whyAnew(facts, isLost, by);
      const clear = [...(facts.leftovers ? all(why) : []), { kind: 'run', command: NOTING, why } as const];
      if (by !== undefined) return [...clear, rejoining(by, options, why)];
      return making(options, clear, { why, isLost });
    },
    beforeUndo: (view, undoing) => mayGo(view, options, undoing),
    undo: ({ host, leftovers, noted }, undoing) => {
      if (!leftovers && !noted) return [];
      const why = 'the control plane was made by kubeadm';
      const told = { name: host, plane: true, node: 'this' } as const;
      return [...leaving(told, { ...options, drain: AT_ONCE }, undoing, why), ...all(why)];
    },
  });
}

function commandOf(options: InitOptions) {
  const words = cmd`${options.kubeadm} init --config ${CONFIG} ${initFlags(options)}`;
  return { ...words, env: DIRECT, title: words.argv.join(' ') };
}

function whyAnew({ leftovers, etcd }: InitFacts, isLost: boolean, by: string | undefined): string {
  if (isLost) return etcd === 'none' ? 'the data of its etcd are gone' : 'its etcd has begun with nothing';
  if (leftovers) return `an earlier ${by ? 'join' : 'init'} did not finish`;
  return `there is no control plane${by ? ` here, and the cluster is on ${by}` : ''}`;
}

/** A cluster from nothing, or from a snapshot, which is proved before anything goes. */
function making(
  options: InitOptions,
  clear: readonly Change[],
  { why, isLost }: { readonly why: string; readonly isLost: boolean },
): readonly Change[] {
  const { version, restore, nodes } = options;
  const made: Change = { kind: 'run', command: commandOf(options), why };
  if (restore === undefined) return [...clear, made];
  const told = { version, file: restore, config: CONFIG, nodes, isLost };
  return [proving(told, why), ...clear, restoring(told, why), made, settling(options, why)];
}

/** The other host that has the cluster; undefined where none has any of one. A second cluster is worse than none. */
function holderOf({ host, others }: InitFacts, restores: boolean): string | undefined {
  const having = (what: Other) => Object.keys(others).find((name) => others[name] === what);
  const [whole, unreached, part, gone] = [
    having('whole'),
    having('unreached'),
    having('part'),
    having('lost'),
  ];
  if (whole !== undefined) return whole;
  const what = 'look for the cluster on its other control planes';
  if (unreached !== undefined)
    return fail({ kind: 'cannot-tell', host, what, why: `${unreached} cannot be looked at` });
  // Those that have lost all they knew join what is restored.
  if (part === undefined && (restores || gone === undefined)) return undefined;
  const reasons = [
    `${part ?? gone} has a part of a control plane, and no host has a whole one`,
    `make that one whole, or give it up: cc run cleanup --limit ${part ?? gone}`,
  ];
  return fail({ kind: 'check-failed', host, what: 'the cluster can be made here', reasons });
}

/** This host was made anew, and the cluster lives on others. */
function rejoining(by: string, options: InitOptions, why: string): Change {
  const script = async (shell: Shell) => {
    const other = await shell.on(by);
    await shell.until(`the API on ${by} answers`, 120, () => silence(other.view, options));
    return options.joined(shell, other, await nodeName(shell.view));
  };
  return { kind: 'script', title: `have it join the control plane by ${by}`, why, script };
}

/** Whether there is a cluster DNS is said to init alone. */
function otherwise(host: string, { kubeadm, kubectl, dns, version }: InitOptions): never {
  const [none, some] = ['none', 'what kubeadm brings'];
  const phase = `${kubeadm} init phase addon coredns --config ${CONFIG}`;
  const make = since('phases', version) ? `on ${host}: ${phase}` : 'cc run cleanup, then cc run all';
  const drop = `on ${host}: ${kubectl} --kubeconfig ${KUBECONFIG} -n kube-system delete deployment ${DNS.join(' ')} --ignore-not-found`;
  return fail({
    kind: 'cannot-change',
    host,
    what: 'the cluster',
    differences: [{ what: 'its DNS', is: dns ? none : some, declared: dns ? some : none }],
    fix: `declare kubeadm.dns: ${!dns}; or ${dns ? make : drop}`,
  });
}

/** kubeadm hands proxies that it finds in its environment to every pod of the control plane: cmd/kubeadm/app/util/env.go. */
export const DIRECT = Object.fromEntries(
  ['http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'].flatMap((name) => [
    [name, ''],
    [name.toUpperCase(), ''],
  ]),
);

/** A cluster that was finished once holds data; a file of it that is gone is no reason to throw that away. */
function damaged(): never {
  const reasons = [
    `${KUBECONFIG} or a manifest below /etc/kubernetes/manifests is gone or empty`,
    'put it back, or give the cluster up: cc run cleanup',
  ];
  return fail({ kind: 'check-failed', host: 'the control plane', what: 'the cluster is whole', reasons });
}

/** Nothing is left of it but what a snapshot has. */
function lost({ host, etcd }: InitFacts): never {
  const what =
    etcd === 'none' ? 'etcd has no data here' : 'the API answers, and knows nothing of the cluster';
  const reasons = [
    `${what}, and no other control plane has the cluster`,
    "have it go on from a snapshot: kubeadm: { restore: '/path/to/etcd-….tar' }; or give it up: cc run cleanup",
  ];
  return fail({ kind: 'check-failed', host, what: 'the cluster is whole', reasons });
}

/** State of a cluster that cc has no record of: somebody's, and not to be reset. */
function notOurs(): never {
  const reasons = [
    '/etc/kubernetes, /var/lib/etcd or /var/lib/kubelet hold a state that cc has not made',
    'move it away, or reset that cluster by hand',
  ];
  return fail({
    kind: 'check-failed',
    host: 'the control plane',
    what: 'no other cluster is on this host',
    reasons,
  });
}

/**
 * kubeadm keeps no record of having finished; the last thing it leaves is kube-proxy's DaemonSet. An API that does not
 * answer now does not make a finished cluster unfinished: then the stamp says whether it was (`last.current`).
 */
async function probeInit(view: View, { kubectl, planes, access }: InitOptions): Promise<InitFacts> {
  const { admin, manifests, leftovers, data } = await partsOn(view);
  const call = cmd`${kubectl} --kubeconfig ${KUBECONFIG} --request-timeout=10s -n kube-system`.argv;
  const look = cmd`${call} get daemonset/kube-proxy ${DNS.map((name) => `deployment/${name}`)} --ignore-not-found -o name`;
  const text = admin && manifests === PODS.length ? await view.ask(look) : undefined;
  const found = text?.split('\n').map((line) => line.slice(line.indexOf('/') + 1));
  const complete = found?.includes('kube-proxy') ?? false;
  const others = complete && data ? [] : planes.filter((name) => name !== view.name);
  const blank = found !== undefined && !complete && (await isBlank(view, access));
  return {
    host: view.name,
    others: Object.fromEntries(
      await Promise.all(others.map(async (name) => [name, await otherOn(view, name)])),
    ),
    admin,
    manifests,
    leftovers,
    etcd: data ? (blank ? 'blank' : 'data') : 'none',
    foundLost: (await view.stat(LOST)) !== undefined,
    restored: (await restoredOn(view)) !== undefined,
    complete,
    dns: found ? DNS.some((name) => found.includes(name)) : null,
    noted: (await view.stat(NOTED)) !== undefined,
  };
}

async function otherOn(view: View, name: string): Promise<Other> {
  try {
    return await planeOn(await view.on(name));
  } catch {
    return 'unreached';
  }
}

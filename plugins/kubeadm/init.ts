/** `kubeadm init`: when a control plane is made, when it is made anew, and how it is taken back. */
import { type Change, cmd, fail, type Json, type Shell, step, type View } from '../../core/mod.ts';
import type { Cri, PodNetwork } from '../capabilities.ts';
import { restoring } from '../etcd/restore.ts';
import type { Access } from '../kubectl/api.ts';
import { since } from '../kubernetes/versions.ts';
import { imageOf } from './existing.ts';
import { AT_ONCE, leaving } from './leave.ts';
import { KUBECONFIG, nodeName, PLANE } from './nodes.ts';
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
}

type Checked = Pick<InitOptions, 'version' | 'preflight' | 'restore'>;

/** Checks of kubeadm's own that fail where nothing is wrong. */
function ignored({ version, restore }: Checked): readonly string[] {
  return [
    // kubelet is told that swap is no reason to fail.
    ...(since('swap', version) ? [] : ['Swap']),
    // With a configuration file these cannot be told of a runtime other than Docker; and the last knows kernels to 4.x.
    ...(since('noDocker', version) ? [] : ['CRI', 'Service-Docker', 'SystemVerification']),
    ...(restore === undefined ? [] : ['DirAvailable--var-lib-etcd']),
  ];
}

/** What kubeadm is told of its checks, and the phases that it leaves out, where its configuration has no words for them. */
function flagsOf(options: Checked, phased: boolean, without: readonly string[]): readonly string[] {
  const { preflight } = options;
  const passed = ignored(options);
  if (!phased) return [`--ignore-preflight-errors=${preflight ? passed.join(',') : 'all'}`];
  const phases = [...(preflight ? [] : ['preflight']), ...without];
  return [
    ...(phases.length > 0 ? [`--skip-phases=${phases.join(',')}`] : []),
    ...(preflight && passed.length > 0 ? [`--ignore-preflight-errors=${passed.join(',')}`] : []),
  ];
}

export function initFlags(options: Checked & Pick<InitOptions, 'dns'>): readonly string[] {
  return flagsOf(options, since('phases', options.version), options.dns ? [] : ['addon/coredns']);
}

export function joinFlags(options: Checked): readonly string[] {
  return flagsOf(options, since('joinPhases', options.version), []);
}

type InitFacts = {
  host: string;
  /** What other hosts of the control plane have, as far as this one has no cluster of its own. */
  others: { [host: string]: Other };
  admin: boolean;
  /** How many manifests of the control plane are there, and whole. */
  manifests: number;
  leftovers: boolean;
  complete: boolean;
  /** Whether the cluster has a DNS; null where the API does not say. */
  dns: boolean | null;
  noted: boolean;
};

/** A whole control plane, a part of one, none; or nobody can tell. */
type Other = 'whole' | 'part' | 'none' | 'unreached';

/** What kubeadm has called cluster DNS: CoreDNS by default from 1.11 on. */
const DNS = ['coredns', 'kube-dns'];
const MANIFESTS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

export function init(options: InitOptions) {
  const { dns, runtime, before, network } = options;
  const command = commandOf(options);
  const all = (why: string) => clearing({ runtime, network }, why);
  return step<InitFacts>({
    name: 'init',
    where: PLANE,
    needs: before,
    inputs: { command: command.argv as Json, dns },
    timeout: 900,
    settles: 60,
    probe: (view) => probeInit(view, options),
    plan: (facts, last) => {
      const appliedBefore = last.current || last.facts !== undefined;
      if (facts.complete && facts.dns !== null && facts.dns !== dns) otherwise(facts.host, options);
      // An API that is silent now does not make a cluster unfinished that was finished once.
      if (facts.admin && facts.manifests === MANIFESTS.length && (facts.complete || appliedBefore)) return [];
      if (facts.leftovers && last.facts !== undefined) damaged();
      if (facts.leftovers && !appliedBefore && !last.unfinished) notOurs();
      const by = holderOf(facts);
      const why = facts.leftovers
        ? `an earlier ${by ? 'join' : 'init'} did not finish`
        : `there is no control plane${by ? ` here, and the cluster is on ${by}` : ''}`;
      return [
        ...(facts.leftovers ? all(why) : []),
        { kind: 'run', command: NOTING, why },
        ...(by ? [rejoining(by, options, why)] : making(options, why)),
      ];
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

/** A cluster from nothing, or from a snapshot. */
function making(options: InitOptions, why: string): readonly Change[] {
  const { version, restore } = options;
  return [
    ...(restore === undefined ? [] : [restoring({ version, file: restore, config: CONFIG }, why)]),
    { kind: 'run', command: commandOf(options), why },
  ];
}

/** The other host that has the cluster; undefined where none has any of one. A second cluster is worse than none. */
function holderOf({ host, others }: InitFacts): string | undefined {
  const having = (what: Other) => Object.keys(others).find((name) => others[name] === what);
  const [whole, unreached, part] = [having('whole'), having('unreached'), having('part')];
  if (whole !== undefined) return whole;
  const what = 'look for the cluster on its other control planes';
  if (unreached !== undefined)
    return fail({ kind: 'cannot-tell', host, what, why: `${unreached} cannot be looked at` });
  if (part === undefined) return undefined;
  const reasons = [
    `${part} has a part of a control plane, and no host has a whole one`,
    `make that one whole, or give it up: cc run cleanup --limit ${part}`,
  ];
  return fail({ kind: 'check-failed', host, what: 'the cluster can be made here', reasons });
}

/** This host was made anew, and the cluster lives on others. */
function rejoining(by: string, { joined }: InitOptions, why: string): Change {
  const script = async (shell: Shell) => joined(shell, await shell.on(by), await nodeName(shell.view));
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

/** What a host has of a control plane: all of it, or something that one leaves. */
export async function planeOn(view: View): Promise<{ readonly whole: boolean; readonly left: boolean }> {
  const { admin, there, left } = await partsOn(view);
  return { whole: admin && there === MANIFESTS.length, left };
}

async function partsOn(view: View) {
  const admin = (await view.stat(KUBECONFIG)) !== undefined;
  const manifests = await Promise.all(
    MANIFESTS.map((name) => view.text(`/etc/kubernetes/manifests/${name}.yaml`)),
  );
  const there = manifests.filter((text) => imageOf(text) !== undefined).length;
  const left = await Promise.all(
    ['/etc/kubernetes/pki', '/var/lib/etcd', '/var/lib/kubelet/config.yaml'].map((path) => view.stat(path)),
  );
  return { admin, there, left: admin || [...manifests, ...left].some((each) => each !== undefined) };
}

/**
 * kubeadm keeps no record of having finished; the last thing it leaves is kube-proxy's DaemonSet. An API that does not
 * answer now does not make a finished cluster unfinished: then the stamp says whether it was (`last.current`).
 */
async function probeInit(view: View, { kubectl, planes }: InitOptions): Promise<InitFacts> {
  const { admin, there, left: leftovers } = await partsOn(view);
  const call = cmd`${kubectl} --kubeconfig ${KUBECONFIG} --request-timeout=10s -n kube-system`.argv;
  const look = cmd`${call} get daemonset/kube-proxy ${DNS.map((name) => `deployment/${name}`)} --ignore-not-found -o name`;
  const text = admin && there === MANIFESTS.length ? await view.ask(look) : undefined;
  const found = text?.split('\n').map((line) => line.slice(line.indexOf('/') + 1));
  const complete = found?.includes('kube-proxy') ?? false;
  const others = complete ? [] : planes.filter((name) => name !== view.name);
  return {
    host: view.name,
    others: Object.fromEntries(
      await Promise.all(others.map(async (name) => [name, await otherOn(view, name)])),
    ),
    admin,
    manifests: there,
    leftovers,
    complete,
    dns: found ? DNS.some((name) => found.includes(name)) : null,
    noted: (await view.stat(NOTED)) !== undefined,
  };
}

async function otherOn(view: View, name: string): Promise<Other> {
  try {
    const { whole, left } = await planeOn(await view.on(name));
    return whole ? 'whole' : left ? 'part' : 'none';
  } catch {
    return 'unreached';
  }
}

/** `kubeadm join`: when a host becomes a node of the cluster, and when it does so anew. */
import { cmd, fail, type Json, type Shell, step, type View } from '../../core/mod.ts';
import type { Cri, PodNetwork } from '../capabilities.ts';
import { type Access, callOf, cannotTell } from '../kubectl/api.ts';
import { DIRECT, joinFlags } from './init.ts';
import { joinConfig } from './join-config.ts';
import { leaving } from './leave.ts';
import { NODE_KUBECONFIG, nodeName, nodeOf, PLANE, WORKERS } from './nodes.ts';
import { clearing, NOTED, NOTING } from './traces.ts';

export interface JoinOptions {
  readonly version: string;
  readonly kubeadm: string;
  readonly preflight: boolean;
  readonly runtime: Cri;
  readonly network: PodNetwork;
  /** The API, on the control plane. */
  readonly access: Access;
  readonly before: readonly string[];
}

const AUTHORITY = '/etc/kubernetes/pki/ca.crt';
const LEFT = ['/etc/kubernetes/bootstrap-kubelet.conf', AUTHORITY, '/var/lib/kubelet/config.yaml'];

/**
 * Hands the configuration over by a file that nobody else can read, and that goes whatever happens, also when the runner is gone.
 * What kubeadm makes itself has its own modes.
 */
export const JOIN = `set -eu
file=/run/cc-kubeadm-join.json
trap 'rm -f -- "$file"' EXIT
trap 'exit 143' HUP INT TERM
rm -f -- "$file"
(umask 077; set -C; cat >"$file")
"$@" --config "$file" </dev/null`;

type JoinFacts = {
  host: string;
  name: string;
  /** Whether it has what a node asks the API with. */
  joined: boolean;
  /** Whether that is for the cluster of this recipe; null where that has no authority yet. */
  ours: boolean | null;
  /** What the cluster has under that name: this host, another one, nothing; or nobody can tell. */
  node: 'this' | 'another' | 'none' | 'unknown';
  why: string;
  leftovers: boolean;
  noted: boolean;
};

export function join(options: JoinOptions) {
  const { kubeadm, runtime, network, access, before } = options;
  const argv = cmd`${kubeadm} join ${joinFlags(options)}`.argv;
  const title = `have it join by ${argv.join(' ')}`;
  const clear = (why: string) => clearing({ runtime, network }, why);
  return step<JoinFacts>({
    name: 'join',
    where: WORKERS,
    needs: before,
    inputs: { command: argv as Json },
    timeout: 900,
    settles: 120,
    probe: (view) => probeJoin(view, access),
    plan: (facts, last) => {
      const known = last.current || last.facts !== undefined;
      const why = lacking(facts, known);
      if (why === undefined) return [];
      if (facts.leftovers && !known && !last.unfinished) notOurs(facts.host);
      if (facts.node === 'another') taken(facts);
      const script = (shell: Shell) => joining(shell, facts.name, options);
      return [
        ...(facts.leftovers ? clear(why) : []),
        { kind: 'run', command: NOTING, why },
        { kind: 'script', title, why, script },
      ];
    },
    undo: ({ name, node, leftovers, noted }) => {
      if (!leftovers && !noted) return [];
      const why = 'kubeadm has made it a node';
      return [...(node === 'this' ? [leaving(name, access, why)] : []), ...clear(why)];
    },
  });
}

/** Why a host has to join. An API that is silent now does not end what joined once. */
function lacking({ host, name, joined, ours, node, why, leftovers }: JoinFacts, known: boolean) {
  if (!joined) return leftovers ? 'an earlier join did not finish' : 'it is no node of the cluster';
  if (ours === false) return 'it is a node of a cluster that is not there any more';
  if (node === 'none') return `the cluster has no node ${name}`;
  if (node === 'unknown' && !known) return cannotTell(host, why);
  return undefined;
}

/** State of a cluster that cc has no record of. */
function notOurs(host: string): never {
  const reasons = [
    '/etc/kubernetes or /var/lib/kubelet hold a state that cc has not made',
    'move it away, or reset that node by hand: kubeadm reset',
  ];
  return fail({ kind: 'check-failed', host, what: 'it is a node of no other cluster', reasons });
}

function taken({ host, name }: JoinFacts): never {
  const reasons = [
    `the cluster has a node ${name}, and none of its addresses is one of this host`,
    `give this host another name: hostnamectl set-hostname NAME; or, if that node is gone: kubectl delete node ${name}`,
  ];
  return fail({ kind: 'check-failed', host, what: 'its name is free in the cluster', reasons });
}

async function probeJoin(view: View, access: Access): Promise<JoinFacts> {
  const [conf, authority, noted, ...left] = await Promise.all([
    view.stat(NODE_KUBECONFIG),
    view.text(AUTHORITY),
    view.stat(NOTED),
    ...LEFT.map((path) => view.stat(path)),
  ]);
  const name = await nodeName(view);
  return {
    host: view.name,
    name,
    joined: conf !== undefined,
    ...(await inCluster(view, name, authority, access)),
    leftovers: [conf, ...left].some((each) => each !== undefined),
    noted: noted !== undefined,
  };
}

/** What the control plane knows of a host. */
async function inCluster(view: View, name: string, authority: string | undefined, access: Access) {
  const plane = await view.on(PLANE);
  const theirs = await plane.text(AUTHORITY);
  const ours = theirs === undefined ? null : theirs === authority;
  const answer = await nodeOf(plane, access, name);
  if (answer.kind === 'none') return { ours, node: 'none', why: '' } as const;
  if (answer.kind === 'silent') return { ours, node: 'unknown', why: answer.why } as const;
  if (answer.node === undefined) return { ours, node: 'none', why: '' } as const;
  const own = (await view.ask(cmd`ip -o -4 address show`)) ?? '';
  const addresses = (answer.node.status.addresses ?? []).filter(({ type }) => type === 'InternalIP');
  const isThis = addresses.some(({ address }) => own.includes(` ${address}/`));
  return { ours, node: isThis ? 'this' : 'another', why: '' } as const;
}

/** The token is known to this process, to standard inputs and to the API; it goes with the join, or after ten minutes by itself. */
async function joining(shell: Shell, name: string, options: JoinOptions): Promise<undefined> {
  const { version, runtime, access, kubeadm } = options;
  const { nameOf, objectOf, pinsOf, token } = await import('./token.ts'); // OpenSSL takes a while to load
  const plane = await shell.on(PLANE);
  const call = callOf(access);
  const authority = (await plane.view.text(AUTHORITY)) ?? '';
  const shown = 'jsonpath={.clusters[0].cluster.server}';
  const server = await plane.view.read(cmd`${call} config view -o ${shown}`);
  const own = token();
  const whole = `${own.id}.${own.secret}`;
  for (const value of [whole, own.secret]) shell.conceal('bootstrap token', value);
  // Its own clock is the one that the API goes by.
  const until = await plane.view.read(cmd`date -u -d ${'+10 minutes'} +%Y-%m-%dT%H:%M:%SZ`);
  // What a machine of this name and address left that was made anew.
  await plane.run(cmd`${call} delete node ${name} --ignore-not-found`);
  await plane.run({ ...cmd`${call} create -f -`, input: objectOf(own, until.trim()) });
  const remove = () => plane.run(cmd`${call} -n kube-system delete secret ${nameOf(own)} --ignore-not-found`);
  const config = joinConfig({
    ...{ version, criSocket: runtime.socket, token: whole, pins: pinsOf(authority) },
    endpoint: server.trim().replace(/^https:\/\//, ''),
  });
  const words = cmd`${kubeadm} join ${joinFlags(options)}`.argv;
  const command = { ...cmd`sh -c ${JOIN} cc ${words}`, env: DIRECT, title: words.join(' ') };
  try {
    await shell.run({ ...command, input: config });
  } catch (error) {
    await remove().catch(() =>
      plane.log('the token could not be removed; it ends by itself after 10 minutes\n'),
    );
    throw error;
  }
  await remove();
  return undefined;
}

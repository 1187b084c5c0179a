/** What has a host join, by another one that has the cluster: a token, the configuration, and what control planes share. */
import { cmd, fail, type Shell, type View } from '../../core/mod.ts';
import type { Cri, PodNetwork } from '../capabilities.ts';
import { type Access, asked, callOf, insisted, unanswered } from '../kubectl/api.ts';
import { type Addresses, addressOn, type Others } from './address.ts';
import { AUTHORITY, carried, withdrawn } from './authority.ts';
import { forgotten } from './etcd.ts';
import { joinFlags } from './flags.ts';
import { DIRECT } from './init.ts';
import { joinConfig } from './join-config.ts';
import { ownAddresses } from './nodes.ts';
import { manifestOf } from './static-pods.ts';

export interface Joining {
  readonly version: string;
  readonly kubeadm: string;
  readonly preflight: boolean;
  /** See `InitOptions`. */
  readonly manifests?: true;
  readonly runtime: Cri;
  readonly network: PodNetwork;
  /** The API, on the control plane. */
  readonly access: Access;
  /** The hosts of the control plane, and by which of its addresses each host is known, where the recipe says so. */
  readonly planes: readonly string[];
  readonly addresses: Addresses;
  readonly others: Others;
}

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

/**
 * The token is known to this process, to standard inputs and to the API; it goes with the join, or after ten minutes by itself.
 * requires: no etcd of this host is alive, where it is to be a control plane.
 */
export async function joined(shell: Shell, plane: Shell, name: string, options: Joining): Promise<undefined> {
  const { access, planes } = options;
  const { nameOf, objectOf, token } = await import('./token.ts'); // OpenSSL takes a while to load
  const call = callOf(access);
  const own = token();
  const whole = `${own.id}.${own.secret}`;
  for (const value of [whole, own.secret]) shell.conceal('bootstrap token', value);
  // Its own clock is the one that the API goes by.
  const until = await plane.view.read(cmd`date -u -d ${'+10 minutes'} +%Y-%m-%dT%H:%M:%SZ`);
  const isPlane = planes.includes(shell.view.name);
  // What a machine of this name and address left that was made anew.
  if (isPlane)
    await forgotten(plane, { name, addresses: await ownAddresses(shell.view), within: 120 }, options);
  // While members of etcd come, the API may have no answer for a moment.
  await insisted(plane, cmd`${call} delete node ${name} --ignore-not-found`);
  // Made already, where only the answer was lost.
  await insisted(plane, { ...cmd`${call} apply -f -`, input: objectOf(own, until.trim()) });
  const secret = cmd`${call} -n kube-system delete secret ${nameOf(own)} --ignore-not-found`;
  const remove = () => insisted(plane, secret);
  try {
    const config = await configured(shell.view, plane.view, whole, options);
    if (isPlane) await carried(plane, shell);
    await shell.run({ ...joinCommand(options), input: config });
  } catch (error) {
    if (isPlane) await readmitted(shell, plane, access).catch(() => plane.log('etcd does not answer yet\n'));
    await remove().catch(() =>
      plane.log('the token could not be removed; it ends by itself after 10 minutes\n'),
    );
    if (isPlane) await withdrawn(shell);
    throw error;
  }
  await remove();
  return undefined;
}

/**
 * A member that was added and does not start leaves the only other one without a majority. kubelet 1.20 refuses the pod of etcd for
 * good as long as it does not know its disk; once it starts anew it asks again. The next run needs etcd to begin the join anew.
 */
async function readmitted(shell: Shell, plane: Shell, access: Access): Promise<void> {
  const silent = async () => {
    const answer = await asked(plane.view, access, cmd`get --raw /healthz/etcd`);
    return answer.kind === 'answered' ? undefined : unanswered(answer);
  };
  if ((await shell.view.stat(manifestOf('etcd'))) === undefined || (await silent()) === undefined) return;
  await shell.run(cmd`systemctl restart kubelet.service`);
  await shell.until('etcd answers again', 120, silent);
}

function joinCommand(options: Joining) {
  const words = cmd`${options.kubeadm} join ${joinFlags(options)}`.argv;
  return { ...cmd`sh -c ${JOIN} cc ${words}`, env: DIRECT, title: words.join(' ') };
}

/** What kubeadm is told on a host, by what the control plane says of the cluster. */
async function configured(view: View, plane: View, token: string, options: Joining): Promise<string> {
  const { version, runtime, access, planes } = options;
  const { pinsOf } = await import('./token.ts');
  const shown = 'jsonpath={.clusters[0].cluster.server}';
  const server = await plane.read(cmd`${callOf(access)} config view -o ${shown}`);
  return joinConfig({
    ...{ version, criSocket: runtime.socket, token, pins: pinsOf((await plane.text(AUTHORITY)) ?? '') },
    endpoint: server.trim().replace(/^https:\/\//, ''),
    ...(planes.includes(view.name) ? { plane: await advertised(view, options) } : {}),
  });
}

/** By which of its addresses its API is reached, where the recipe says so. */
async function advertised(view: View, { addresses, others }: Joining) {
  const declared = addresses.get(view.name);
  if (declared === undefined) return {};
  const found = await addressOn(view, declared, others);
  if ('address' in found) return found;
  const what = 'it is known by which address others reach it';
  return fail({ kind: 'check-failed', host: view.name, what, reasons: found.lacks });
}

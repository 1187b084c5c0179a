/** A node whose pods go elsewhere: nothing new comes, and what is there leaves as its budgets allow, or all stays as it was. */
import { type Command, cmd, fail, type Shell, type View } from '../../core/mod.ts';
import { since } from '../kubernetes/versions.ts';
import { type Access, asked, callOf, cannotTell, insisted } from './api.ts';
import { budgets, called, held, isAlone, movable, type Pod } from './pods.ts';

/** Says on a node that cc has cordoned it: whoever else did so has it uncordoned by nobody. */
export const CORDONED = 'cc/cordoned';

export interface Draining {
  /** Of Kubernetes, and of kubectl. */
  readonly version: string;
  /** Seconds. */
  readonly within: number;
  /** Also ends pods that nobody would make again. */
  readonly force?: boolean;
}

/** `silent`: its kubelet says nothing, and could end no pod. */
export type Drained = 'drained' | 'silent' | 'absent';

interface Node {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly unschedulable?: boolean };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** Shown of many pods. */
const SHOWN = 10;

/**
 * Has a node's pods go elsewhere. `shell` is of the host on which the cluster is asked. ensures: where it fails, the node takes pods
 * again, if it did before; else the node is cordoned.
 */
export async function drained(
  shell: Shell,
  access: Access,
  name: string,
  draining: Draining,
): Promise<Drained> {
  const node = await nodeIn(shell.view, access, name);
  if (node === undefined) return 'absent';
  if (!isHeard(node)) return 'silent';
  if (!draining.force) await refuseAlone(shell.view, access, name);
  if (!node.spec.unschedulable) await marked(shell, access, name, { [CORDONED]: 'yes' }, true);
  try {
    await insisted(shell, drainOf(access, name, draining));
  } catch (error) {
    const now = await nodeIn(shell.view, access, name).catch(() => node);
    if (now !== undefined && !isHeard(now)) return 'silent';
    const left = await leftOn(shell.view, access, name).catch(() => []);
    await uncordoned(shell, access, name).catch(() =>
      shell.log(`${name} could not be uncordoned: kubectl uncordon ${name}\n`),
    );
    if (left.length === 0) throw error;
    const what = `the pods of ${name} go elsewhere within ${draining.within} s`;
    return fail({ kind: 'check-failed', host: shell.view.name, what, reasons: left }, error);
  }
  return 'drained';
}

/** Lets a node take pods again that cc has cordoned, and no other. Whether it was such a one. */
export async function uncordoned(shell: Shell, access: Access, name: string): Promise<boolean> {
  const node = await nodeIn(shell.view, access, name);
  if (node?.metadata.annotations?.[CORDONED] === undefined) return false;
  await marked(shell, access, name, { [CORDONED]: null }, null);
  return true;
}

/** `--delete-local-data` until 1.19. */
function drainOf(access: Access, name: string, { version, within, force }: Draining): Command {
  const emptied = since('emptyDir', version) ? '--delete-emptydir-data' : '--delete-local-data';
  const flags = ['--ignore-daemonsets', emptied, ...(force ? ['--force'] : []), `--timeout=${within}s`];
  return cmd`${callOf(access)} drain ${name} ${flags}`;
}

/** Both in one request, so that nobody finds a node of which cannot be told who has cordoned it. */
async function marked(
  shell: Shell,
  access: Access,
  name: string,
  annotations: Readonly<Record<string, string | null>>,
  unschedulable: true | null,
): Promise<void> {
  const patch = JSON.stringify({ metadata: { annotations }, spec: { unschedulable } });
  const title = `kubectl ${unschedulable ? 'cordon' : 'uncordon'} ${name}`;
  await insisted(shell, { ...cmd`${callOf(access)} patch node ${name} --type=merge -p ${patch}`, title });
}

async function nodeIn(view: View, access: Access, name: string): Promise<Node | undefined> {
  const answer = await asked(view, access, cmd`get node ${name} --ignore-not-found -o json`);
  if (answer.kind === 'silent') return cannotTell(view.name, answer.why);
  return answer.kind === 'none' || answer.text.trim() === '' ? undefined : (JSON.parse(answer.text) as Node);
}

/** Whether its kubelet has told of itself lately, be it that the node is not ready. */
function isHeard({ status }: Node): boolean {
  return status?.conditions?.find(({ type }) => type === 'Ready')?.status !== 'Unknown';
}

async function refuseAlone(view: View, access: Access, name: string): Promise<void> {
  const alone = (await movable(view, access, name)).filter(isAlone);
  if (alone.length === 0) return;
  const removal = ({ metadata }: Pod) => `kubectl -n ${metadata.namespace} delete pod ${metadata.name}`;
  const reasons = [
    ...shortened(alone.map((pod) => `${called(pod)} has no controller: ${removal(pod)}`)),
    `or have cc end all of them: --set kubeadm.drain='{"force":true}'`,
  ];
  fail({
    kind: 'check-failed',
    host: view.name,
    what: `the pods of ${name} are made again elsewhere`,
    reasons,
  });
}

async function leftOn(view: View, access: Access, name: string): Promise<readonly string[]> {
  const [pods, all] = await Promise.all([movable(view, access, name), budgets(view, access)]);
  return shortened(pods.map((pod) => `${called(pod)} is still there: ${held(pod, all)}`));
}

function shortened(lines: readonly string[]): readonly string[] {
  const more = lines.length - SHOWN;
  return more > 0 ? [...lines.slice(0, SHOWN), `and ${more} more`] : lines;
}

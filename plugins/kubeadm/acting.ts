/** Whether the controllers of a cluster act: seen by a Service and a pod that are made for it. */
import { cmd, type Shell, type View } from '../../core/mod.ts';
import { type Access, asked, callOf, insisted, unanswered } from '../kubectl/api.ts';

export const NAMESPACE = 'kube-system';
export const NAME = 'cc-controllers';

/** Seconds that controllers may take that are starting. */
export const STARTING = 90;

/** A Service, of which the controller manager makes endpoints, and a pod, of which the scheduler says that no node is for it. */
const askingAs = (name: string) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'List',
    items: [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace: NAMESPACE },
        spec: { selector: { app: name }, ports: [{ port: 9 }] },
      },
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: NAMESPACE },
        spec: {
          automountServiceAccountToken: false,
          nodeSelector: { 'cc/no-node': name },
          containers: [{ name: 'none', image: 'none' }],
        },
      },
    ],
  });

interface Answered {
  readonly kind: string;
  readonly status?: { readonly conditions?: readonly { readonly type: string }[] };
}

/**
 * Waits until they act, and fails where they do not: who drains a node relies on them to take its pods out of Services. `own` is the
 * host that asks, since several may do so at once.
 */
export function acting(shell: Shell, access: Access, own: string): Promise<void> {
  const name = `${NAME}-${own}`;
  return asking(shell, access, name, () =>
    shell.until(ACT, STARTING, () => lacking(shell.view, access, name)),
  );
}

export const ACT = 'the controllers of the cluster act';

/** Does something while a Service and a pod of a name are there. */
export async function asking(
  shell: Shell,
  access: Access,
  name: string,
  work: () => Promise<void>,
): Promise<void> {
  const call = cmd`${callOf(access)} -n ${NAMESPACE}`.argv as readonly string[]; // no artifacts
  const clear = () =>
    insisted(shell, cmd`${call} delete service,pod ${name} --ignore-not-found --force --grace-period=0`);
  await clear();
  await insisted(shell, { ...cmd`${call} apply -f -`, input: askingAs(name) });
  try {
    await work();
  } catch (error) {
    // What went wrong first is what is told.
    await clear().catch((second) => shell.log(`${name} is left in ${NAMESPACE}: ${second}\n`));
    throw error;
  }
  await clear();
}

/** Who has not acted, and on what. */
export async function lacking(view: View, access: Access, name: string): Promise<string | undefined> {
  const answer = await asked(
    view,
    access,
    cmd`-n ${NAMESPACE} get endpoints/${name} pod/${name} --ignore-not-found -o json`,
  );
  if (answer.kind !== 'answered') return unanswered(answer);
  const found = JSON.parse(answer.text || '{}') as Answered & { readonly items?: readonly Answered[] };
  const all = found.items ?? [found];
  const scheduler = all.some(({ status }) => status?.conditions?.some(({ type }) => type === 'PodScheduled'));
  const manager = all.some(({ kind }) => kind === 'Endpoints');
  const idle = [
    ...(manager ? [] : ['the controller manager makes no endpoints of a new Service']),
    ...(scheduler ? [] : ['the scheduler says nothing of a new pod']),
  ];
  return idle.length > 0 ? idle.join(', and ') : undefined;
}

/** Objects stand in the cluster as declared. */
import { type Change, cmd, type Json, type Need, type Shell, step, type View } from '../../core/mod.ts';
import type { Cluster } from '../capabilities.ts';
import { PLANE } from '../kubeadm/nodes.ts';

/** An object of the cluster, as far as it must be known here. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly [key: string]: Json | undefined;
  };
  readonly [key: string]: Json | undefined;
}

export interface AppliedAt {
  readonly name: string;
  readonly needs: readonly Need[];
  readonly cluster: Cluster;
  readonly objects: readonly KubeObject[];
}

type Facts = { found: readonly string[] };

/** Seconds that objects may take to go: a namespace goes when all in it is gone. */
const GOING = 180;

/** What kubectl says of a cluster that does not answer is that nothing is there; whoever makes the cluster is waited for. */
export function applied({ name, needs, cluster, objects }: AppliedAt) {
  const kubectl = callOf(cluster);
  const manifest = manifestOf(objects);
  const wanted = objects.map(named);
  return step<Facts>({
    name,
    where: PLANE,
    needs,
    inputs: { objects } satisfies Json,
    probe: async (view) => ({ found: await there(view, kubectl, manifest) }),
    plan: ({ found }, last) => {
      const missing = wanted.find((each) => !found.includes(each));
      const why = missing === undefined ? last.why : `${missing} is not there`;
      const apply: Change = {
        kind: 'run',
        command: { ...cmd`${kubectl} apply -f -`, input: manifest, title: `kubectl apply ${name}` },
        why,
      };
      return missing === undefined && last.current ? [] : [apply];
    },
    undo: ({ found }) =>
      found.length === 0
        ? []
        : [
            {
              kind: 'script',
              title: `kubectl delete ${name}`,
              why: `${found.join(', ')} made by cc`,
              script: (shell) => deleted(shell, kubectl, manifest),
            },
          ],
  });
}

export function callOf({ kubectl, kubeconfig }: Cluster): readonly string[] {
  return [kubectl, '--kubeconfig', kubeconfig, '--request-timeout=10s'];
}

/** JSON that kubectl reads. */
export function manifestOf(items: readonly KubeObject[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

async function there(view: View, kubectl: readonly string[], manifest: string): Promise<readonly string[]> {
  const text = await view.ask({ ...cmd`${kubectl} get -f - --ignore-not-found -o json`, input: manifest });
  if (text === undefined || text.trim() === '') return [];
  // One object is printed as itself, several as a list.
  const answer = JSON.parse(text) as KubeObject & { readonly items?: readonly KubeObject[] };
  return (answer.items ?? [answer]).map(named);
}

/** Ends when all is gone: not every kubectl waits for that by itself. */
async function deleted(shell: Shell, kubectl: readonly string[], manifest: string): Promise<undefined> {
  await shell.run({ ...cmd`${kubectl} delete -f - --ignore-not-found`, input: manifest });
  await shell.until('the objects are gone', GOING, async () => {
    const left = await there(shell.view, kubectl, manifest);
    return left.length === 0 ? undefined : `${left.join(', ')} going`;
  });
}

function named({ kind, metadata }: KubeObject): string {
  return [kind, metadata.namespace, metadata.name].filter(Boolean).join(' ');
}

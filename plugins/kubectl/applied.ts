/** Objects stand in the cluster as declared. */
import { cmd, type Json, type Need, step, type View } from '../../core/mod.ts';
import type { Cluster } from '../capabilities.ts';
import { PLANE } from '../kubeadm/nodes.ts';
import { NOTED } from '../kubeadm/traces.ts';
import { asked, callOf, cannotTell, telling } from './api.ts';

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

type Facts = {
  found: readonly string[];
  /** What kubectl says where the API does not answer, and whether cc has made its control plane, and so takes it away. */
  host?: string;
  silent?: string;
  ours?: boolean;
};

/**
 * DELETE KUBECTL...: what standard input lists goes. It ends when all is gone, for which not every kubectl waits by itself: a
 * namespace goes when all in it is gone. A command, so that a stamp can keep it.
 */
export const DELETE = `set -e
objects=$(cat)
printf %s "$objects" | "$@" delete -f - --ignore-not-found
end=$(($(date +%s) + 180))
while :; do
  left=$(printf %s "$objects" | "$@" get -f - --ignore-not-found -o name)
  [ -n "$left" ] || exit 0
  [ "$(date +%s)" -lt "$end" ] || { echo "not gone after 180 s: $left" >&2; exit 1; }
  sleep 1
done`;

/** Where there is no cluster nothing stands in it; one that does not answer may hold anything. */
export function applied({ name, needs, cluster, objects }: AppliedAt) {
  const manifest = manifestOf(objects);
  const wanted = objects.map(named);
  return step<Facts>({
    name,
    where: PLANE,
    needs,
    inputs: { objects } satisfies Json,
    probe: async (view) => {
      const found = await there(view, cluster, manifest);
      if (typeof found === 'object') return { found };
      return { found: [], host: view.name, silent: found, ours: (await view.stat(NOTED)) !== undefined };
    },
    plan: ({ found, host = '', silent }, last) => {
      if (silent !== undefined) cannotTell(host, silent);
      const missing = wanted.find((each) => !found.includes(each));
      const why = missing === undefined ? last.why : `${missing} is not there`;
      if (missing === undefined && last.current) return [];
      return [telling(cluster, { ...cmd`apply -f -`, input: manifest, title: `kubectl apply ${name}` }, why)];
    },
    undo: ({ found, host = '', silent, ours }) => {
      if (silent !== undefined && !ours) cannotTell(host, silent);
      if (found.length === 0) return [];
      const why = `${found.join(', ')} made by cc`;
      const words = cmd`sh -c ${DELETE} cc ${callOf(cluster)}`;
      return [{ kind: 'run', command: { ...words, input: manifest, title: `kubectl delete ${name}` }, why }];
    },
    leaves: ({ silent }) =>
      silent === undefined
        ? undefined
        : `left to go with the control plane, whose API does not answer: ${wanted.join(', ')}`,
  });
}

/** JSON that kubectl reads. */
export function manifestOf(items: readonly KubeObject[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

/** Which of the objects are there; or why that cannot be told. */
async function there(view: View, cluster: Cluster, manifest: string): Promise<readonly string[] | string> {
  const answer = await asked(view, cluster, {
    ...cmd`get -f - --ignore-not-found -o json`,
    input: manifest,
  });
  if (answer.kind === 'silent') return answer.why;
  if (answer.kind === 'none' || answer.text.trim() === '') return [];
  // One object is printed as itself, several as a list.
  const found = JSON.parse(answer.text) as KubeObject & { readonly items?: readonly KubeObject[] };
  return (found.items ?? [found]).map(named);
}

function named({ kind, metadata }: KubeObject): string {
  return [kind, metadata.namespace, metadata.name].filter(Boolean).join(' ');
}

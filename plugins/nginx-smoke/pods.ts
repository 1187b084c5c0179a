/** Pods of the smoke test as the cluster has them, and what they wait for. */
import { cmd, type Shell } from '../../core/mod.ts';
import { type Access, answerOf } from '../kubectl/api.ts';
import type { Made } from './isolation.ts';
import { NAMESPACE } from './manifests.ts';

export interface Pod {
  readonly metadata: Made & { readonly name: string };
  readonly spec?: { readonly nodeName?: string };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
    }[];
    readonly containerStatuses?: readonly {
      readonly ready: boolean;
      readonly state: { readonly waiting?: { readonly reason: string; readonly message?: string } };
    }[];
  };
}

export async function podsOf(shell: Shell, access: Access): Promise<readonly Pod[]> {
  return JSON.parse(await answerOf(shell, access, cmd`-n ${NAMESPACE} get pods -o json`)).items;
}

/** Why the pods are not all ready, in the words of the cluster; undefined when they are. */
export function unready(items: readonly Pod[], count: number): string | undefined {
  const ready = items.filter(({ status }) => status.containerStatuses?.every(({ ready }) => ready));
  if (items.length === count && ready.length === count) return undefined;
  const waiting = items
    .filter((pod) => !ready.includes(pod))
    .map(({ metadata, spec, status }) => {
      const state = status.containerStatuses?.find(({ ready }) => !ready)?.state.waiting;
      const condition = status.conditions?.find(({ status }) => status !== 'True');
      const on = spec?.nodeName === undefined ? '' : ` on ${spec.nodeName}`;
      return `${metadata.name} ${status.phase}${on}: ${state?.message ?? state?.reason ?? condition?.message ?? 'starting'}`;
    });
  return waiting.join('; ') || `${items.length} of ${count} pods are there`;
}

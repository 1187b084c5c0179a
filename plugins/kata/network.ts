/** How a pod's network reaches its machine: the models of Kata's runtimes, by release and by what a host has. */
import { atLeast } from '../capabilities.ts';
import { macvtapOr, type Rule, TCFILTER } from '../vm/preflight.ts';
import { RUST } from './release.ts';

export type Network = 'tcfilter' | 'macvtap';

export interface Model {
  readonly needs: readonly Rule[];
  /** The first release that has it no more. */
  readonly until?: string;
}

/**
 * src/runtime/virtcontainers/network_linux.go has both; src/runtime-rs/crates/resource/src/network/network_model has the first,
 * and takes every word that it does not know for no network at all.
 */
export const NETWORKS: Readonly<Record<Network, Model>> = {
  /** An ingress qdisc on the pod's interface and on the tap, each with a filter of u32 that redirects to the other. */
  tcfilter: { needs: [TCFILTER] },
  macvtap: { needs: macvtapOr('or set network to "tcfilter" for kata'), until: RUST },
};

/** Why a release has no such model; undefined when it has. */
export function lacksModel(version: string, network: Network): string | undefined {
  const { until } = NETWORKS[network];
  if (until === undefined || !atLeast(version, until)) return undefined;
  return `expected "tcfilter" for Kata ${until} and later, found "${network}"`;
}

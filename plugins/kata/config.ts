/** What cc adds to the configuration that a release of Kata brings: a file beside it that is read after it. */
import type { Hypervisor } from './release.ts';

export interface Machine {
  readonly vcpus: number;
  /** MiB. */
  readonly memory: number;
  /** The hypervisor's program, where it is not the release's own. */
  readonly path?: string;
}

/** Every `*.toml` in `config.d`, by name; numbers from 50 on are left to users: docs/helm-configuration.md. */
export const ADDITION = 'config.d/50-cc.toml';

export function addition(hypervisor: Hypervisor, { vcpus, memory, path }: Machine): string {
  const lines = [
    `[hypervisor.${hypervisor}]`,
    `default_vcpus = ${vcpus}`,
    `default_memory = ${memory}`,
    ...(path === undefined ? [] : [`path = "${path}"`]),
  ];
  return `${lines.join('\n')}\n`;
}

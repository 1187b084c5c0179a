/** What cc adds to the configuration that a release of Kata brings: a file beside it that is read after it. */
import type { Network } from './network.ts';
import type { Hypervisor } from './release.ts';

export interface Machine {
  readonly vcpus: number;
  /** MiB. */
  readonly memory: number;
  readonly network: Network;
  /** A QEMU that emulates the processor, and does without vhost, which the kernel may lack that has no KVM. */
  readonly emulator?: string;
}

/** Every `*.toml` in `config.d`, by name; numbers from 50 on are left to users: docs/helm-configuration.md. */
export const ADDITION = 'config.d/50-cc.toml';

export function addition(hypervisor: Hypervisor, machine: Machine): string {
  const { vcpus, memory, network, emulator } = machine;
  const lines = [
    `[hypervisor.${hypervisor}]`,
    `default_vcpus = ${vcpus}`,
    `default_memory = ${memory}`,
    ...(emulator === undefined ? [] : [`path = "${emulator}"`, 'disable_vhost_net = true']),
    // What a release says itself is tcfilter, of each hypervisor: DEFNETWORKMODEL in its Makefiles.
    ...(network === 'tcfilter' ? [] : ['', '[runtime]', `internetworking_model = "${network}"`]),
  ];
  return `${lines.join('\n')}\n`;
}

/** The configuration of cc-runtime, from values: https://github.com/clearcontainers/runtime, config.go of 3.0.21. */

import type { Network } from './network.ts';

type Value = string | number | boolean;
/** Tables and keys by the names that its reader knows; it takes no notice of others. */
type Configuration = Readonly<Record<string, Readonly<Record<string, Value>>>>;

export interface Runtime {
  readonly qemu: string;
  readonly kernel: string;
  readonly image: string;
  readonly proxy: string;
  readonly shim: string;
  readonly vcpus: number;
  /** MiB. */
  readonly memory: number;
  readonly network: Network;
  /** Added to what the runtime says to the guest's kernel. */
  readonly parameters: string;
  /** Hypervisor, proxy, shim and runtime tell the system's log what they do. */
  readonly debug: boolean;
}

/** No table for the agent: without one it is hyperstart, the only one that the guest image has. */
function configuration(runtime: Runtime): Configuration {
  const { qemu, kernel, image, proxy, shim, vcpus, memory, network, parameters, debug } = runtime;
  return {
    'hypervisor.qemu': {
      path: qemu,
      kernel,
      image,
      kernel_params: parameters,
      machine_type: 'pc',
      default_vcpus: vcpus,
      default_bridges: 1,
      default_memory: memory,
      disable_block_device_use: false,
      block_device_driver: 'virtio-scsi',
      enable_debug: debug,
    },
    'proxy.cc': { path: proxy, enable_debug: debug },
    'shim.cc': { path: shim, enable_debug: debug },
    runtime: { internetworking_model: network, enable_debug: debug },
  };
}

/** TOML; JSON writes strings, numbers and switches the same way. */
export function runtimeConfig(runtime: Runtime): string {
  const tables = Object.entries(configuration(runtime)).map(([name, keys]) => {
    const lines = Object.entries(keys).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
    return `[${name}]\n${lines.join('')}`;
  });
  return tables.join('\n');
}

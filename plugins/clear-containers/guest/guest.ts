/** What a virtual machine of Clear Containers boots, on the hosts. */
import type { Step } from '../../../core/mod.ts';

export interface Guest {
  readonly kernel: string;
  /** For kernels that have as modules what mounts the image; the runtime knows of none, and the adapter adds it. */
  readonly initrd?: string;
  readonly image: string;
  /** Bytes of the image of a guest that says when it is ready; see `init.ts`. */
  readonly size?: number;
  /** What makes it and brings it to the hosts. */
  readonly steps: readonly Step[];
}

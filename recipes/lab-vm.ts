/**
 * The middle era with each pod in a virtual machine of its own: Kubernetes 1.20 on CRI-O 1.20, which starts pods through Clear
 * Containers 3.0.21, all of it built from source, on a throw-away machine. Processors are emulated, so it wants no KVM, and is
 * slow: a pod takes some ten seconds more. Without patches since 2018: for labs.
 */
import { recipe } from '../core/mod.ts';
import { clearContainers } from '../plugins/clear-containers.ts';
import { vmClass } from '../plugins/runtime-class.ts';
import middle from './kubernetes-1.20.ts';

export default recipe({
  name: 'lab-vm',
  extends: middle,
  isolation: 'vm',
  plugins: [clearContainers({ accel: 'tcg', memory: 512 }), vmClass()],
  options: {
    machine: {
      bridge: 'ccvm0',
      gateway: '198.18.80.1',
      machines: { vm: { address: '198.18.80.11', roles: ['control-plane'] } },
      // The machine itself reaches no archive.
      packages: ['qemu-system-x86'],
    },
  },
});

/**
 * The lab with names: a control plane and a worker whose pods find Services by name. CoreDNS is built from its makers' source, since
 * Debian has none.
 */
import { recipe } from '../core/mod.ts';
import { coredns } from '../plugins/coredns.ts';
import lab from './lab.ts';

export default recipe({
  name: 'lab-dns',
  extends: lab,
  plugins: [coredns()],
  options: {
    cni: { network: 'routes' },
    machine: {
      bridge: 'ccdns0',
      gateway: '198.18.82.1',
      machines: {
        plane: { address: '198.18.82.11', roles: ['control-plane'] },
        worker: { address: '198.18.82.21', roles: ['worker'] },
      },
    },
  },
});

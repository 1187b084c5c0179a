/**
 * A cluster that outlives any one of its machines: three control planes behind one address, which keepalived gives to one whose API
 * answers, and two workers. All of them are throw-away machines, as that of `lab`.
 */
import { recipe } from '../core/mod.ts';
import lab from './lab.ts';

export default recipe({
  name: 'lab-ha',
  extends: lab,
  options: {
    cni: { network: 'routes' },
    machine: {
      bridge: 'ccha0',
      gateway: '198.18.81.1',
      machines: {
        'cp-1': { address: '198.18.81.11', roles: ['control-plane'] },
        'cp-2': { address: '198.18.81.12', roles: ['control-plane'] },
        'cp-3': { address: '198.18.81.13', roles: ['control-plane'] },
        'w-1': { address: '198.18.81.21', roles: ['worker'] },
        'w-2': { address: '198.18.81.22', roles: ['worker'] },
      },
      // The machines themselves reach no archive.
      packages: ['keepalived'],
    },
    kubeadm: { endpoint: { address: '198.18.81.10', by: 'keepalived' } },
  },
});

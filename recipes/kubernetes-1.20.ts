/**
 * The middle era: Kubernetes 1.20 on CRI-O 1.20, all of it built from source, on a throw-away machine. It has been without
 * patches since 2022: for labs, and for finding out how something behaved then.
 */
import { recipe } from '../core/mod.ts';
import { criTools } from '../plugins/cri-tools.ts';
import { crio } from '../plugins/crio.ts';
import lab from './lab.ts';

export default recipe({
  name: 'kubernetes-1.20',
  extends: lab,
  without: ['containerd'],
  plugins: [
    criTools({ version: '1.20.0', commit: 'ec9e336fd8c21c4bab89a6aed2c4a138c8cfae75' }),
    crio({
      version: '1.20.9',
      commit: '9a866fd3365c4fc687c0c31ecb0fe356cd1e23fe',
      cgroupDriver: 'cgroupfs',
      confined: true,
    }),
  ],
  options: {
    machine: {
      bridge: 'ccmiddle0',
      gateway: '198.18.79.1',
      machines: { middle: { address: '198.18.79.11', roles: ['control-plane'] } },
    },
  },
});

/** A throw-away machine from Debian alone, with a Kubernetes built from Debian's sources: the whole job without touching the host. */
import { recipe } from '../core/mod.ts';
import { cleanup } from '../plugins/cleanup.ts';
import { debian } from '../plugins/debian.ts';
import { machine } from '../plugins/machine.ts';

export default recipe({
  name: 'lab',
  isolation: 'none',
  plugins: [
    debian({ suites: ['bookworm', 'bullseye'] }),
    machine({ machines: { lab: { address: '198.18.77.11', roles: ['control-plane'] } } }),
    cleanup(),
  ],
});

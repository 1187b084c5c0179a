/** What `cc doctor` looks at: hosts as they are, alone and beside each other, before a recipe is chosen for them. */
import { recipe } from '../core/mod.ts';
import { preflight } from '../plugins/preflight.ts';
import { virtualization } from '../plugins/virtualization.ts';

export default recipe({
  name: 'doctor',
  isolation: 'none',
  // Which of them will be what is not known, and with it not which ports must be open.
  plugins: [virtualization(), preflight({ ports: true, allow: ['ports'] })],
});

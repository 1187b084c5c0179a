/** What `cc doctor` looks at: hosts as they are, before a recipe is chosen for them. */
import { recipe } from '../core/mod.ts';
import { virtualization } from '../plugins/virtualization.ts';

export default recipe({ name: 'doctor', isolation: 'none', plugins: [virtualization()] });

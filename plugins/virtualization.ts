/** What a host can do for virtual machines, told before a recipe is chosen: `cc doctor` prints it. */
import { plugin, step, v } from '../core/mod.ts';
import { told } from './virtualization/advice.ts';
import { type Facts, facts } from './virtualization/look.ts';

export const virtualization = plugin({
  name: 'virtualization',
  help: 'tells what hosts can do for virtual machines, proven by booting one, and which recipe fits; changes nothing',
  options: v.strictObject({}),
  build: () => ({
    steps: [step<Facts>({ name: 'host', needs: [], probe: facts, plan: () => [], tells: told })],
  }),
});

/** What this repository brings up when nothing else is asked for: `npx cc run all`. */
import lab from './recipes/lab.ts';

export default lab;

/** Takes back everything the recipe's other plugins did, in reverse order, and proves it gone. */
import { plugin, v } from '../core/mod.ts';

export const cleanup = plugin({
  name: 'cleanup',
  help: 'undoes the whole recipe; downloads, builds and installed Debian packages are kept',
  options: v.strictObject({}),
  isCleanup: true,
  build: () => ({ steps: [] }),
});

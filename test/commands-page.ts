/** Writes docs/commands.md from the table of commands. */
import { writeFileSync } from 'node:fs';
import { markdown } from '../core/cli/help.ts';

writeFileSync(new URL('../docs/commands.md', import.meta.url), markdown());

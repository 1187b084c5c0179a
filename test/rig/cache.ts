/** Where the tests keep what takes long to make: beside what cc itself keeps, so that `npm ci` does not take it away. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

export const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'cc', 'tests');

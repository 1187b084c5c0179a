/** Holds a host of test/rig/hosts.ts until it is killed, and prints where its files are: a test's process that ends without a word. */
import process from 'node:process';
import { hostRig } from '../rig/hosts.ts';

const forever = { after: () => {} };
const { host } = await hostRig(forever);
const { root } = await host(forever, 'held');
process.stdout.write(`${root}\n`);

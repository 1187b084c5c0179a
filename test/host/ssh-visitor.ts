/**
 * Connects to a host and leaves it, in a process of its own, because its environment is its process's: TARGET as JSON. With a
 * FILE it writes there who it is and stays.
 */
import { writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import process from 'node:process';
import { ssh } from '../../core/host/ssh.ts';

const [target = '', file] = process.argv.slice(2);
const host = await ssh('node-1', JSON.parse(target));
const { stdout } = await host.exec(['echo', 'there']);
process.stdout.write(`${stdout}folders: ${(await readdir(tmpdir())).length}\n`);
if (file !== undefined) {
  writeFileSync(file, `${process.pid}\n`);
  await host.exec(['sleep', '1000']);
}
await host[Symbol.asyncDispose]();

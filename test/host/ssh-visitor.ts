/** Connects to a host and leaves it, in a process of its own, because its environment is its process's: TARGET as JSON. */
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import process from 'node:process';
import { ssh } from '../../core/host/ssh.ts';

const host = await ssh('node-1', JSON.parse(process.argv[2] ?? ''));
const { stdout } = await host.exec(['echo', 'there']);
process.stdout.write(`${stdout}folders: ${(await readdir(tmpdir())).length}\n`);
await host[Symbol.asyncDispose]();

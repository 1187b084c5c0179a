/**
 * `delay.ts PORT MS`, for ssh's ProxyCommand: a way to a port of this machine on which each byte takes so many milliseconds
 * longer, there and back. As many as there are may be on their way.
 */
import { connect } from 'node:net';
import process from 'node:process';

const [port, ms] = process.argv.slice(2).map(Number);
const socket = connect(port!, '127.0.0.1').setNoDelay(); // as the usage says

/** Timers of the same length end in their order. */
function delayed(from: NodeJS.ReadableStream, to: NodeJS.WritableStream): void {
  from.on('data', (piece: Buffer) => void setTimeout(() => to.write(piece), ms));
  from.on('end', () => void setTimeout(() => to.end(), ms));
}

delayed(process.stdin, socket);
delayed(socket, process.stdout);
for (const stream of [socket, process.stdout]) stream.on('error', () => process.exit(1)); // nobody is there any more

/** Releases to measure the fetching of: a server of zeros on this machine, and a recipe that fetches from it. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place, Site } from './site.ts';

/** A process of its own, so that it takes no time of whoever is measured: /SIZE is so many zeros, at most RATE a second. */
const SERVER = `import { createServer } from 'node:http';
import { renameSync, writeFileSync } from 'node:fs';
const [file, rate] = [process.argv[1], Number(process.argv[2])];
const zeros = Buffer.alloc(1 << 20);
const server = createServer((request, response) => {
  const size = Number(request.url.slice(1));
  response.writeHead(200, { 'content-length': size });
  const began = performance.now();
  let sent = 0;
  const more = () => {
    if (response.destroyed) return;
    while (sent < size) {
      const allowed = rate ? Math.floor((rate * (performance.now() - began)) / 1000) - sent : zeros.length;
      if (allowed <= 0) return void setTimeout(more, 5);
      const piece = zeros.subarray(0, Math.min(allowed, size - sent, zeros.length));
      sent += piece.length;
      if (!response.write(piece)) return void response.once('drain', more);
    }
    response.end();
  };
  more();
}).listen(0, '127.0.0.1', () => {
  writeFileSync(file + '.new', String(server.address().port));
  renameSync(file + '.new', file);
});`;

export interface Releases extends Disposable {
  readonly url: string;
  readonly place: Place;
}

/** Where the recipe says that its releases are; the server is a mirror of that. */
const ORIGIN = 'https://releases.invalid/';

/** A place whose recipe has one release of each size, locked, and a mirror that serves each connection at a rate. */
export function releases(on: Site, name: string, sizes: readonly number[], rate: number): Releases {
  const port = join(on.folder, `${name}.port`);
  const words = ['--input-type=module', '-e', SERVER, port, String(rate)];
  const server = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit'] });
  const pause = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(port)) Atomics.wait(pause, 0, 0, 10);
  const url = `http://127.0.0.1:${readFileSync(port, 'utf8')}/`;
  const place = on.place(name, recipeOf(sizes, url));
  writeFileSync(join(place.folder, 'cc.lock'), lockOf(sizes));
  return { url, place, [Symbol.dispose]: () => void server.kill() };
}

function recipeOf(sizes: readonly number[], mirror: string): string {
  return `import { placed, plugin, recipe, v } from 'cc-kubernetes';
const bench = plugin({
  name: 'bench', help: 'measures', options: v.strictObject({}),
  build: () => ({
    steps: ${JSON.stringify(sizes)}.map((size, i) =>
      placed({ name: \`r\${i}\`, source: { kind: 'url', url: \`${ORIGIN}\${size}\` } }, {
        path: \`/nowhere/\${i}\`, where: 'controller', root: false,
      })),
  }),
});
export default recipe({
  name: 'bench', plugins: [bench()], mirrors: [{ from: '${ORIGIN}', to: '${mirror}' }],
});
`;
}

function lockOf(sizes: readonly number[]): string {
  const artifacts = sizes.map((size, index) => {
    const entry = { url: ORIGIN + size, sha256: digestOfZeros(size), size, trust: 'sums' };
    return [`r${index}`, { amd64: entry, arm64: entry }];
  });
  return JSON.stringify({ version: 1, artifacts: Object.fromEntries(artifacts) });
}

export function digestOfZeros(size: number): string {
  const hash = createHash('sha256');
  const zeros = Buffer.alloc(1 << 20);
  for (let left = size; left > 0; left -= zeros.length) hash.update(zeros.subarray(0, left));
  return hash.digest('hex');
}

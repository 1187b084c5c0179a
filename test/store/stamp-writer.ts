/** Writes stamps without end, and says so of each, for tests that kill it: `stamp-writer.ts PLACE local|remote`. */
import { dirname } from 'node:path';
import { ownTransport } from '../../core/host/local-agent.ts';
import { taskId } from '../../core/model/task.ts';
import { remoteStamps } from '../../core/store/host-stamps.ts';
import { FORMAT, localStamps, type Stamp, type Stamps } from '../../core/store/stamp.ts';

/** Stamps of each kind at a place. */
export const STAMPS = {
  local: (place: string): Stamps => localStamps(place),
  remote: (place: string): Stamps => remoteStamps(ownTransport('node-1', dirname(place))),
};

const task = taskId('node-1', 'runc', 'binary');

/** Every record says in each field which one it is, so that a mixture of two would show. */
export function numbered(n: number): Stamp {
  const text = String(n);
  const manifest = { inputs: text.repeat(2000) };
  return {
    format: FORMAT,
    task,
    state: 'applied',
    run: text,
    ours: true,
    manifest,
    facts: n,
    result: text,
    at: text,
  };
}

const [place, kind] = process.argv.slice(2);
if (place && (kind === 'local' || kind === 'remote')) {
  const stamps = STAMPS[kind](place);
  for (let n = 1; ; n++) {
    await stamps.write(numbered(n));
    process.stdout.write(`${n}`.padEnd(1024)); // a pipe that is full waits for its reader
  }
}

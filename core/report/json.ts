/** Events as they are, one JSON object a line. */
import type { Emit } from '../model/event.ts';
import type { Write } from './lines.ts';

export function json(write: Write): Emit {
  return (event) => {
    if (event.kind !== 'output' && event.kind !== 'progress') write(`${JSON.stringify(event)}\n`);
  };
}

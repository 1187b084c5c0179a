/** How far hosts have come that a run disturbs in turns, where a failure ended that. */
import type { HostTurn } from '../graph/turns.ts';
import type { Rolled } from '../model/event.ts';
import { hostOf, isGood } from '../model/task.ts';
import type { Outcomes } from './engine.ts';

/** Nothing where every turn that began has ended well. */
export function rolled(turns: readonly HostTurn[], outcomes: Outcomes): Rolled | undefined {
  const opened = ({ opener }: HostTurn) => outcomes.get(opener.id)?.state ?? 'waiting';
  const isClosed = ({ closer }: HostTurn) => isGood(outcomes.get(closer.id)?.state ?? 'waiting');
  const begun = turns.filter((turn) => ['applied', 'failed', 'timed-out', 'lost'].includes(opened(turn)));
  const inside = begun.filter((turn) => !isClosed(turn)).map(({ host }) => host);
  const left = turns.filter((turn) => {
    const { state, because } = outcomes.get(turn.opener.id) ?? {};
    return state === 'skipped' && because !== undefined && inside.includes(hostOf(because));
  });
  if (inside.length === 0 || begun.length + left.length < 2) return undefined;
  return { done: begun.filter(isClosed).map(({ host }) => host), inside, left: left.map(({ host }) => host) };
}

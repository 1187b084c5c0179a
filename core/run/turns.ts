/** Who is in its turn, who waits for one, and what ended all of that: kept beside the engine, which asks and tells. */
import type { Order } from '../graph/order.ts';
import { type HostTurn, reached } from '../graph/turns.ts';
import type { Emit } from '../model/event.ts';
import { isGood, type State, type TaskId } from '../model/task.ts';

export interface Turns {
  /**
   * Resolves when the host of an opening task may begin its turn; with a task, where that one has ended all turns of the run.
   * `inside`: an earlier run has begun it already.
   */
  begin(opener: TaskId, inside: boolean): Promise<TaskId | undefined>;
  /** Hears how each task ended, and because of which. */
  ended(id: TaskId, state: State, because?: TaskId): void;
}

type Waiting = {
  readonly kind: 'waiting';
  readonly inside: boolean;
  readonly answer: (because: TaskId | undefined) => void;
};

type Stage =
  /** Nobody knows yet whether it needs a turn. */
  | { readonly kind: 'unasked' }
  | Waiting
  | { readonly kind: 'open' }
  /** With what keeps it from ever being closed, where it never began. */
  | { readonly kind: 'over'; readonly because?: TaskId };

/**
 * No turn begins before it is known of all hosts that come into question whether they need one, so that those go first that an
 * earlier run left inside, then the others in the order of the recipe. A stop of the run ends the waiting, for the engine to say so.
 */
export function turnsIn(
  all: readonly HostTurn[],
  { graph, signal, emit }: { readonly graph: Order; readonly signal: AbortSignal; readonly emit: Emit },
): Turns {
  const stages = new Map<HostTurn, Stage>(all.map((turn) => [turn, { kind: 'unasked' }]));
  const ends = new Map(
    all.flatMap((turn) => [turn.opener, turn.closer].map(({ id }) => [id, turn] as const)),
  );
  const mayBegin = rules(all, stages, graph);
  let broken: TaskId | undefined;

  const next = (): void => {
    for (const [turn, { answer }] of inLine(stages)) {
      if (broken === undefined && !signal.aborted && !mayBegin(turn)) continue;
      stages.set(turn, { kind: broken === undefined ? 'open' : 'over' });
      answer(broken);
    }
  };
  signal.addEventListener('abort', next, { once: true });
  const begin = (id: TaskId, inside: boolean, answer: Waiting['answer']): void => {
    const turn = ends.get(id)!; // requires: it opens one of the turns
    const stage = stages.get(turn);
    if (stage?.kind === 'over') {
      answer(stage.because);
      return;
    }
    stages.set(turn, { kind: 'waiting', inside, answer });
    next();
    if (stages.get(turn)?.kind === 'waiting') emit({ kind: 'notice', id, text: 'waits for its turn' });
  };
  const ended = (id: TaskId, state: State, because = id): void => {
    const turn = ends.get(id);
    const stage = turn && stages.get(turn);
    if (!stage || (id === turn.opener.id && isGood(state) && stage.kind === 'open')) return;
    if (stage.kind === 'open' && !isGood(state)) broken ??= because;
    stages.set(turn, isGood(state) ? { kind: 'over' } : { kind: 'over', because });
    if (stage.kind === 'waiting') stage.answer(because);
    next();
  };
  return { begin: (id, inside) => new Promise((answer) => begin(id, inside, answer)), ended };
}

type Stages = ReadonlyMap<HostTurn, Stage>;

/** Who waits, and who is inside already first. */
function inLine(stages: Stages): readonly (readonly [HostTurn, Waiting])[] {
  const waiting = [...stages].flatMap(([turn, stage]) =>
    stage.kind === 'waiting' ? [[turn, stage] as const] : [],
  );
  return waiting.toSorted(([, a], [, b]) => Number(b.inside) - Number(a.inside));
}

/** Whether there is a place for a turn, and all that may come before it is known. */
function rules(all: readonly HostTurn[], stages: Stages, graph: Order): (turn: HostTurn) => boolean {
  const later = laterIn(graph);
  const isAt = (kind: Stage['kind']) => (turn: HostTurn) => stages.get(turn)?.kind === kind;
  return (turn) => {
    const { of, places, after = [] } = turn.as;
    // What comes after this very turn cannot be waited for.
    const others = all.filter((other) => !later(turn, other));
    const own = others.filter(({ as }) => as.of === of);
    const before = others.filter(({ as }) => after.includes(as.of));
    const isPlace = own.filter(isAt('open')).length < places;
    return isPlace && !own.some(isAt('unasked')) && before.every(isAt('over'));
  };
}

/** Whether the opening task of another turn comes after that of a turn. */
function laterIn({ dependents }: Order): (turn: HostTurn, other: HostTurn) => boolean {
  const known = new Map<HostTurn, ReadonlySet<TaskId>>();
  return (turn, other) => {
    const found = known.get(turn) ?? reached([turn.opener.id], dependents);
    known.set(turn, found);
    return other !== turn && found.has(other.opener.id);
  };
}

/** Random graphs from a seed: the same seed gives the same graph on every machine. */
import type { Node } from '../../core/graph/order.ts';
import { type TaskId, taskId } from '../../core/model/task.ts';

/** Answers numbers from 0 to below `below`; mulberry32. */
export type Dice = (below: number) => number;

export function dice(seed: number): Dice {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export function id(name: string | number): TaskId {
  return taskId('h', 'p', `t${name}`);
}

/** An acyclic graph whose tasks are listed in no helpful order; some needs are named twice. */
export function dag(roll: Dice, most = 12): readonly Node[] {
  const count = 1 + roll(most);
  const nodes = Array.from({ length: count }, (_, index): Node => {
    const needs = Array.from({ length: index === 0 ? 0 : roll(4) }, () => id(roll(index)));
    return { id: id(index), needs };
  });
  return shuffled(nodes, roll);
}

export function shuffled<Value>(values: readonly Value[], roll: Dice): readonly Value[] {
  const left = [...values];
  return values.map(() => left.splice(roll(left.length), 1)[0]!); // requires: one is left for each value
}

/** A graph for every seed below `count`. */
export function graphs(count: number): readonly (readonly Node[])[] {
  return Array.from({ length: count }, (_, seed) => dag(dice(seed)));
}

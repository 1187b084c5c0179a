/** A terminal: finished lines above, one moving line of what is at work below. */
import ora from 'ora';
import type { Emit, Event } from '../model/event.ts';
import { isFinal, type TaskId } from '../model/task.ts';
import { teller, type Write } from './lines.ts';
import { textOf, visible } from './visible.ts';
import { amount } from './words.ts';

/** Tasks named on the moving line; more are counted. */
const NAMED = 3;

export function live(write: Write, coloured: boolean): Emit {
  const linesFor = teller();
  const moving = follower();
  const spinner = ora({
    discardStdin: false, // it would put the terminal in raw mode, and Ctrl-C would then not reach the children
    stream: process.stderr,
    isEnabled: true, // whoever calls has asked; ora would ask again, and by other rules
    color: coloured ? 'cyan' : false,
  });
  return (event) => {
    const line = moving(event);
    const text = textOf(linesFor(event));
    if (text !== '') {
      spinner.stop();
      write(text);
    }
    if (event.kind === 'run-ended') spinner.stop();
    else spinner.start(visible(line));
  };
}

/** Answers each event with what the moving line should say after it. */
function follower(): (event: Event) => string {
  /** How far each task has come, in words, where it says so. */
  const working = new Map<TaskId, string>();
  let total = 0;
  let done = 0;
  const follow = (event: Event) => {
    if (event.kind === 'run-started') total = event.tasks.length;
    if (event.kind === 'progress') working.set(event.id, ` ${amount(event)}`);
    if (event.kind !== 'task') return;
    if (event.state === 'performing') working.set(event.id, '');
    if (!isFinal(event.state)) return;
    working.delete(event.id);
    done += 1;
  };
  return (event) => {
    follow(event);
    const names = [...working]
      .slice(0, NAMED)
      .map(([id, come]) => id + come)
      .join(', ');
    const more = working.size > NAMED ? ` and ${working.size - NAMED} more` : '';
    return `${done}/${total} ${names || 'looking'}${more}`;
  };
}

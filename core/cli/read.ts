/** `cc list`, `cc graph` and `cc logs`: what is known without looking at any host. */

import { selected } from '../graph/selection.ts';
import { isTaskId, type Task, type TaskId } from '../model/task.ts';
import { latestLog } from '../store/journal.ts';
import { type GraphFormat, type Options, usage } from './args.ts';
import { whereOf } from './help.ts';
import { type CliContext, openProject } from './project.ts';

export async function list(_: readonly string[], options: Options, cli: CliContext): Promise<number> {
  const project = await openProject(options, cli);
  const { name, file, cleanups, offers } = project;
  const { wanted: tasks } = selected(project, { names: [], ...options });
  if (options.json) {
    const rows = tasks.map(({ id, host, plugin, needs }) => ({ id, host: host.name, plugin, needs }));
    const commands = offers.map(({ plugin, host, offer: { name, does } }) => {
      return { name, plugin, host: host.name, does };
    });
    cli.out(`${JSON.stringify({ recipe: name, config: file, tasks: rows, undo: cleanups, commands })}\n`);
    return 0;
  }
  cli.out(`# ${name} from ${file}\n`);
  for (const plugin of new Set(tasks.map((task) => task.plugin))) {
    cli.out(`${plugin}\n`);
    for (const task of tasks.filter((each) => each.plugin === plugin))
      cli.out(`  ${plugin}/${task.step.name} on ${task.host.name}\n`);
  }
  for (const plugin of cleanups) cli.out(`${plugin}\n  takes everything back\n`);
  for (const offered of offers) {
    const { plugin, offer } = offered;
    cli.out(`cc ${offer.name}\n  a command of ${plugin}, on ${whereOf(offered)}: cc help ${offer.name}\n`);
  }
  return 0;
}

export async function graph(names: readonly string[], options: Options, cli: CliContext): Promise<number> {
  const project = await openProject(options, cli);
  const { tasks, graph } = selected(project, { names, ...options });
  const draw = FORMATS[options.json ? 'json' : (options.format ?? 'text')];
  const place = new Map(graph.ids.map((id, index) => [id, index]));
  cli.out(draw(tasks.toSorted((a, b) => place.get(a.id)! - place.get(b.id)!))); // order answers every id
  return 0;
}

const FORMATS: { readonly [F in GraphFormat]: (tasks: readonly Task[]) => string } = {
  text: (tasks) =>
    tasks.map(({ id, needs }) => `${id}${needs.length > 0 ? ` ← ${needs.join(', ')}` : ''}\n`).join(''),
  dot: (tasks) =>
    `digraph cc {\n  rankdir=LR;\n${arrows(
      tasks,
      (from, to) => `  "${from}" -> "${to}";\n`,
      (id) => `  "${id}";\n`,
    )}}\n`,
  mermaid: (tasks) => {
    const node = new Map(tasks.map(({ id }, index) => [id as string, `t${index}["${id}"]`]));
    return `graph LR\n${arrows(
      tasks,
      (from, to) => `  ${node.get(from)} --> ${node.get(to)}\n`,
      (id) => `  ${node.get(id)}\n`,
    )}`;
  },
  json: (tasks) => `${JSON.stringify(tasks.map(({ id, needs }) => ({ id, needs })))}\n`,
};

function arrows(
  tasks: readonly Task[],
  arrow: (from: string, to: string) => string,
  lone: (id: string) => string,
): string {
  return tasks
    .map(({ id, needs }) => (needs.length > 0 ? needs.map((need) => arrow(need, id)).join('') : lone(id)))
    .join('');
}

export async function logs(names: readonly string[], options: Options, cli: CliContext): Promise<number> {
  const project = await openProject(options, cli);
  const { state } = project.paths;
  const logOf = (id: TaskId) => ({ id, text: latestLog(state, id) });
  // What is not declared has a log, too, under its whole name.
  const others = names.filter(isTaskId).map(logOf);
  const found = others.every(({ text }) => text === undefined)
    ? selected(project, { names, ...options }).wanted.map(({ id }) => logOf(id))
    : others;
  const known = found.filter(({ text }) => text !== undefined);
  if (options.json) {
    cli.out(`${JSON.stringify(known)}\n`);
    return 0;
  }
  if (known.length === 0)
    usage(
      `Cannot find a log of ${names.join(', ')}: nothing has run there yet, as far as cc remembers`,
      'logs',
    );
  for (const { id, text = '' } of known)
    cli.out(`${known.length > 1 ? `== ${id}\n` : ''}${text}${text.endsWith('\n') ? '' : '\n'}`);
  return 0;
}

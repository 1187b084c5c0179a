/** `cc ssh`: a shell or a command on a host of the recipe, by the way that cc itself takes. */
import { hostMeant } from '../graph/meant.ts';
import type { Options } from './args.ts';
import { entered } from './entered.ts';
import { leftHosts } from './former.ts';
import { type CliContext, openProject } from './project.ts';

export async function ssh(
  [name = '', ...words]: readonly string[],
  options: Options,
  cli: CliContext,
): Promise<number> {
  const project = await openProject(options, cli);
  return entered(
    hostMeant(name, [...project.hosts, ...leftHosts(project.hosts, project.paths.state)]),
    words,
    cli,
  );
}

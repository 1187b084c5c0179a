/** Taking back what a recipe made that is lost or cannot be read: from the records on its hosts and on this machine. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { order } from '../graph/order.ts';
import { CLEANUP, CONTROLLER } from '../graph/place.ts';
import { Failed, type Failure } from '../model/failure.ts';
import type { Host } from '../model/plugin.ts';
import { textOf } from '../report/visible.ts';
import { readLocks } from '../store/lock.ts';
import { networkOf } from '../store/network.ts';
import { pathsOfSite, statesOf } from '../store/paths.ts';
import { claimed, readSite, siteFile } from '../store/site.ts';
import type { Options } from './args.ts';
import { endsSearch } from './config/search.ts';
import { trustOf } from './config/trust.ts';
import { namedFile } from './config.ts';
import { archOf, type CliContext, openProject, type Project } from './project.ts';

/** The recipe, or what is known of it where it cannot be had. */
export async function projectForCleanup(
  options: Options,
  cli: CliContext,
  identify: boolean,
): Promise<Project> {
  try {
    const project = await openProject(options, cli, { identify, former: true });
    readLocks(project.locks, project.arch);
    return project;
  } catch (error) {
    const recorded = error instanceof Failed ? recordedProject(error, options, cli) : undefined;
    if (!recorded) throw error;
    return recorded;
  }
}

/** What tells that a configuration, or what belongs to it, cannot be used. */
const UNUSABLE: readonly Failure['kind'][] = [
  ...(['config-missing', 'config-unreadable', 'config-invalid'] as const),
  ...(['cycle', 'lock-unreadable', 'proxy-unusable'] as const),
];

function recordedProject({ failure }: Failed, options: Options, cli: CliContext): Project | undefined {
  if (!UNUSABLE.includes(failure.kind)) return;
  // What the command line got wrong is to be typed anew.
  if (failure.kind === 'config-invalid' && failure.problems.every(({ given }) => given !== undefined)) return;
  const config = namedFile(options, cli.cwd);
  const own = config === undefined ? upwards(cli.cwd) : siteFile(config);
  const trust = trustOf(cli.env);
  if (own !== undefined) trust(own, 'data');
  trust(statesOf(cli.env), 'state');
  const id = own === undefined ? undefined : readSite(own);
  if (own === undefined || id === undefined) {
    cli.say(textOf(known(cli)));
    return;
  }
  const paths = pathsOfSite(cli.env, id);
  if (paths) trust(paths.state, 'records');
  const owner = paths && claimed(paths.state);
  if (!owner) return;
  cli.say(textOf([`the configuration cannot be used: going by the records of "${owner.name}"`]));
  const arch = archOf(cli.arch);
  const controller: Host = { name: CONTROLLER, roles: [], connection: { kind: 'local' }, arch };
  return {
    ...{
      name: owner.name,
      concurrency: 8,
      cleanups: [CLEANUP],
      offers: [],
      tasks: [],
      graph: order([]),
      file: own,
      locks: [],
    },
    ...{ hosts: [controller], arch, paths, site: { id, name: owner.name } },
    ...{ network: networkOf([], {}, cli.env), manifests: new Map(), trustedSources: [] },
  };
}

function upwards(cwd: string): string | undefined {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const file = join(folder, 'cc.site');
    if (existsSync(file)) return file;
    // No further than a configuration is looked for: what stands above is of another site.
    if (endsSearch(folder) || folder === dirname(folder)) return undefined;
  }
}

/** Whose records there are, for somebody whose folder is lost as a whole. */
function known(cli: CliContext): readonly string[] {
  const states = statesOf(cli.env);
  const sites = (existsSync(states) ? readdirSync(states) : []).flatMap(
    (key) => claimed(join(states, key)) ?? [],
  );
  const lines = sites.map(({ name, id, config }) => `  ${id}  ${name}, last run from ${config}`);
  return lines.length === 0
    ? []
    : ['cc has records of these; to take one back, write its first word into a file cc.site here:', ...lines];
}

/** Commands that plugins of the recipe offer beside those of cc: their program is run on its host, or their help is printed. */
import { attempted } from '../graph/body.ts';
import { nearest } from '../graph/near.ts';
import type { Offered } from '../graph/offers.ts';
import { Failed, fail, failureOf } from '../model/failure.ts';
import { anyText, list, Odd } from '../model/foreign.ts';
import { explained } from '../report/explain.ts';
import { textOf } from '../report/visible.ts';
import { type Options, usage } from './args.ts';
import { COMMANDS } from './commands.ts';
import { entered } from './entered.ts';
import { offerPage } from './help.ts';
import { type CliContext, openProject, type Project } from './project.ts';

export async function offered(
  [name = '', ...words]: readonly string[],
  options: Options,
  cli: CliContext,
): Promise<number> {
  const { project, found } = await offerOf(name, options, cli);
  if (found.offer.here) {
    const { madeHere } = await import('./made-here.ts');
    return reached(found, cli.say, (way) =>
      madeHere({ project, found: way, words, argv: argvOf(way, words, project) }, options, cli),
    );
  }
  return reached(found, cli.say, async (way) =>
    entered(way.host, await asRoot(way.host.name, argvOf(way, words, project), options), cli),
  );
}

/** By the first host of those that stand for each other that can be reached. */
async function reached(
  { others, ...found }: Offered,
  say: CliContext['say'],
  work: (way: Offered) => Promise<number>,
): Promise<number> {
  const [next, ...rest] = others;
  try {
    return await work({ ...found, others });
  } catch (error) {
    const failure = failureOf(error);
    if (!next || failure.kind !== 'unreachable' || failure.host !== found.host.name) throw error;
    say(textOf([`${found.host.name} cannot be reached: ${next.host.name} is asked`]));
    return reached({ plugin: found.plugin, ...next, others: rest }, say, work);
  }
}

export async function offerHelp(
  [name = '']: readonly string[],
  options: Options,
  cli: CliContext,
): Promise<number> {
  const { project, found } = await offerOf(name, options, cli);
  cli.out(offerPage(found, project.name));
  return 0;
}

interface Found {
  readonly project: Project;
  readonly found: Offered;
}

/** A word that is nearly a command of cc is a slip, also where the configuration cannot be had. */
async function offerOf(name: string, options: Options, cli: CliContext): Promise<Found> {
  const near = nearest(name, Object.keys(COMMANDS));
  const slip = { kind: 'unknown-name', what: 'command', name, ...(near ? { near } : {}) } as const;
  const project = await openProject(options, cli).catch((error) => {
    if (near) fail(slip, error);
    if (error instanceof Failed && error.failure.kind === 'config-missing')
      usage(
        `Cannot find command "${name}": it is none of cc, and there is no configuration here whose plugins could offer it`,
      );
    throw error;
  });
  const found = project.offers.find(({ offer }) => offer.name === name);
  return found ? { project, found } : unknown(slip, project);
}

type Slip = Extract<Failed['failure'], { kind: 'unknown-name' }>;

function unknown(slip: Slip, { name: recipe, offers }: Project): never {
  const names = offers.map(({ offer }) => offer.name);
  const near = slip.near ?? nearest(slip.name, names);
  if (near) return fail({ ...slip, near });
  const others = names.length === 0 ? '' : `; they offer ${names.join(', ')}`;
  return usage(`Cannot find command "${slip.name}": no plugin of the recipe "${recipe}" offers it${others}`);
}

const texts = list('a list of words', anyText);

/** What the plugin makes of the words. */
function argvOf({ plugin, offer }: Offered, words: readonly string[], { file }: Project): readonly string[] {
  const what = `its command "${offer.name}"`;
  return attempted({ file, path: plugin, what }, () => {
    const argv = texts(offer.argv(words), `${what} answered`);
    if (argv.length === 0) throw new Odd(`${what} answered no program`);
    return argv;
  });
}

/** Whoever is root already needs no sudo. $1 is what to say where sudo refuses, with places for who is there and why. */
const QUIETLY = `said=$1; shift; [ "$(id -u)" = 0 ] && exec "$@"
why=$(sudo -n -- true 2>&1) && exec sudo -n -- "$@"
printf "$said" "$(id -un)" "$why" >&2; exit 77`;

/** sudo asks on the terminal, which is on the host where the program is. */
const ASKING = `[ "$(id -u)" = 0 ] && exec "$@"
exec sudo -p "Password for sudo: " -- "$@"`;

async function asRoot(
  host: string,
  argv: readonly string[],
  { askBecomePass }: Options,
): Promise<readonly string[]> {
  if (!askBecomePass) {
    const said = explained({ kind: 'no-root', host, user: '%s', why: '%s' });
    return ['sh', '-c', QUIETLY, 'sh', `${said.join('\n')}\n`, ...argv];
  }
  const { isAttended } = await import('../host/attached.ts');
  if (!isAttended()) usage('Cannot ask for a password: there is no terminal');
  return ['sh', '-c', ASKING, 'sh', ...argv];
}

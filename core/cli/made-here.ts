/** Commands of plugins that make something here of what their program printed on its host. */
import { closeSync, openSync, realpathSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import process from 'node:process';
import { attempted } from '../graph/body.ts';
import type { Offered } from '../graph/offers.ts';
import { CONTROLLER } from '../graph/place.ts';
import { fileText, makeFolder, unread } from '../host/own-files.ts';
import { shown } from '../model/command.ts';
import { codeOf, fail, unwritten } from '../model/failure.ts';
import { anyText, list, name, optional, record } from '../model/foreign.ts';
import { type Json, jsonOf } from '../model/json.ts';
import type { MadeHere } from '../model/plugin.ts';
import { messageOf } from '../model/thrown.ts';
import { textOf } from '../report/visible.ts';
import { writeDurably } from '../store/durable.ts';
import type { Options } from './args.ts';
import { yaml } from './config/yaml.ts';
import { looking } from './looking.ts';
import type { CliContext, Project } from './project.ts';

const made = record<MadeHere>('what is made here', {
  print: optional(anyText),
  file: optional(record<NonNullable<MadeHere['file']>>('a file', { path: name, text: anyText })),
  says: optional(list('a list of lines', anyText)),
});

interface Asked {
  readonly project: Project;
  readonly found: Offered;
  readonly words: readonly string[];
  readonly argv: readonly string[];
}

export async function madeHere(asked: Asked, options: Options, cli: CliContext): Promise<number> {
  const { project, found, words } = asked;
  const { host, plugin, offer } = found;
  const printed = await printedBy(asked, options, cli);
  const what = `its command "${offer.name}"`;
  const held: string[] = [];
  const at = {
    ...{ words, host, env: cli.env, read: (path: string) => dataIn(resolve(cli.cwd, path)) },
    hold: (path: string) => void held.push(heldAlone(resolve(cli.cwd, path))),
  };
  try {
    const { print, file, says } = attempted({ file: project.file, path: plugin, what }, () =>
      made(offer.here?.(printed, at), `what ${what} answered`),
    );
    if (file) await put(resolve(cli.cwd, file.path), file.text);
    if (print !== undefined) cli.out(print);
    if (says) cli.say(textOf(says));
  } finally {
    for (const path of held) rmSync(path, { force: true });
  }
  return 0;
}

/** Nobody can tell whether who made it is alive: it holds nothing, as other programs make it. */
function heldAlone(path: string): string {
  makeFolder(dirname(path));
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    const what = 'no other program is at work on the file';
    const reasons = [`${path} is there: wait for the program that made it, or where none runs: rm ${path}`];
    if (codeOf(error) === 'EEXIST') fail({ kind: 'check-failed', host: CONTROLLER, what, reasons }, error);
    unwritten(path, error);
  }
  return path;
}

/** By the agent of the host, which no terminal stands behind. */
async function printedBy(
  { project, found, argv }: Asked,
  options: Options,
  cli: CliContext,
): Promise<string> {
  const { host } = found;
  const { code, signal, stdout, stderr } = await looking(
    { project, tasks: [] },
    options,
    cli,
    async (context) => {
      const { transport } = await context.pool.session(host, true);
      return transport.exec(argv, { signal: context.signal });
    },
  );
  if (code === 0) return stdout;
  return fail({ kind: 'command-failed', host: host.name, command: shown({ argv }), code, signal, stderr });
}

function dataIn(path: string): Json | undefined {
  let text: string;
  try {
    text = fileText(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    return unread(path, error);
  }
  try {
    return jsonOf(yaml(path, text) ?? null, 'what it says');
  } catch (error) {
    const [why = ''] = messageOf(error).split('\n\n'); // then it quotes the file, which may hold secrets
    return fail({ kind: 'config-unreadable', file: path, why });
  }
}

/** Where a link stands, what it leads to is written. A file of somebody else would become that of whoever writes it. */
async function put(path: string, text: string): Promise<void> {
  const facts = statSync(path, { throwIfNoEntry: false });
  const why = `it belongs to user ${facts?.uid}: run cc as that user`;
  if (facts && facts.uid !== process.geteuid?.()) fail({ kind: 'cannot-write', path, why });
  await writeDurably(facts ? realpathSync(path) : path, text);
}

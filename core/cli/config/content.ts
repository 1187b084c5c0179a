/** What a file of a recipe says: the default export of a module, or the data of JSON or YAML. */
import { pathToFileURL } from 'node:url';
import { blamed } from '../../model/blamed.ts';
import { Failed, fail } from '../../model/failure.ts';
import { noteImported } from '../../model/source.ts';
import { type Refuse, textIn, unfit } from '../../model/text-file.ts';
import { loaded, watched } from './modules.ts';
import type { Trust } from './trust.ts';

/** Reads or evaluates a file that is trusted, as is all that it imports. */
export async function contentOf(file: string, trust: Trust): Promise<unknown> {
  const refuse: Refuse = (why, more) => fail({ kind: 'config-unreadable', file, why, ...more });
  const why = unfit(file);
  if (why !== undefined) return refuse(why);
  trust(file);
  const text = textIn(file, refuse);
  noteImported(file);
  const imports = watched(file, trust);
  try {
    if ('Deno' in globalThis && !isData(file)) (await import('./named-files.ts')).onlyFiles(file);
    if (!isData(file)) return await settled(defaultOf(pathToFileURL(file).href));
    if (file.endsWith('.json')) return JSON.parse(text);
    const { yaml } = await import('./yaml.ts');
    return yaml(file, text);
  } catch (error) {
    if (imports.refused) throw imports.refused;
    const reported = blamed(error);
    if (reported instanceof Failed) throw reported;
    const { causeOf, stuckIn } = await import('./cause.ts');
    return fail(error === STUCK ? stuckIn(file, imports) : causeOf(file, error, imports), error);
  } finally {
    loaded();
  }
}

function isData(file: string): boolean {
  return /\.(json|ya?ml)$/.test(file);
}

/** What a module exports may be a promise, which fails as the module itself does. */
async function defaultOf(url: string): Promise<unknown> {
  const module: { readonly default?: unknown } = await import(url);
  return module.default;
}

const STUCK = new Error('nothing is left to wait for');

/** Node ends without a word when nothing is left to wait for, as behind an await that never settles. */
async function settled(loading: Promise<unknown>): Promise<unknown> {
  const { promise: stuck, reject } = Promise.withResolvers<never>();
  const ended = () => reject(STUCK);
  process.once('beforeExit', ended);
  try {
    return await Promise.race([loading, stuck]);
  } finally {
    process.off('beforeExit', ended);
  }
}

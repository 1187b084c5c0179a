/** What comes with cc: where its own code is, and the recipes beside it. */
import { readdirSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the code that runs, of sources in a clone, compiled in a package; as deep in both. */
export const OWN = new URL('..', import.meta.url).href;

const RECIPES = fileURLToPath(new URL('../../recipes', import.meta.url));
/** Shipped recipes have the ending of this very file. */
const ENDING = extname(fileURLToPath(import.meta.url));

/** The file of the shipped recipe with this name, if there is one. */
export function shippedFile(name: string): string {
  return join(RECIPES, `${name}${ENDING}`);
}

export function shippedRecipes(): readonly string[] {
  return readdirSync(RECIPES)
    .filter((name) => name.endsWith(ENDING) && !name.endsWith('.d.ts'))
    .map((name) => name.slice(0, -ENDING.length));
}

/** The recipe that only looks, which tells what hosts can do. */
export const LOOKING = 'doctor';

/** Whether a file is one of the recipes that come with cc. */
export function isShipped(file: string): boolean {
  return dirname(file) === RECIPES;
}

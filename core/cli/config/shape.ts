/** A recipe by its shape; what the options of its plugins hold is checked when it is expanded. */
import { isPromise } from 'node:util/types';
import { nearest } from '../../graph/near.ts';
import { fail, type Problem } from '../../model/failure.ts';
import { type Recipe, RecipeShape } from '../../model/recipe.ts';
import { type Checked, checked, optionNames, UNKNOWN } from '../../model/schema.ts';
import { snapshot, unreadable } from './snapshot.ts';

/** What a file says, as a recipe; `path` leads to it where it is not the whole. */
export function asRecipe(value: unknown, file: string, path: readonly string[] = []): Recipe {
  const problems: Problem[] = [];
  const data = snapshot(value, problems);
  if (problems.length === 0) {
    const what = otherThing(data);
    if (what !== undefined)
      return fail({ kind: 'config-unreadable', file, why: `${holderOf(file, path)} ${what}` });
    problems.push(...misshapen(data as object)); // as otherThing has just said
  }
  if (problems.length === 0) return data as Recipe; // of that shape, as just checked
  const placed = problems.map((problem) => ({ ...problem, path: [...path, problem.path].join('.') }));
  return fail({ kind: 'config-invalid', file, problems: placed });
}

function holderOf(file: string, path: readonly string[]): string {
  if (path.length > 0) return `${path.join('.')} is`;
  return /\.(json|ya?ml)$/.test(file) ? 'what it holds is' : 'its default export is';
}

/** What it is instead of a recipe; undefined when it may be one. */
function otherThing(value: unknown): string | undefined {
  if (value === undefined) return 'missing';
  if (typeof value === 'function') return 'a function, not a recipe: export what it answers';
  if (Array.isArray(value)) return 'a list, not a recipe';
  if (typeof value !== 'object' || value === null)
    return typeof value === 'string' ? 'text, not a recipe' : `${String(value)}, not a recipe`;
  const isLate = isPromise(value) || ('then' in value && typeof value.then === 'function');
  return isLate ? 'a promise, not a recipe: write await before it' : undefined;
}

function misshapen(data: object): readonly Problem[] {
  const result = shapeOf(data);
  if (result.ok) return [];
  const keys = optionNames(RecipeShape);
  return result.problems.map((problem) => {
    const near = problem.message === UNKNOWN ? nearest(problem.path, keys) : undefined;
    return near ? { ...problem, near } : problem;
  });
}

/** Functions may be proxies, too, and the descriptions of plugins are not copied. */
function shapeOf(data: object): Checked {
  try {
    return checked(RecipeShape, data, '');
  } catch (error) {
    return { ok: false, problems: [unreadable('it', error)] };
  }
}

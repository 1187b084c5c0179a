/** Which host of a recipe a task's code means by a place. */

import { nearest } from '../graph/near.ts';
import { CONTROLLER } from '../graph/place.ts';
import { handed } from '../model/foreign.ts';
import type { Host } from '../model/plugin.ts';
import { type Place, place } from '../model/view.ts';

/** A place that no host has is a mistake of the line that asks for it. */
export function hostAt(given: Place, all: readonly Host[]): Host {
  const asked = handed(place, given, 'the place');
  const hosts = all.filter(({ name }) => name !== CONTROLLER);
  const found =
    typeof asked === 'string'
      ? hosts.find(({ name }) => name === asked)
      : hosts.find(({ roles }) => roles.includes(asked.firstOf));
  if (found) return found;
  if (typeof asked !== 'string') throw new TypeError(`no host of the recipe has the role "${asked.firstOf}"`);
  const near = nearest(
    asked,
    hosts.map(({ name }) => name),
  );
  const hint = near === undefined ? '' : `; did you mean "${near}"?`;
  throw new TypeError(`the recipe has no host "${asked}"${hint}`);
}

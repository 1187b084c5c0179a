/** cosmiconfig: looks for a configuration upwards, and reads YAML. Loaded for what is no module in the folder itself. */
import { cosmiconfig, defaultLoaders } from 'cosmiconfig';

export interface Found {
  readonly file: string;
  readonly value: unknown;
}

/** What stands in the nearest of these places, from here up to the project's root; undefined where there is none. */
export async function explored(
  places: readonly string[],
  from: string,
  read: (file: string) => Promise<unknown>,
): Promise<Found | undefined> {
  // Its own loaders would transpile TypeScript into the user's folder; ours lets the runtime strip the types.
  const endings = [...new Set(places.map((name) => name.slice(name.lastIndexOf('.'))))];
  const explorer = cosmiconfig('cc', {
    searchPlaces: [...places, 'package.json'],
    searchStrategy: 'project',
    ignoreEmptySearchPlaces: false,
    cache: false,
    loaders: Object.fromEntries(endings.map((ending) => [ending, read])),
  });
  const found = await explorer.search(from);
  return found && !found.isEmpty ? { file: found.filepath, value: found.config } : undefined;
}

export function yaml(file: string, text: string): unknown {
  return defaultLoaders['.yaml'](file, text);
}

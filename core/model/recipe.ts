/** What should be: hosts and plugins with their options, as a typed value. */
import type { Host, PluginUse } from './plugin.ts';

export interface Recipe {
  readonly name?: string;
  /** A recipe to start from: a value, the name of a shipped one, or a path. */
  readonly extends?: Recipe | string;
  readonly isolation?: 'vm' | 'none';
  readonly hosts?: readonly Host[];
  /** A plugin of the same name as one of the extended recipe takes its place. */
  readonly plugins?: readonly PluginUse[];
  /** Options laid over those of the plugins, by plugin and option. */
  readonly options?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Plugins of the extended recipe to leave out. */
  readonly without?: readonly string[];
  /** How many tasks may run at once; default 8. */
  readonly concurrency?: number;
}

/** Gives a recipe its type; the value is returned as it is. */
export function recipe(value: Recipe): Recipe {
  return value;
}

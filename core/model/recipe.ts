/** What should be: hosts and plugins with their options, as a typed value. */
import type { Host, PluginUse } from './plugin.ts';
import { isName, NAMING } from './task.ts';
import * as v from './vocabulary.ts';

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

const Name = v.pipe(v.string(), v.check(isName, NAMING));

const HostShape = v.strictObject({
  name: Name,
  roles: v.array(v.string()),
  connection: v.variant('kind', [
    v.strictObject({ kind: v.literal('local') }),
    v.strictObject({
      kind: v.literal('ssh'),
      address: v.string(),
      user: v.optional(v.string()),
      port: v.optional(v.number()),
      identity: v.optional(v.string()),
      knownHosts: v.optional(v.string()),
    }),
  ]),
  arch: v.optional(v.picklist(['amd64', 'arm64'])),
  madeBy: v.optional(v.string()),
});

/** What a configuration must look like, since types are stripped and never checked at run time. */
export const RecipeShape = v.strictObject({
  name: v.optional(Name),
  extends: v.optional(v.union([v.string(), v.record(v.string(), v.unknown())])),
  isolation: v.optional(v.picklist(['vm', 'none'])),
  hosts: v.optional(v.array(HostShape)),
  plugins: v.optional(v.array(v.object({ spec: v.object({ name: v.string() }), given: v.unknown() }))),
  options: v.optional(v.record(v.string(), v.record(v.string(), v.unknown()))),
  without: v.optional(v.array(v.string())),
  concurrency: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});

/** A recipe laid over the one it extends, until one recipe without a base is left. */
import type { Problem } from '../model/failure.ts';
import type { Host, Options, PluginUse } from '../model/plugin.ts';
import type { Proxied } from '../model/proxy.ts';
import { hostsOf, type Mirror, type Recipe } from '../model/recipe.ts';
import { nearest } from './near.ts';

/** A recipe that stands for itself. */
export interface Flat {
  readonly name: string;
  readonly isolation: 'vm' | 'none';
  readonly hosts: readonly Host[];
  readonly uses: readonly PluginUse[];
  readonly roleOptions: Readonly<Record<string, Options>>;
  readonly concurrency: number;
  readonly mirrors: readonly Mirror[];
  readonly proxy: Proxied;
  readonly trustedSources: readonly string[];
}

const DEFAULT_CONCURRENCY = 8;

/** Lays recipes over each other, the base first; what does not fit is added to `problems`. */
export function flattened(layers: readonly Recipe[], problems: Problem[]): Flat {
  const uses = new Map<string, PluginUse>();
  const hosts = new Map<string, Host>();
  let flat: Omit<Flat, 'hosts' | 'uses'> = {
    name: 'recipe',
    isolation: 'none',
    roleOptions: {},
    concurrency: DEFAULT_CONCURRENCY,
    mirrors: [],
    proxy: {},
    trustedSources: [],
  };
  for (const layer of layers) {
    problems.push(...twice(layer));
    for (const use of layer.plugins ?? []) uses.set(use.spec.name, use);
    for (const host of hostsOf(layer)) hosts.set(host.name, host);
    for (const name of layer.without ?? []) {
      if (!uses.delete(name)) problems.push(unknownPlugin(`without.${name}`, name, uses));
    }
    for (const [name, options] of Object.entries(layer.options ?? {})) {
      const use = uses.get(name);
      if (use) uses.set(name, { ...use, given: { ...use.given, ...options } });
      else problems.push(unknownPlugin(`options.${name}`, name, uses));
    }
    const { name = flat.name, isolation = flat.isolation, concurrency = flat.concurrency } = layer;
    flat = {
      ...{ name, isolation, concurrency },
      roleOptions: laid(flat.roleOptions, layer.roleOptions ?? {}),
      mirrors: [...(layer.mirrors ?? []), ...flat.mirrors],
      proxy: { ...flat.proxy, ...layer.proxy },
      trustedSources: [...flat.trustedSources, ...(layer.trustedSources ?? [])],
    };
  }
  return { ...flat, hosts: [...hosts.values()], uses: [...uses.values()] };
}

/** Options of roles over those of the layers below, as those of plugins are laid. */
function laid(below: Flat['roleOptions'], above: Flat['roleOptions']): Flat['roleOptions'] {
  const over = (under: Options, options: Options): Options => ({
    ...under,
    ...Object.fromEntries(
      Object.entries(options).map(([plugin, own]) => [plugin, { ...under[plugin], ...own }]),
    ),
  });
  const roles = Object.entries(above).map(([role, options]) => [role, over(below[role] ?? {}, options)]);
  return { ...below, ...Object.fromEntries(roles) };
}

/** What one layer says twice would be lost in silence; a layer above another is there to take its place. */
function twice(layer: Recipe): readonly Problem[] {
  const { plugins = [] } = layer;
  const again = (names: readonly string[]) => [
    ...new Set(names.filter((name, index) => names.indexOf(name) !== index)),
  ];
  return [
    ...again(hostsOf(layer).map(({ name }) => name)).map((name) => ({
      path: `hosts.${name}`,
      message: OTHER_HOST,
    })),
    ...again(plugins.map(({ spec }) => spec.name)).map((name) => ({
      path: name,
      message: 'is used twice in one recipe; give it all its options at once',
    })),
  ];
}

/** What is said of a name that two hosts have. */
export const OTHER_HOST = 'is the name of another host already';

function unknownPlugin(path: string, name: string, uses: ReadonlyMap<string, PluginUse>): Problem {
  const near = nearest(name, uses.keys());
  return { path, message: 'the recipe has no such plugin', ...(near ? { near } : {}) };
}

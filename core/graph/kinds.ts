/** Kinds of hosts: those of one kind get the same from every plugin. A host differs by its processor, and by options of its own. */
import type { Arch } from '../model/artifact.ts';
import type { Problem } from '../model/failure.ts';
import type { Host, Options, PluginUse } from '../model/plugin.ts';
import { namesAt } from '../model/reading.ts';
import { checkedWhole, UNKNOWN } from '../model/schema.ts';
import type { Flat } from './flatten.ts';
import { nearest } from './near.ts';

/** `amd64`, or with what makes its options others: `amd64 worker`, `amd64 worker w-3`. */
export type Kind = string;

/** The kind of hosts without options of their own, from which the controller has what it does for all. */
export function plainKind(arch: Arch): Kind {
  return arch;
}

export function archOf(kind: Kind): Arch {
  return kind.split(' ')[0] as Arch; // a kind begins with one
}

/** Names have no spaces, and a role is no name of a host: its part stands before. */
export function kindsIn({ roleOptions }: Pick<Flat, 'roleOptions'>, own: Arch): (host: Host) => Kind {
  return ({ name, arch = own, roles, options }) => {
    const by = roles.filter((role) => roleOptions[role] !== undefined);
    const isOwn = options !== undefined && Object.keys(options).length > 0;
    return [arch, ...(by.length + Number(isOwn) > 0 ? [by.join('+')] : []), ...(isOwn ? [name] : [])].join(
      ' ',
    );
  };
}

/** Options of a host or of a role, and where the recipe says them. */
export interface Layer {
  readonly path: string;
  readonly options: Options;
}

/** What counts for a host beside the options of the recipe; the last one wins. */
export function layersOf(
  { name, roles, options }: Host,
  { roleOptions }: Pick<Flat, 'roleOptions'>,
): readonly Layer[] {
  const byRole = roles.flatMap((role): Layer[] => {
    const options = roleOptions[role];
    return options === undefined ? [] : [{ path: `roleOptions.${role}`, options }];
  });
  return options === undefined ? byRole : [...byRole, { path: `hosts.${name}.options`, options }];
}

/** The options that a plugin gets for hosts of a kind; mistakes are told of the layer that makes them. */
export function optionsFor(use: PluginUse, layers: readonly Layer[], problems: Problem[]): unknown {
  const { name, options, byHost = [] } = use.spec;
  const own = layers.map(({ path, options }) => ({ path, given: options[name] ?? {} }));
  let all = use.given;
  for (const { given } of own) all = { ...all, ...given };
  const result = checkedWhole(options, all, name);
  const mistakes = result.ok ? [] : result.problems;
  const unknown = mistakes.filter(({ message }) => message === UNKNOWN).map(({ path }) => path);
  for (const { path, given } of own) {
    const odd = Object.keys(given).filter(
      (option) => !byHost.includes(option) && !unknown.includes(`${name}.${option}`),
    );
    problems.push(...odd.map((option) => ({ path: `${path}.${name}.${option}`, message: notByHost(use) })));
  }
  const told = mistakes.map((problem) => suggested(problem, use, byHost));
  problems.push(...told.map((problem) => ({ ...problem, path: sourceOf(problem.path, use, layers) })));
  return result.ok ? result.value : undefined;
}

/** An option that is not known is told with those that may be given there, and one that has options of its own with these. */
export function suggested(
  problem: Problem,
  { spec }: PluginUse,
  options = namesAt(spec.options, []),
): Problem {
  const path = problem.path.slice(spec.name.length + 1).split('.');
  if (problem.message.startsWith('expected Object')) {
    const own = namesAt(spec.options, path);
    return own.length === 0 ? problem : { ...problem, known: own };
  }
  if (problem.message !== UNKNOWN) return problem;
  const known = path.length === 1 ? options : namesAt(spec.options, path.slice(0, -1));
  if (known.length === 0) return problem;
  const near = nearest(path.at(-1) ?? '', known);
  return { ...problem, ...(near ? { near } : {}), known };
}

/** The layer that gives an option, by the path under which it is known: `crio.settings` of `hosts.w-3.options.crio.settings`. */
export function sourceOf(path: string, { spec: { name } }: PluginUse, layers: readonly Layer[]): string {
  const [, option = ''] = path.split('.');
  const by = layers.findLast(({ options }) => Object.hasOwn(options[name] ?? {}, option));
  return path.startsWith(`${name}.`) && by ? `${by.path}.${path}` : path;
}

function notByHost({ spec: { name, byHost = [] } }: PluginUse): string {
  const may =
    byHost.length === 0
      ? `${name} has no options for that`
      : `by host or role ${name} takes ${byHost.join(', ')}`;
  return `is for all hosts alike: ${may}; give it by options.${name}`;
}

/** Layers of plugins that are not there, and of roles that nobody has. */
export function strayed(
  hosts: readonly Host[],
  flat: Pick<Flat, 'roleOptions' | 'uses'>,
): readonly Problem[] {
  const plugins = flat.uses.map(({ spec }) => spec.name);
  const roles = new Set(hosts.flatMap((host) => host.roles));
  const all = [
    ...Object.entries(flat.roleOptions).map(([role, options]) => ({ path: `roleOptions.${role}`, options })),
    ...hosts.flatMap(({ name, options }) => (options ? [{ path: `hosts.${name}.options`, options }] : [])),
  ];
  const told = (path: string, name: string, known: Iterable<string>, message: string): Problem => {
    const near = nearest(name, known);
    return { path, message, ...(near ? { near } : {}) };
  };
  return [
    ...Object.keys(flat.roleOptions)
      .filter((role) => !roles.has(role))
      .map((role) => told(`roleOptions.${role}`, role, roles, 'no host has that role')),
    ...all.flatMap(({ path, options }) =>
      Object.keys(options)
        .filter((plugin) => !plugins.includes(plugin))
        .map((plugin) => told(`${path}.${plugin}`, plugin, plugins, 'the recipe has no such plugin')),
    ),
  ];
}

/** From plugins and options to what they do: each plugin built after those it uses, once for each kind of hosts. */
import type { Arch } from '../model/artifact.ts';
import { fail, type Problem } from '../model/failure.ts';
import type { Body, Capability, Context, Host, PluginUse, RecipeFacts } from '../model/plugin.ts';
import { hostProxy } from '../model/proxy.ts';
import { checkedWhole } from '../model/schema.ts';
import { attempted, bodyOf, provided } from './body.ts';
import type { Flat } from './flatten.ts';
import {
  archOf,
  type Kind,
  kindsIn,
  type Layer,
  layersOf,
  optionsFor,
  plainKind,
  sourceOf,
  strayed,
  suggested,
} from './kinds.ts';
import type { Built } from './place.ts';

/** What the machine cc runs on adds to a recipe. */
export interface ExpandContext {
  readonly arch: Arch;
  readonly cache: string;
  readonly state: string;
  /** See `RecipeFacts`; default: the name of the recipe. */
  readonly key?: string;
  readonly owner?: string;
  /** The file the recipe came from, for messages. */
  readonly file: string;
  /** See `Context`; default: images stay as they are named. */
  readonly image?: Context['image'];
  /** Names of commands, which no plugin can offer. */
  readonly commands?: readonly string[];
}

/** Checks all options first, so that every mistake is seen, then builds each plugin after those it uses. */
export function build(flat: Flat, context: ExpandContext, problems: Problem[]): readonly Built[] {
  const options = new Map<PluginUse, unknown>();
  for (const use of flat.uses) {
    attempted({ file: context.file, path: use.spec.name, what: 'checking its options' }, () => {
      const result = checkedWhole(use.spec.options, use.given, use.spec.name);
      if (result.ok) options.set(use, result.value);
      else problems.push(...result.problems.map((problem) => suggested(problem, use)));
    });
  }
  if (problems.length > 0) return [];
  const own = context.arch;
  const arches = new Set(flat.hosts.length === 0 ? [own] : flat.hosts.map(({ arch = own }) => arch));
  const all: (readonly [Kind, ReadonlyMap<PluginUse, Body>])[] = [];
  const made: Host[] = [];
  for (const arch of arches) {
    const bodies = buildFor({ arch, options, layers: [] }, flat, context);
    all.push([plainKind(arch), bodies]);
    made.push(...[...bodies.values()].flatMap(({ hosts = [] }) => hosts));
    // A plugin may bring hosts of one more.
    for (const host of made) arches.add(host.arch ?? own);
  }
  all.push(...peculiar([...flat.hosts, ...made], flat, context, problems));
  if (problems.length > 0) return [];
  // The controller's comes first, so that what stands there once for all hosts is of its own kind.
  const isOwn = (kind: Kind) => Number(kind === plainKind(own));
  const sorted = all.toSorted(([a], [b]) => isOwn(b) - isOwn(a));
  return flat.uses.map((use) => ({
    use,
    bodies: new Map(sorted.map(([kind, bodies]) => [kind, bodies.get(use)!])), // each use has one
  }));
}

/** Plugins as they are for hosts with options of their own, once for each kind of them. */
function peculiar(
  hosts: readonly Host[],
  flat: Flat,
  context: ExpandContext,
  problems: Problem[],
): readonly (readonly [Kind, ReadonlyMap<PluginUse, Body>])[] {
  problems.push(...strayed(hosts, flat));
  const kindOf = kindsIn(flat, context.arch);
  const kinds = Map.groupBy(
    hosts.filter((host) => layersOf(host, flat).length > 0),
    kindOf,
  );
  return [...kinds].flatMap(([kind, [host]]) => {
    const layers = layersOf(host!, flat); // no group is empty
    const of = (use: PluginUse) =>
      attempted({ file: context.file, path: use.spec.name, what: 'checking its options' }, () =>
        optionsFor(use, layers, problems),
      );
    const options = new Map(flat.uses.map((use) => [use, of(use)]));
    if (problems.length > 0) return [];
    return [[kind, buildFor({ arch: archOf(kind), options, layers }, flat, context)] as const];
  });
}

/** What plugins are built for. */
interface For {
  readonly arch: Arch;
  readonly options: ReadonlyMap<PluginUse, unknown>;
  /** What gives these options beside the recipe. */
  readonly layers: readonly Layer[];
}

function buildFor(
  { arch, options, layers }: For,
  flat: Flat,
  context: ExpandContext,
): ReadonlyMap<PluginUse, Body> {
  const done = new Map<PluginUse, Body>();
  const open: PluginUse[] = [];

  const visit = (use: PluginUse): Body => {
    const known = done.get(use);
    if (known) return known;
    if (open.includes(use))
      fail({ kind: 'cycle', path: [...open.slice(open.indexOf(use)), use].map(({ spec }) => spec.name) });
    open.push(use);
    const find: Context['find'] = (wanted) => {
      const provider = providerOf(wanted, flat.uses);
      const declared = provider && declaredBy(wanted, provider, options.get(provider), context);
      return declared ?? (provider && providedBy(wanted, provider, visit(provider), context));
    };
    const given = contextFor(use, flat, context, { arch, find, layers });
    const body = attempted({ file: context.file, path: use.spec.name, what: 'its build' }, () =>
      bodyOf(use.spec.build(options.get(use), given)),
    );
    open.pop();
    done.set(use, body);
    return body;
  };
  for (const use of flat.uses) visit(use);
  return done;
}

function contextFor(
  use: PluginUse,
  flat: Flat,
  context: ExpandContext,
  { arch, find, layers }: Pick<Context, 'arch' | 'find'> & Pick<For, 'layers'>,
): Context {
  const { arch: controllerArch, cache, state, image = (name: string) => name } = context;
  return {
    ...{
      arch,
      controllerArch,
      cache,
      state,
      image,
      hosts: flat.hosts,
      find,
      recipe: recipeFacts(flat, context),
    },
    proxy: hostProxy(flat.proxy, flat.hosts),
    use: (wanted) => find(wanted) ?? missing(wanted, use, context),
    refuse: (option, message) =>
      refused(context, sourceOf(`${use.spec.name}.${option}`, use, layers), message),
  };
}

/** What a plugin provides without being built. */
function declaredBy<Value>(
  { name }: Capability<Value>,
  { spec }: PluginUse,
  options: unknown,
  { file }: ExpandContext,
): Value | undefined {
  const all = attempted({ file, path: spec.name, what: 'its declares' }, () =>
    provided(spec.declares?.(options) ?? [], 'what its declares answered'),
  );
  return all.find(({ capability }) => capability === name)?.value as Value | undefined; // made by this capability's `of`
}

function recipeFacts({ name, isolation }: Flat, { key = name, owner = name }: ExpandContext): RecipeFacts {
  return { name, isolation, key, owner };
}

function providerOf(wanted: Capability<unknown>, uses: readonly PluginUse[]): PluginUse | undefined {
  return uses.find(({ spec }) => spec.provides?.some(({ name }) => name === wanted.name));
}

function missing(wanted: Capability<unknown>, { spec }: PluginUse, context: ExpandContext): never {
  return refused(
    context,
    spec.name,
    `needs a plugin that provides "${wanted.name}", and the recipe has none`,
  );
}

function refused({ file }: ExpandContext, path: string, message: string): never {
  return fail({ kind: 'config-invalid', file, problems: [{ path, message }] });
}

function providedBy<Value>(
  wanted: Capability<Value>,
  { spec }: PluginUse,
  body: Body,
  context: ExpandContext,
): Value {
  const provided = body.provides?.find(({ capability }) => capability === wanted.name);
  if (!provided) return refused(context, spec.name, `says that it provides "${wanted.name}", and does not`);
  return provided.value as Value; // made by this capability's `of`
}

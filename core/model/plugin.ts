/** One component: an option schema and the steps that its options ask for. */
import type { GenericSchema, InferInput, InferOutput } from 'valibot';
import type { Arch, Need } from './artifact.ts';
import type { Problem } from './failure.ts';
import {
  anyText,
  callable,
  count,
  type Fields,
  flag,
  list,
  name,
  names,
  Odd,
  optional,
  record,
} from './foreign.ts';
import type { Json } from './json.ts';
import type { HostProxy } from './proxy.ts';
import type { Step } from './step.ts';
import { isOf, messageOf } from './thrown.ts';
import type { Place } from './view.ts';

/** How a host is reached. */
export type Connection =
  | { readonly kind: 'local' }
  | {
      readonly kind: 'ssh';
      readonly address: string;
      readonly user?: string;
      readonly port?: number;
      /** Files that replace the user's own identity and known hosts; the rest of the user's ssh configuration holds. */
      readonly identity?: string;
      readonly knownHosts?: string;
      /** Seconds that the login stays after a run, for the next one; default: none. */
      readonly persist?: number;
    };

/** Options by plugin and name. */
export type Options = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface Host {
  readonly name: string;
  readonly roles: readonly string[];
  readonly connection: Connection;
  /** What else it is called by, as `zone: 'a'`; in the form of the labels of Kubernetes. */
  readonly labels?: Readonly<Record<string, string>>;
  /** What keeps pods from its node, as `gpu=yes:NoSchedule`; in the form of the taints of Kubernetes. */
  readonly taints?: readonly string[];
  /** Options of plugins, in place of the recipe's and of those of its roles; each plugin says which it takes by host. */
  readonly options?: Options;
  /** Default: the controller's. */
  readonly arch?: Arch;
  /**
   * By which of its own IPv4 addresses other nodes reach it: the address, the network in which one lies (`10.0.0.0/24`), or
   * the interface that has one. Default: the one that its default route goes by.
   */
  readonly address?: string;
  /** False: it reaches the network without the proxies of the recipe. */
  readonly proxy?: false;
  /** `plugin/step` on the controller that makes this host; it cannot be looked at before. */
  readonly madeBy?: Need;
}

/** Something that one plugin offers and others build on, by name and with a value: a container runtime, a toolchain. */
export interface Capability<Value> {
  readonly name: string;
  of(value: Value): Provided;
}

export interface Provided {
  readonly capability: string;
  readonly value: unknown;
}

/** Names a capability; the type of its value is known wherever the constant is imported. */
export function capability<Value>(name: string): Capability<Value> {
  return { name, of: (value) => ({ capability: name, value }) };
}

/** What a plugin is given beside its options. */
export interface Context {
  /** The value of a capability; a recipe in which no plugin provides it is refused. Waiting for it takes a need. */
  use<Value>(wanted: Capability<Value>): Value;
  /** The same, or undefined where no plugin provides it. */
  find<Value>(wanted: Capability<Value>): Value | undefined;
  /** A container image by the digest that `cc.lock` has of it; as it is named where that has none, or the name has one. */
  image(name: string): string;
  /** Refuses the recipe for an option that its schema alone cannot judge. */
  refuse(option: string, message: string): never;
  /** The processor of the hosts: where there are several, a plugin is built once for each, as it is for options by host. */
  readonly arch: Arch;
  /** That of the controller, where programs run that make something for hosts. */
  readonly controllerArch: Arch;
  /** The hosts that the recipe names; those that plugins make are not among them. */
  readonly hosts: readonly Host[];
  /** What hosts go through to the network, but for those that say `proxy: false`; undefined where the recipe names none. */
  readonly proxy: HostProxy | undefined;
  /** A folder of this recipe's own for what is worth keeping and may be deleted: builds. */
  readonly cache: string;
  /** A folder of this recipe's own for what must stay: keys. */
  readonly state: string;
  readonly recipe: RecipeFacts;
}

export interface RecipeFacts {
  readonly name: string;
  /** A name for folders of its own: no other recipe on this machine has it. */
  readonly key: string;
  /** Who made something, for notes beside it: tells this recipe from all others that may come here. */
  readonly owner: string;
  /** What the recipe promises about its pods. */
  readonly isolation: 'vm' | 'none';
}

/** A command that a plugin offers beside those of cc: `cc NAME WORDS...` runs a program as root on one host. */
export interface Offer {
  readonly name: string;
  /** What it does, as the help goes on after its name: "runs …". */
  readonly does: string;
  /** How the help writes its words, where it takes any. */
  readonly takes?: string;
  /** The first host of a role that can be reached stands for all that have it. */
  readonly on: Place;
  /**
   * From the words of the command line to the program and its words, which everybody on the host can read. It has the terminal of cc,
   * or its pipes, and its exit code is that of cc.
   */
  argv(words: readonly string[]): readonly string[];
  /**
   * What becomes of that which the program printed: then it reads nothing, has no terminal, and what it prints is shown to nobody.
   * Where it fails, cc does, too.
   */
  here?(printed: string, at: OfferedHere): MadeHere;
}

/** Where an offered command is typed. */
export interface OfferedHere {
  readonly words: readonly string[];
  /** The host where the program ran. */
  readonly host: Host;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What a file of the user says, in YAML or JSON; undefined: there is none. */
  read(path: string): Json | undefined;
  /**
   * Makes a file by which programs that write another one keep out of each other's way, until what is made is written. Fails where it
   * is there.
   */
  hold(path: string): void;
}

/** What an offered command makes here of what its program printed. */
export interface MadeHere {
  readonly print?: string;
  /** Written at once or not at all; nobody else may read it. */
  readonly file?: { readonly path: string; readonly text: string };
  /** Lines for whoever typed it, beside what is printed. */
  readonly says?: readonly string[];
}

export interface Body {
  readonly steps: readonly Step[];
  /** What the first step waits for, and with it those that come after it in order. */
  readonly needs?: readonly Need[];
  readonly provides?: readonly Provided[];
  /** Hosts that this plugin makes. */
  readonly hosts?: readonly Host[];
  readonly offers?: readonly Offer[];
  /** What is wrong with the hosts of the recipe, which are known only once every plugin is built. */
  readonly unfit?: (hosts: readonly Host[]) => readonly Problem[];
}

export interface PluginSpec<Schema extends GenericSchema> {
  readonly name: string;
  /** Raise it when the meaning of the plugin's stamps changes. */
  readonly epoch?: number;
  readonly help: string;
  readonly options: Schema;
  /**
   * Its options that may differ from host to host. They change what it does on a host, and nothing that it does on the controller, that
   * it provides to others, or that hosts share.
   */
  readonly byHost?: readonly string[];
  readonly provides?: readonly { readonly name: string }[];
  /** What it provides by its options alone, so that those may use it on which it builds itself. */
  declares?(options: InferOutput<Schema>): readonly Provided[];
  /** Running this plugin takes everything else back instead of adding something. */
  readonly isCleanup?: boolean;
  build(options: InferOutput<Schema>, context: Context): Body;
}

/** A plugin with the options a recipe gave it, not yet checked. */
export interface PluginUse {
  readonly spec: PluginSpec<GenericSchema>;
  readonly given: Readonly<Record<string, unknown>>;
}

/** Makes the function by which recipes use a plugin. */
export function plugin<const Schema extends GenericSchema>(
  spec: PluginSpec<Schema>,
): (given?: InferInput<Schema>) => PluginUse {
  return (given) => ({
    spec: spec as unknown as PluginSpec<GenericSchema>, // sound: build only ever gets what this schema answered
    given: (given ?? {}) as Readonly<Record<string, unknown>>,
  });
}

type Spec = PluginSpec<GenericSchema>;

const SPEC: Fields<Spec> = {
  name,
  epoch: optional(count),
  help: (value, path) => (value === undefined ? '' : anyText(value, path)), // none is no harm
  options: (value) => value as GenericSchema, // the library that it is of checks with it
  byHost: optional(names),
  provides: optional(list('a list of capabilities', record('a capability', { name }))),
  declares: optional(callable),
  isCleanup: optional(flag),
  build: callable,
};
const spec = record<Spec>('a plugin', SPEC);

const unjudged = record<{ readonly [F in keyof Spec]: unknown }>(
  'a plugin',
  Object.fromEntries(
    Object.keys(SPEC).map((field) => [field, (value: unknown) => value]),
  ) as unknown as Fields<Spec>, // the same fields
);

/** What describes a plugin, read once. Where that is not as it must be, it is left for `useFault` to say so. */
export function described(value: object): object {
  const read = unjudged(value, 'a plugin');
  try {
    return spec(read, 'a plugin');
  } catch {
    return read;
  }
}

/** Why something is no use of a plugin; undefined when it is one. */
export function useFault(value: unknown): string | undefined {
  try {
    return faultIn(value);
  } catch (error) {
    return isOf(error, Odd) ? error.message : `cannot be read: ${messageOf(error)}`;
  }
}

function faultIn(value: unknown): string | undefined {
  if (typeof value === 'function') return 'is a function: call it with the options of the plugin';
  const { spec: described, given } = fieldsOf(value);
  const { name, options, build } = fieldsOf(described);
  if (described === undefined) return 'is no plugin: expected what a function made by plugin() answers';
  if (typeof name !== 'string' || name === '') return 'is a plugin without a name';
  if (typeof build !== 'function') return `is the plugin "${name}", which has no build`;
  if (fieldsOf(options)['kind'] !== 'schema') return `is the plugin "${name}", whose options are no schema`;
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return `is the plugin "${name}", whose options are none: expected an object`;
  spec(described, `is the plugin "${name}", whose `);
  return undefined;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

/** What should be: hosts and plugins with their options, as a typed value. */
import { isPromise } from 'node:util/types';
import { shown } from './foreign.ts';
import { HostAddress, Port } from './network.ts';
import { type Host, type Options, type PluginUse, useFault } from './plugin.ts';
import type { Proxied } from './proxy.ts';
import { isName, misnaming } from './task.ts';
import * as v from './vocabulary.ts';

/** Addresses that begin with one prefix are looked for below another one first. Both end in a slash. */
export interface Mirror {
  readonly from: string;
  /** The prefix of a URL (`https:`, `http:` or `file:`), or the absolute path of a folder. */
  readonly to: string;
}

/** Prints hosts as JSON; it is started in the folder of the configuration, without a shell. */
export interface HostsCommand {
  readonly command: readonly string[];
}

export interface Recipe {
  readonly name?: string;
  /** A recipe to start from: a value, the name of a shipped one, or a path. */
  readonly extends?: Recipe | string;
  readonly isolation?: 'vm' | 'none';
  /** Hosts, the path of a file of JSON or YAML that holds such a list, or a command that prints it. */
  readonly hosts?: readonly Host[] | string | HostsCommand;
  /** A plugin of the same name as one of the extended recipe takes its place. */
  readonly plugins?: readonly PluginUse[];
  /** Options laid over those of the plugins, by plugin and option. */
  readonly options?: Options;
  /** The same for hosts of a role, by role; see `Host.options`. */
  readonly roleOptions?: Readonly<Record<string, Options>>;
  /** Plugins of the extended recipe to leave out. */
  readonly without?: readonly string[];
  /**
   * Where else to look for releases and git repositories, and for checksums whose makers cannot be reached. Those of the extended
   * recipe come after.
   */
  readonly mirrors?: readonly Mirror[];
  /** For the controller and for hosts. */
  readonly proxy?: Proxied;
  /** Lists of apt's sources on hosts, as absolute paths, whose archives the site trusts although nobody has signed them. */
  readonly trustedSources?: readonly string[];
  /** How many tasks may run at once; default 8. */
  readonly concurrency?: number;
}

/** Gives a recipe its type; the value is returned as it is. */
export function recipe(value: Recipe): Recipe {
  return value;
}

/** Whether a recipe names hosts that are elsewhere. */
export function areElsewhere(hosts: Recipe['hosts']): hosts is string | HostsCommand {
  return typeof hosts === 'string' || (hosts !== undefined && 'command' in hosts);
}

/** The hosts of a recipe. requires: those that are elsewhere have been read. */
export function hostsOf({ hosts }: Recipe): readonly Host[] {
  if (areElsewhere(hosts)) throw new Error('the hosts of a recipe have not been read');
  return hosts ?? [];
}

const Name = v.pipe(
  v.string(),
  v.check(isName, ({ input }) => misnaming(input)),
);

function isUse(value: unknown): boolean {
  return useFault(value) === undefined;
}

/** What begins as an address does is no interface, so that one with a slip in it is not taken for one. */
function isHostAddress(text: string): boolean {
  const [, address, prefix = '32'] = /^([\d.]+)(?:\/(\d+))?$/.exec(text) ?? [];
  if (address === undefined) return /^[a-z][\w.-]{0,14}$/i.test(text);
  return (
    /^(\d{1,3})(\.\d{1,3}){3}$/.test(address) &&
    address.split('.').every((part) => Number(part) < 256) &&
    Number(prefix) <= 32
  );
}

/** As Kubernetes has them, so that a label of a host can be one of its node. */
const LABEL = /^[a-z0-9](?:[\w.-]{0,61}[a-z0-9])?$/i;
const DOMAIN = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

function isLabelKey(text: string): boolean {
  const [name = '', domain, ...more] = text.split('/').toReversed();
  return LABEL.test(name) && (domain === undefined || DOMAIN.test(domain)) && more.length === 0;
}

const LabelKey = v.pipe(
  v.string(),
  v.check(isLabelKey, 'expected the name of a label, as zone or example.org/zone'),
);
const LabelValue = v.pipe(
  v.string(),
  v.check(
    (text) => text === '' || LABEL.test(text),
    'expected letters, digits, ".", "_" and "-", at most 63, the first and the last no sign',
  ),
);

const Taint = v.pipe(
  v.string(),
  v.check((text) => {
    const [, key = '', value = ''] =
      /^([^=:]+)(?:=([^=:]*))?:(?:NoSchedule|PreferNoSchedule|NoExecute)$/.exec(text) ?? [];
    return isLabelKey(key) && (value === '' || LABEL.test(value));
  }, 'expected KEY=VALUE:EFFECT, as gpu=yes:NoSchedule; effects are NoSchedule, PreferNoSchedule and NoExecute'),
);

const OPTIONS = v.record(v.string(), v.record(v.string(), v.unknown()));

export const HostShape = v.strictObject({
  name: Name,
  roles: v.array(v.string()),
  connection: v.variant('kind', [
    v.strictObject({ kind: v.literal('local') }),
    v.strictObject({
      kind: v.literal('ssh'),
      address: HostAddress,
      user: v.optional(v.string()),
      port: v.optional(Port),
      identity: v.optional(v.string()),
      knownHosts: v.optional(v.string()),
      persist: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
    }),
  ]),
  labels: v.optional(v.record(LabelKey, LabelValue)),
  taints: v.optional(v.array(Taint)),
  options: v.optional(OPTIONS),
  arch: v.optional(v.picklist(['amd64', 'arm64'])),
  proxy: v.optional(v.literal(false)),
  address: v.optional(
    v.pipe(
      v.string(),
      v.check(isHostAddress, 'expected an IPv4 address, a network as 10.0.0.0/24, or an interface'),
    ),
  ),
  madeBy: v.optional(v.string()),
});

const Prefix = v.pipe(
  v.string(),
  v.check(
    (text) => /^https?:$/.test(schemeOf(text)) && text.endsWith('/'),
    'expected an http(s) URL that ends in /',
  ),
);
const Place = v.pipe(
  v.string(),
  v.check(
    (text) => text.startsWith('/') || (/^(https?|file):$/.test(schemeOf(text)) && text.endsWith('/')),
    'expected the absolute path of a folder, or an http(s) or file URL that ends in /',
  ),
);
const ProxyAddress = v.pipe(
  v.string(),
  v.check((text) => /^https?:$/.test(schemeOf(text)), 'expected an http:// or https:// URL of a proxy'),
);

function schemeOf(text: string): string {
  return URL.canParse(text) ? new URL(text).protocol : '';
}

/** By what is given, so that a mistake is told of that and of nothing else. */
function hostsShape(given: unknown) {
  if (typeof given === 'string') return v.string();
  if (Array.isArray(given)) return v.array(v.lazy((host) => (Array.isArray(host) ? A_LIST : HostShape)));
  const isCommand = typeof given === 'object' && given !== null && 'command' in given;
  return isCommand ? v.strictObject({ command: COMMAND }) : NO_HOSTS;
}

const A_LIST = v.pipe(
  v.unknown(),
  v.check(() => false, 'is a list of hosts in a list of hosts: write ... before it, as ...hosts(…)'),
);

const NO_HOSTS = v.pipe(
  v.unknown(),
  v.check(
    () => false,
    ({ input }) => {
      const way = isPromise(input) ? ': write await before it' : '';
      return `expected a list of hosts, the path of a file, or { command: [...] }, found ${shown(input)}${way}`;
    },
  ),
);

const COMMAND = v.pipe(
  v.array(v.string()),
  v.check((words) => words.length > 0, 'expected a program and its words, found none'),
);

/** What a configuration must look like, since types are stripped and never checked at run time. */
export const RecipeShape = v.strictObject({
  name: v.optional(Name),
  extends: v.optional(v.union([v.string(), v.record(v.string(), v.unknown())])),
  isolation: v.optional(v.picklist(['vm', 'none'])),
  hosts: v.optional(v.lazy(hostsShape)),
  plugins: v.optional(
    v.array(
      v.pipe(
        v.unknown(),
        v.check(isUse, (issue) => useFault(issue.input) ?? ''),
      ),
    ),
  ),
  options: v.optional(OPTIONS),
  roleOptions: v.optional(v.record(v.string(), OPTIONS)),
  without: v.optional(v.array(v.string())),
  mirrors: v.optional(v.array(v.strictObject({ from: Prefix, to: Place }))),
  proxy: v.optional(
    v.strictObject({
      http: v.optional(ProxyAddress),
      https: v.optional(ProxyAddress),
      no: v.optional(v.string()),
    }),
  ),
  trustedSources: v.optional(v.array(v.absolutePath())),
  concurrency: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});

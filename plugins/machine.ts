/** Throw-away machines: Debian in systemd-nspawn on the controller, reached by ssh like any other host. */
import { type Context, cmd, type Host, net, packages, plugin, step, v } from '../core/mod.ts';
import { madeHosts } from './capabilities.ts';
import { debianArchive } from './debian.ts';
import { bridged } from './machine/bridge.ts';
import { type Claim, claims } from './machine/claims.ts';
import { basePath, baseRoot, booted, files, root } from './machine/root.ts';

/** An interface name has 15 characters at most, and nspawn calls a machine's `vb-NAME`. */
const Name = v.pipe(
  v.string(),
  v.regex(/^[a-z][a-z0-9-]{0,11}$/, 'expected at most 12 small letters, digits and "-", the first a letter'),
);

export const machine = plugin({
  name: 'machine',
  help: 'makes throw-away machines on the controller with systemd-nspawn; a lab, not a sandbox: their root is root',
  options: v.strictObject({
    machines: v.record(
      Name,
      v.strictObject({ address: net.Ipv4, roles: v.optional(v.array(v.string()), []) }),
    ),
    suite: v.optional(v.string(), 'bookworm'),
    /** More packages of the suite for their roots: machines themselves may reach no archive. */
    packages: v.optional(v.array(v.string()), []),
    bridge: v.optional(net.Interface, 'cclab0'),
    /** The controller's address on the bridge; 198.18.0.0/15 is reserved for such uses (RFC 2544). */
    gateway: v.optional(net.Ipv4, '198.18.77.1'),
    prefix: v.optional(v.pipe(v.number(), v.integer(), v.minValue(8), v.maxValue(30)), 24),
  }),
  provides: [madeHosts],
  declares: ({ machines }) => [
    madeHosts.of(Object.entries(machines).map(([name, rest]) => hostOf({ name, ...rest }))),
  ],
  build: ({ machines, suite, packages: more, bridge, gateway, prefix }, { use, state, recipe, refuse }) => {
    const archive = use(debianArchive);
    const base = basePath(recipe.key, suite);
    const keys = `${state}/ssh`;
    const each = judged(machines, `${gateway}/${prefix}`, refuse);
    return {
      hosts: each.map((one) => hostOf(one, { identity: `${keys}/id`, knownHosts: `${keys}/known_hosts` })),
      steps: [
        packages(['systemd-container', 'mmdebstrap', 'openssh-client', 'iproute2', 'util-linux'], {
          name: 'tools',
          where: 'controller',
          needs: [],
        }),
        claims(claimsOf(each, bridge, gateway), recipe.owner),
        baseRoot(base, { suite, archive, more }),
        keyPair('key', `${keys}/id`),
        ...each.map(({ name }) => keyPair(`key-${name}`, `${keys}/${name}`)),
        knownHosts(each, keys),
        bridged(bridge, `${gateway}/${prefix}`, Object.keys(machines)),
        ...each.flatMap(({ name, address }) => [
          root(name, { base, keys, files: files(name, `${address}/${prefix}`, gateway) }),
          booted(name, bridge),
        ]),
      ],
    };
  },
});

interface Machine {
  readonly name: string;
  readonly address: string;
  readonly roles: readonly string[];
}

type Ssh = Extract<Host['connection'], { kind: 'ssh' }>;

function claimsOf(machines: readonly Machine[], bridge: string, gateway: string): readonly Claim[] {
  return [
    { what: `the bridge ${bridge}`, file: `bridge-${bridge}`, option: 'machine.bridge' },
    { what: `the address ${gateway}`, file: `address-${gateway}`, option: 'machine.gateway' },
    ...machines.flatMap(({ name, address }) => [
      { what: `the machine ${name}`, file: `machine-${name}`, option: 'machine.machines' },
      {
        what: `the address ${address}`,
        file: `address-${address}`,
        option: `machine.machines.${name}.address`,
      },
    ]),
  ];
}

/** Machines are reached over the bridge alone, each by an address of its own. */
function judged(
  machines: Readonly<Record<string, Omit<Machine, 'name'>>>,
  gateway: string,
  refuse: Context['refuse'],
): readonly Machine[] {
  const taken = new Map([[gateway.split('/')[0], 'the gateway']]);
  for (const [name, { address }] of Object.entries(machines)) {
    const option = `machines.${name}.address`;
    const owner = taken.get(address);
    if (owner !== undefined) refuse(option, `is ${address}, which ${owner} has already`);
    if (!net.overlap(address, gateway))
      refuse(option, `is ${address}, which is not in the network of the bridge, ${gateway}`);
    taken.set(address, name);
  }
  return Object.entries(machines).map(([name, { address, roles }]) => ({ name, address, roles }));
}

function hostOf({ name, address, roles }: Machine, identity: Partial<Ssh> = {}): Host {
  const connection = { kind: 'ssh', address, user: 'root', ...identity } as const;
  return { name, roles, connection, madeBy: `machine/boot-${name}` };
}

function keyPair(name: string, path: string) {
  return step<{ there: boolean }>({
    name,
    where: 'controller',
    root: false,
    needs: ['machine/tools'],
    probe: async (view) => ({
      there: (await view.stat(path)) !== undefined && (await view.stat(`${path}.pub`)) !== undefined,
    }),
    plan: ({ there }) => {
      if (there) return [];
      const why = `${path} is not there`;
      return [
        { kind: 'run', command: cmd`mkdir -p -m 0700 ${path.slice(0, path.lastIndexOf('/'))}`, why },
        { kind: 'run', command: cmd`rm -f ${path} ${path}.pub`, why },
        { kind: 'run', command: cmd`ssh-keygen -q -t ed25519 -N ${''} -C cc -f ${path}`, why },
      ];
    },
    undo: ({ there }) =>
      there ? [{ kind: 'run', command: cmd`rm -f ${path} ${path}.pub`, why: `${path} was made by cc` }] : [],
  });
}

/** The controller knows the machines' keys before it first meets them. */
function knownHosts(machines: readonly Machine[], keys: string) {
  const path = `${keys}/known_hosts`;
  return step<{ wanted: string; found: string }>({
    name: 'known-hosts',
    where: 'controller',
    root: false,
    needs: machines.map(({ name }) => `machine/key-${name}`),
    probe: async (view) => {
      const lines = machines.map(async ({ name, address }) => {
        const [type = '', key = ''] = ((await view.text(`${keys}/${name}.pub`)) ?? '').split(' ');
        return `${address} ${type} ${key}\n`;
      });
      return { wanted: (await Promise.all(lines)).join(''), found: (await view.text(path)) ?? '' };
    },
    plan: ({ wanted, found }) =>
      wanted === found
        ? []
        : [
            {
              kind: 'write',
              path,
              text: wanted,
              mode: 0o600,
              why: `${path} does not name the machines' keys`,
            },
          ],
    undo: ({ found }) => (found === '' ? [] : [{ kind: 'remove', path, why: `${path} was put there by cc` }]),
  });
}

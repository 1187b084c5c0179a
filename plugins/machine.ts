/** Throw-away machines: Debian in systemd-nspawn on the controller, reached by ssh like any other host. */
import { cmd, fail, type Host, packages, plugin, step, v } from '../core/mod.ts';
import { debianArchive } from './debian.ts';
import { basePath, baseRoot, booted, files, root } from './machine/root.ts';

/** An interface name has 15 characters at most, and nspawn calls a machine's `vb-NAME`. */
const Name = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{0,11}$/));
const Address = v.pipe(v.string(), v.ipv4());

export const machine = plugin({
  name: 'machine',
  help: 'makes throw-away machines on the controller with systemd-nspawn; a lab, not a sandbox: their root is root',
  options: v.strictObject({
    machines: v.record(
      Name,
      v.strictObject({ address: Address, roles: v.optional(v.array(v.string()), []) }),
    ),
    suite: v.optional(v.string(), 'bookworm'),
    bridge: v.optional(v.pipe(v.string(), v.regex(/^[a-z][a-z0-9]{0,14}$/)), 'cclab0'),
    /** The controller's address on the bridge; 198.18.0.0/15 is reserved for such uses (RFC 2544). */
    gateway: v.optional(Address, '198.18.77.1'),
    prefix: v.optional(v.pipe(v.number(), v.integer(), v.minValue(8), v.maxValue(30)), 24),
  }),
  build: ({ machines, suite, bridge, gateway, prefix }, { use, state, recipe }) => {
    const archive = use(debianArchive);
    const base = basePath(recipe.key, suite);
    const keys = `${state}/ssh`;
    const each = Object.entries(machines).map(([name, { address, roles }]) => ({ name, address, roles }));
    return {
      hosts: each.map((one) => hostOf(one, keys)),
      steps: [
        packages(['systemd-container', 'mmdebstrap', 'openssh-client', 'iproute2', 'util-linux'], {
          name: 'tools',
          where: 'controller',
          needs: [],
        }),
        baseRoot(base, suite, archive),
        keyPair('key', `${keys}/id`),
        ...each.map(({ name }) => keyPair(`key-${name}`, `${keys}/${name}`)),
        knownHosts(each, keys),
        bridged(bridge, `${gateway}/${prefix}`),
        ...each.flatMap(({ name, address }) => [
          root(name, { base, keys, files: files(name, `${address}/${prefix}`, gateway) }),
          booted(name, bridge),
        ]),
      ],
    };
  },
});

function hostOf({ name, address, roles }: Named & { readonly roles: readonly string[] }, keys: string): Host {
  const identity = { identity: `${keys}/id`, knownHosts: `${keys}/known_hosts` };
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

type Named = { readonly name: string; readonly address: string };

/** The controller knows the machines' keys before it first meets them. */
function knownHosts(machines: readonly Named[], keys: string) {
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

/** A fixed hardware address, because a bridge otherwise takes one from its members, and changes it with them. */
const BRIDGE_MAC = '02:cc:c6:12:4d:01';

function bridged(name: string, address: string) {
  return step<{ up: boolean; address: boolean; there: boolean; ours: boolean }>({
    name: 'bridge',
    where: 'controller',
    needs: ['machine/tools'],
    inputs: { name, address },
    probe: async (view) => {
      const link = await view.ask(cmd`ip -o link show dev ${name}`);
      const addresses = link === undefined ? '' : await view.read(cmd`ip -o -4 address show dev ${name}`);
      return {
        there: link !== undefined,
        ours: link?.includes(BRIDGE_MAC) ?? true,
        up: /[<,]UP[,>]/.test(link ?? ''),
        address: addresses.includes(` ${address} `),
      };
    },
    plan: (facts) => {
      if (!facts.ours) {
        const reasons = [`${name} is there, and not made by cc; name another: machine.bridge`];
        fail({ kind: 'check-failed', host: 'controller', what: 'the bridge can be made', reasons });
      }
      const run = (why: string, ...argv: string[]) =>
        ({ kind: 'run', command: { argv: ['ip', ...argv] }, why }) as const;
      return [
        ...(facts.there
          ? []
          : [
              run(
                `there is no bridge ${name}`,
                'link',
                'add',
                'name',
                name,
                'address',
                BRIDGE_MAC,
                'type',
                'bridge',
              ),
            ]),
        ...(facts.address
          ? []
          : [run(`${name} has no address ${address}`, 'address', 'replace', address, 'dev', name)]),
        ...(facts.up ? [] : [run(`${name} is not up`, 'link', 'set', 'dev', name, 'up')]),
      ];
    },
    undo: ({ there, ours }) =>
      there && ours
        ? [
            {
              kind: 'run',
              command: cmd`ip link delete dev ${name}`,
              why: `the bridge ${name} was made by cc`,
            },
          ]
        : [],
  });
}

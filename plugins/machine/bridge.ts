/** The bridge between the controller and its machines. */
import { type Change, cmd, fail, step, type View } from '../../core/mod.ts';

/** A fixed hardware address, because a bridge otherwise takes one from its members, and changes it with them. */
const BRIDGE_MAC = '02:cc:c6:12:4d:01';

type Facts = {
  up: boolean;
  address: boolean;
  there: boolean;
  ours: boolean;
  /** Addresses that it has of an earlier declaration. */
  others: readonly string[];
  /** Machines that run on another bridge, which keeps the addresses of this one from being found. */
  elsewhere: { [machine: string]: string };
};

/** undefined: there is no such link, or no program yet that would tell. */
async function linkOf(view: View, name: string): Promise<string | undefined> {
  const { code, stdout, stderr } = await view.result(cmd`ip -o link show dev ${name}`);
  if (code === 0) return stdout;
  if (code === 127 || /does not exist/.test(stderr)) return undefined;
  return fail({
    kind: 'cannot-tell',
    host: view.name,
    what: `look for the link ${name}`,
    why: stderr.trim() || `ip exited ${code}`,
  });
}

export function bridged(name: string, address: string, machines: readonly string[]) {
  return step<Facts>({
    name: 'bridge',
    where: 'controller',
    needs: ['machine/tools', 'machine/claims'],
    inputs: { name, address },
    probe: async (view) => {
      const link = await linkOf(view, name);
      const text = link === undefined ? '' : await view.read(cmd`ip -o -4 address show dev ${name}`);
      const addresses = [...text.matchAll(/ inet (\S+)/g)].map(([, found = '']) => found);
      return {
        there: link !== undefined,
        ours: link?.includes(BRIDGE_MAC) ?? true,
        up: /[<,]UP[,>]/.test(link ?? ''),
        address: addresses.includes(address),
        others: addresses.filter((other) => other !== address),
        elsewhere: await elsewhere(view, name, machines),
      };
    },
    plan: (facts) => {
      if (!facts.ours) {
        const reasons = [`${name} is there, and not made by cc; name another: machine.bridge`];
        fail({ kind: 'check-failed', host: 'controller', what: 'the bridge can be made', reasons });
      }
      const differences = Object.entries(facts.elsewhere).map(([machine, is]) => ({
        ...{ what: `the bridge of ${machine}`, is, declared: name },
      }));
      if (differences.length > 0)
        fail({ kind: 'cannot-change', host: 'controller', what: 'the bridge', differences, fix: FIX });
      return changes(facts, name, address);
    },
    undo: ({ there, ours }) => {
      const why = `the bridge ${name} was made by cc`;
      return there && ours ? [{ kind: 'run', command: cmd`ip link delete dev ${name}`, why }] : [];
    },
  });
}

const FIX = 'declare what is there; or end the machines first: cc run cleanup before you change the recipe';

function changes({ there, address: has, others, up }: Facts, name: string, address: string): Change[] {
  const run = (why: string, command: Extract<Change, { kind: 'run' }>['command']): Change => ({
    ...{ kind: 'run', command, why },
  });
  const add = cmd`ip link add name ${name} address ${BRIDGE_MAC} type bridge`;
  return [
    ...(there ? [] : [run(`there is no bridge ${name}`, add)]),
    ...others.map((other) =>
      run(`${name} has ${other}, declared ${address}`, cmd`ip address delete ${other} dev ${name}`),
    ),
    ...(has
      ? []
      : [run(`${name} has no address ${address}`, cmd`ip address replace ${address} dev ${name}`)]),
    ...(up ? [] : [run(`${name} is not up`, cmd`ip link set dev ${name} up`)]),
  ];
}

/** nspawn calls the controller's end of a machine's link vb-NAME. */
async function elsewhere(view: View, name: string, machines: readonly string[]) {
  const found = await Promise.all(
    machines.map(async (machine) => {
      const link = await linkOf(view, `vb-${machine}`);
      return [machine, / master (\S+)/.exec(link ?? '')?.[1] ?? name] as const;
    }),
  );
  return Object.fromEntries(found.filter(([, bridge]) => bridge !== name));
}

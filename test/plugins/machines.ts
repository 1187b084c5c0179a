/** Machines as a round tells of them, unlike each other. */
import type { Told } from '../../plugins/preflight/look.ts';

/** The one with this number, which differs from its like as said. */
export function machine(
  number: number,
  { own = {}, ...more }: Partial<Omit<Told, 'own'>> & { readonly own?: Partial<Told['own']> } = {},
): Told {
  const address = {
    address: `192.0.2.${number}`,
    prefix: 24,
    link: 'eth0',
    mac: `52:54:00:00:00:0${number}`,
  };
  return {
    kind: 'told',
    name: `w-${number}`,
    node: `node-${number}`,
    machineId: `${number}`.repeat(32),
    uuid: { is: `4c4c4544-0042-3510-8054-00000000000${number}` },
    arch: 'x86_64',
    kernel: '6.1.0',
    systemd: '252',
    isNode: false,
    kubelet: '',
    plane: '',
    passed: false,
    clock: { seconds: 0, error: 0.01 },
    ...more,
    own: 'lacks' in own ? { lacks: own.lacks } : { ...address, mtu: 1500, ...own },
  } as Told; // what is laid over it has the same types
}

/** Which ports hosts of a cluster must reach of each other. */
import type { Host } from '../../core/mod.ts';

export interface Port {
  readonly port: number;
  /** Default: TCP. */
  readonly udp?: true;
  /** Who listens there. */
  readonly by: string;
}

const API: Port = { port: 6443, by: 'the API server' };
const ETCD: readonly Port[] = [2379, 2380].map((port) => ({ port, by: 'etcd' }));
const KUBELET: Port = { port: 10250, by: 'kubelet' };
/** As Linux has it: flannel leaves the port to the kernel. */
export const VXLAN: Port = { port: 8472, udp: true, by: 'flannel, VXLAN' };

/** What one host asks of another one, beside `more`. A host without a role may become anything. */
export function portsBetween(from: Host, to: Host, more: readonly Port[] = []): readonly Port[] {
  const isPlane = ({ roles }: Host) => roles.length === 0 || roles.includes('control-plane');
  const [plane, fromPlane] = [isPlane(to), isPlane(from)];
  return [
    ...(plane ? [API] : []),
    ...(plane && fromPlane ? ETCD : []),
    ...(fromPlane ? [KUBELET] : []),
    ...more,
  ];
}

/** `6443`, `8472/udp` */
export function labelOf({ port, udp }: Pick<Port, 'port' | 'udp'>): string {
  return udp ? `${port}/udp` : `${port}`;
}

/** `TCP port 6443` */
export function nameOf({ port, udp }: Pick<Port, 'port' | 'udp'>): string {
  return `${udp ? 'UDP' : 'TCP'} port ${port}`;
}

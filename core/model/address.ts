/** Where a host is: what tells two names apart before anybody has asked the machine itself. */
import type { Host } from './plugin.ts';

/** Hosts with the same place are one machine: this one under any name, and one address of ssh. */
export function machineOf({ connection }: Pick<Host, 'connection'>): string {
  return connection.kind === 'local' ? 'controller' : `${connection.address}:${connection.port ?? ''}`;
}

/** As `--limit` takes it: with the port where one is given. */
export function addressOf({ connection }: Pick<Host, 'connection'>): string {
  if (connection.kind === 'local') return 'here';
  return connection.port === undefined ? connection.address : `${connection.address}:${connection.port}`;
}

/** Many hosts at once, by their numbers: `...hosts('w', 40, { connection: (n) => ssh(`w-${n}.example`) })`. */
import { shown } from './foreign.ts';
import type { Connection, Host } from './plugin.ts';

/** A value for all of them, or a function of the number of each, from 1 on. */
export type Each<Value> = Value | ((number: number) => Value);

type Ssh = Extract<Connection, { kind: 'ssh' }>;

/** Every field that a host can have; what is not given, no host has. */
export type HostsSpec = {
  readonly [F in Exclude<keyof Host, 'name' | 'roles' | 'connection' | 'madeBy'>]?: Each<
    NonNullable<Host[F]>
  >;
} & {
  readonly roles?: Each<readonly string[]>;
  readonly connection: Each<Connection>;
};

/** More would be a slip. */
const MOST = 10_000;

/** Hosts `name-1` to `name-COUNT`. */
export function hosts(name: string, count: number, spec: HostsSpec): readonly Host[] {
  if (!Number.isInteger(count) || count < 0 || count > MOST)
    throw new RangeError(
      `hosts('${name}', ${shown(count)}): expected a whole number of hosts, from 0 to ${MOST}`,
    );
  return Array.from({ length: count }, (_, index) => {
    const number = index + 1;
    const fields = Object.entries({ roles: [], ...spec }).map(([field, value]) => [
      field,
      typeof value === 'function' ? value(number) : value,
    ]);
    return { name: `${name}-${number}`, ...Object.fromEntries(fields) } as Host; // a field of it for each of the spec
  });
}

/** A host behind ssh; `more` says how it is reached where the configuration of ssh does not. */
export function ssh(address: string, more: Omit<Ssh, 'kind' | 'address'> = {}): Connection {
  return { kind: 'ssh', address, ...more };
}

/** What is wrong with hosts, whatever their roles: two that are one, and what plugins say of them. */
import type { Problem } from '../model/failure.ts';
import { isIpv4 } from '../model/network.ts';
import type { Host } from '../model/plugin.ts';
import { attempted, unfitOf } from './body.ts';
import { type Built, CONTROLLER } from './place.ts';

/** Two names for one machine would have it changed twice at once. */
export function shared(hosts: readonly Host[]): readonly Problem[] {
  const placeOf = ({ connection }: Host) =>
    connection.kind === 'ssh'
      ? `${connection.address.toLowerCase()} ${connection.port ?? 22}`
      : connection.kind;
  const isSame = (one: Host, other: Host) =>
    placeOf(one) === placeOf(other) || (isIpv4(one.address ?? '') && one.address === other.address);
  return hosts.flatMap((host) => {
    const first = hosts.find((other) => isSame(other, host));
    const message = `has the address of ${first?.name} already`;
    return first?.name === host.name || host.connection.kind === 'local'
      ? []
      : [{ path: `hosts.${host.name}`, message }];
  });
}

/** What plugins say of the hosts, now that all of them are known. */
export function unfit(built: readonly Built[], all: readonly Host[], file: string): readonly Problem[] {
  const hosts = all.filter(({ name }) => name !== CONTROLLER);
  return built.flatMap(({ use, bodies }) =>
    [...bodies.values()].flatMap((body) =>
      attempted({ file, path: use.spec.name, what: 'judging the hosts' }, () => unfitOf(body, hosts)),
    ),
  );
}

/** Which hosts of a run are which machines: no two of them may be one, and none may be another one's. */
import { CONTROLLER } from '../graph/place.ts';
import { addressOf } from '../model/address.ts';
import { Failed, type Failure, fail } from '../model/failure.ts';
import type { Host } from '../model/plugin.ts';
import type { Entered } from '../store/host-stamps.ts';

/** A host by its name and the way to it; another machine may have had the name before. */
export function keyOf({ name, connection }: Host): string {
  return JSON.stringify([name, connection]);
}

export interface Machines {
  /** A host answers with an identity; fails with `one-machine` where another host has. */
  meet(host: Host, identity: string): void;
  /** Fails where a host has turned out to be the machine of another, before or since it was entered. */
  check(host: Host): void;
  /** The host of this name that is declared, where one that left is somewhere else. */
  namesake(host: Host): Host | undefined;
  /**
   * Fails where a host has stamps of another declared one. `undo` takes them back, once `enter` has shown that the other is
   * another machine.
   */
  apart(host: Host, entered: Entered, enter: (other: Host) => Promise<unknown>, undo: boolean): Promise<void>;
}

/** `declared` are the hosts of the recipe; each other one has left it, and gives way where it is one of them. */
export function machines(declared: readonly Host[]): Machines {
  const first = new Map<string, Host>();
  const refused = new Map<string, Failure>();
  const keys = new Set(declared.map(keyOf));
  const isDeclared = (host: Host) => keys.has(keyOf(host));
  const check = (host: Host) => {
    const failure = refused.get(keyOf(host));
    if (failure) fail(failure);
  };
  return {
    check,
    meet: (host, identity) => {
      const other = first.get(identity);
      if (!other || keyOf(other) === keyOf(host)) {
        first.set(identity, host);
        return;
      }
      const failure: Failure = { kind: 'one-machine', hosts: [labelOf(other), labelOf(host)], identity };
      const gone = [other, host].filter((each) => !isDeclared(each));
      if (gone.includes(other)) first.set(identity, host);
      for (const each of gone.length > 0 ? gone : [other, host]) refused.set(keyOf(each), failure);
      check(host);
    },
    namesake: (host) => (isDeclared(host) ? undefined : declared.find(({ name }) => name === host.name)),
    apart: async (host, { identity, names }, enter, undo) => {
      check(host);
      for (const other of declared) {
        const { name } = other;
        if (name === CONTROLLER || name === host.name || !names.has(name)) continue;
        const entered = await enter(other).then(() => true, unlessBug);
        check(host);
        if (undo && entered && identity !== undefined) continue;
        fail({ kind: 'other-machine', host: labelOf(host), of: name, address: addressOf(host) });
      }
    },
  };
}

function labelOf(host: Host): string {
  return `${host.name} (${addressOf(host)})`;
}

/** Of a host that cannot be entered nobody can tell which machine it is. */
function unlessBug(error: unknown): false {
  if (error instanceof Failed) return false;
  throw error;
}

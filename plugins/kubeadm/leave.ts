/** How a host leaves the cluster. */
import { type Change, cmd } from '../../core/mod.ts';
import { type Access, callOf } from '../kubectl/api.ts';
import { forgotten } from './etcd.ts';
import { ownAddresses, PLANE } from './nodes.ts';

/** A cluster that is gone has no node, and nobody to ask. */
export function leaving(name: string, access: Access, why: string): Change {
  return {
    kind: 'script',
    title: `remove the node ${name} from the cluster`,
    why,
    script: async (shell) => {
      const plane = await shell.on(PLANE);
      await plane
        .run(cmd`${callOf(access)} delete node ${name} --ignore-not-found`)
        .catch(() =>
          shell.log(`the API of the cluster does not answer, so that it may still name ${name}\n`),
        );
      return undefined;
    },
  };
}

/** Its member of etcd goes, which takes the others' consent; `forGood` goes on without that. */
export function leavingEtcd(
  name: string,
  { forGood = false, ...cluster }: { access: Access; version: string; forGood?: boolean },
  why: string,
): Change {
  return {
    kind: 'script',
    title: `remove ${name} from etcd`,
    why,
    script: async (shell) => {
      const plane = await shell.on(PLANE);
      const addresses = await ownAddresses(shell.view);
      await forgotten(plane, { name, addresses }, cluster).catch((error: unknown) => {
        if (!forGood) throw error;
        shell.log(`etcd does not answer, so that it may still have the member ${name}\n`);
      });
      return undefined;
    },
  };
}

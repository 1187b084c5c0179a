/** Nodes on paper that are disturbed in turns: each is drained, gets what was declared anew, and takes pods again. */
import { cmd } from '../../core/model/command.ts';
import type { Event } from '../../core/model/event.ts';
import type { Host } from '../../core/model/plugin.ts';
import { step } from '../../core/model/step.ts';
import type { Task } from '../../core/model/task.ts';
import { running } from '../../core/steps/running.ts';
import { written } from '../../core/steps/written.ts';
import { type Paper, paper } from '../rig/paper.ts';
import { taskOf } from './context.ts';

export const NODE_FILE = '/node';
const CORDONED = '/cordoned';
export const CONFIG = '/etc/runtime.conf';

export function nodes(...names: readonly string[]): readonly Host[] {
  return names.map((name) => ({ name, roles: [], connection: { kind: 'ssh', address: name } }));
}

export interface Rolling {
  readonly text: string;
  readonly places?: number;
  /** The name that hosts share; default: one for all. */
  readonly of?: (host: Host) => { readonly of: string; readonly after?: readonly string[] };
}

/** What each host has: a task that drains it, a file and its unit that disturb it, a task that ends the turn. */
export function rolling(hosts: readonly Host[], { text, places = 1, of }: Rolling): readonly Task[] {
  return hosts.flatMap((host) => {
    const drain = step<{ node: boolean; cordoned: boolean }>({
      name: 'drain',
      turn: { kind: 'opens', places, of: 'nodes', ...of?.(host) },
      probe: async (view) => ({
        node: (await view.stat(NODE_FILE)) !== undefined,
        cordoned: (await view.stat(CORDONED)) !== undefined,
      }),
      plan: ({ node, cordoned }, { pending = [] }) =>
        pending.length > 0 && node && !cordoned
          ? [
              {
                kind: 'run',
                command: cmd`drain`,
                why: pending.map(({ task, why }) => `${task}: ${why}`).join('; '),
              },
            ]
          : [],
      isInside: ({ cordoned }) => cordoned,
    });
    const uncordon = step<{ cordoned: boolean }>({
      name: 'uncordon',
      turn: { kind: 'closes' },
      probe: async (view) => ({ cordoned: (await view.stat(CORDONED)) !== undefined }),
      plan: ({ cordoned }) => (cordoned ? [{ kind: 'run', command: cmd`uncordon`, why: 'cordoned' }] : []),
    });
    const config = taskOf(written(text, { name: 'config', path: CONFIG }), { host });
    const unit = running('runtime.service', { disturbs: true, restartOn: [CONFIG] });
    return [
      taskOf(drain, { host }),
      config,
      taskOf(unit, { host, needs: [config.id] }),
      taskOf(uncordon, { host }),
    ];
  });
}

export type Papers = Readonly<Record<string, Paper>>;

/** Their machines: nodes of a cluster, or bare. */
export function machines(hosts: readonly Host[], { bare = false } = {}): Papers {
  return Object.fromEntries(
    hosts.map(({ name }) => {
      const host = paper(name);
      if (!bare) host.write(NODE_FILE, '');
      host.units.set('runtime.service', { active: 'inactive', enabled: 'disabled', starts: 0 });
      host.when('drain', () => {
        host.write(CORDONED, '');
        return '';
      });
      host.when('uncordon', () => {
        host.disk.delete(CORDONED);
        return '';
      });
      return [name, host];
    }),
  );
}

/** Who did what in which order: `a/drain`, without what only looked. */
export function performed(events: readonly Event[]): readonly string[] {
  return events.flatMap((event) =>
    event.kind === 'task' && event.state === 'performing' ? [event.id.replace('/p/', '/')] : [],
  );
}

/** How many hosts were between drain and uncordon at most. */
export function mostInside(events: readonly Event[]): number {
  let [inside, most] = [0, 0];
  for (const event of events) {
    if (event.kind !== 'task') continue;
    if (event.id.endsWith('/drain') && event.state === 'performing') most = Math.max(most, ++inside);
    if (event.id.endsWith('/uncordon') && event.state === 'applied') inside -= 1;
  }
  return most;
}

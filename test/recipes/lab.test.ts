/** The lab as a whole: its tasks in their order, and what they would do to a bare machine. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Expanded, expand } from '../../core/graph/expand.ts';
import { flattened } from '../../core/graph/flatten.ts';
import { describe } from '../../core/model/change.ts';
import { Failed } from '../../core/model/failure.ts';
import type { Task } from '../../core/model/task.ts';
import { look } from '../../core/run/look.ts';
import lab from '../../recipes/lab.ts';
import { MISSING } from '../plugins/tools.ts';
import { paper } from '../rig/paper.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { worldOf } from '../run/world.ts';

const GROUND = { arch: 'amd64', cache: '/cache', state: '/state', file: '/site/cc.config.ts' } as const;

function expanded(): Expanded {
  return expand(flattened([lab], []), GROUND, []);
}

/** The texts beside this file: each task with its needs, and each plan of a bare machine. */
function golden(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}

test('lab is these tasks with these needs', () => {
  const blocks = expanded().tasks.map(({ id, needs }) =>
    [id, ...needs.map((need) => `  ${need}`)].join('\n'),
  );
  assert.equal(`${blocks.join('\n')}\n`, golden('lab.tasks.txt'));
});

/** What one task would do on a machine of bare paper; what cannot be looked at there says so. */
async function planned(task: Task, t: Lasting): Promise<string> {
  const host = paper(task.host.name);
  host.write('/proc/sys/net/ipv4/ip_forward', '0\n');
  host.when((argv) => /\/(kubectl|ctr)$/.test(argv[0] ?? ''), MISSING);
  const { world } = worldOf({ folder: await tempFolder(t), hosts: { [task.host.name]: host } });
  try {
    const { changes } = await look(task, world);
    const lines = changes.map((change) => `  ${describe(change)}\n    ${change.why}`);
    return [task.id, ...lines].join('\n');
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    return `${task.id}\n  cannot tell: ${error.failure.kind}`;
  }
}

test('plan of the lab for a bare machine is this, change by change', async (t) => {
  const tasks = expanded().tasks.filter(({ host }) => host.name === 'lab');
  const blocks = await Promise.all(tasks.map((task) => planned(task, t)));
  assert.equal(`${blocks.join('\n')}\n`, golden('lab.plan.txt'));
});

test('page is proven again when the runtime or the network of its pods changed', () => {
  const { needs } = expanded().tasks.find(({ id }) => id === 'lab/nginx-smoke/page')!; // the recipe has it
  const before = ['lab/containerd/running', 'lab/cni/network', 'lab/images/loaded'];
  assert.deepEqual(
    before.filter((id) => !needs.some((need) => need === id)),
    [],
  );
});

test('lab expands to the same tasks each time', () => {
  const [once, twice] = [expanded(), expanded()];
  assert.equal(JSON.stringify(once), JSON.stringify(twice));
});

/**
 * Whether the controllers of a cluster hear of what is declared. When a second control plane joins, etcd has no leader for a moment, and
 * an API server may have watches after that which tell nothing, for minutes: Services get no endpoints, or pods no node. One reason is
 * known and mended (`UNCACHED` in config.ts); kubernetes/kubernetes#97294 tells of more. Nothing but doing something shows it. A start
 * of that server ends it.
 */
import { cmd, fail, type Shell, type StepSpec, step, type View } from '../../core/mod.ts';
import { type Access, asked } from '../kubectl/api.ts';
import { ACT, asking, lacking, NAME, NAMESPACE, STARTING } from './acting.ts';
import { entered, PLANE } from './nodes.ts';
import { restartedNow, unwell } from './static-pods.ts';

/** Seconds that controllers may take which are there; after an election in etcd another one of them may have to take over first. */
const WITHIN = 60;

interface Asked {
  readonly access: Access;
  /** The hosts of the control plane. */
  readonly planes: readonly string[];
}

export interface Controllers extends Asked, Pick<StepSpec<never>, 'needs' | 'spares'> {}

export function controllers({ access, planes, ...waits }: Controllers) {
  return step<{ without: readonly string[] }>({
    name: 'controllers',
    where: PLANE,
    ...waits,
    check: true,
    timeout: 600 * planes.length,
    probe: async (view) => ({ without: await endless(view, access) }),
    plan: ({ without }, last) => {
      const why = without.length > 0 ? `no endpoints are kept for ${without.join(', ')}` : last.why;
      if (last.current && without.length === 0) return [];
      return [{ kind: 'script', title: TITLE, why, script: (shell) => proven(shell, { access, planes }) }];
    },
  });
}

const TITLE =
  'prove that the controller manager and the scheduler act, and have API servers start anew if they do not';

/** Services that a controller manager has left without endpoints; where the API is silent, its own task says so. */
async function endless(view: View, access: Access): Promise<readonly string[]> {
  const shown = `jsonpath={range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name} {.spec.type} {.spec.selector}{"\\n"}{end}`;
  const answer = await asked(view, access, cmd`get services,endpoints --all-namespaces -o ${shown}`);
  if (answer.kind !== 'answered') return [];
  const lines = answer.text.split('\n').map((line) => line.split(' '));
  const kept = new Set(lines.flatMap(([kind, name]) => (kind === 'Endpoints' ? [name] : [])));
  return lines.flatMap(([kind, name = '', type, selector = '']) => {
    const wants = kind === 'Service' && type !== 'ExternalName' && selector !== '';
    return wants && !kept.has(name) ? [name] : [];
  });
}

async function proven(shell: Shell, options: Asked): Promise<undefined> {
  await asking(shell, options.access, NAME, () => mended(shell, options));
  return undefined;
}

/** Where they do not act, one API server after another starts anew, until they do. */
async function mended(shell: Shell, { access, planes }: Asked): Promise<void> {
  let last = await idle(shell, access, WITHIN);
  for (const plane of planes) {
    if (last === undefined) return;
    const there = await entered(shell, plane);
    if (!there || (await unwell(there.view, access)) !== undefined) continue;
    shell.log(`${last}; the API server of ${plane} starts anew\n`);
    await restartedNow(there, access);
    last = await idle(shell, access, STARTING);
  }
  if (last === undefined) return;
  const reasons = [last, `see what they say: kubectl -n ${NAMESPACE} logs -l tier=control-plane`];
  fail({ kind: 'check-failed', host: shell.view.name, what: ACT, reasons });
}

/** Why somebody has not acted within some seconds; undefined as soon as all have. */
async function idle(shell: Shell, access: Access, within: number): Promise<string | undefined> {
  let last: string | undefined;
  try {
    await shell.until(ACT, within, async () => {
      last = await lacking(shell.view, access, NAME);
      return last;
    });
  } catch (error) {
    if (last === undefined) throw error;
  }
  return last;
}

/** A systemd unit is enabled, active, and started after its configuration last changed. */
import type { Change } from '../model/change.ts';
import { sameData } from '../model/digest.ts';
import { type Last, type Step, type StepSpec, step } from '../model/step.ts';
import type { UnitName, View } from '../model/view.ts';

export interface RunningAt extends Pick<StepSpec<never>, 'where' | 'needs' | 'settles'> {
  /** Files whose bytes the unit read when it started. */
  readonly restartOn?: readonly string[];
  /** True: it disturbs what runs on its host when it is restarted, as do tasks that change these files. */
  readonly disturbs?: boolean;
  /** What has the unit read those files anew while it goes on; default: a restart. */
  readonly renew?: (why: string) => Change;
  readonly name?: string;
}

type Facts = {
  active: string;
  enabled: string;
  inputs: { [path: string]: string | null };
};

/** What tells the bytes of a file from others; one that others cannot read may hold a secret, which a digest lets them guess. */
async function read(view: View, path: string): Promise<string | null> {
  const file = await view.stat(path);
  if (file?.kind !== 'file') return null;
  return (file.mode & 0o007) === 0 ? view.sealed({ digest: file.digest }) : file.digest;
}

/**
 * What the unit had read is remembered with the stamp; a restart that was lost to a crash still happens on the next run,
 * because the stamp then is not current or names other bytes.
 */
export function running(
  unit: UnitName,
  { restartOn = [], disturbs = false, renew, name = 'running', ...base }: RunningAt = {},
): Step {
  return step<Facts>({
    name,
    ...base,
    ...(disturbs ? { turn: { kind: 'disturbs', by: restartOn } } : {}),
    claims: [unit],
    inputs: { unit, restartOn },
    probe: async (view) => {
      const [{ active, enabled }, ...inputs] = await Promise.all([
        view.unit(unit),
        ...restartOn.map(async (path) => [path, await read(view, path)] as const),
      ]);
      return { active, enabled, inputs: Object.fromEntries(inputs) };
    },
    plan: (facts, last) => {
      if (facts.active !== 'active' || facts.enabled !== 'enabled') {
        const found = facts.enabled === '' ? 'unknown to systemd' : `${facts.active} and ${facts.enabled}`;
        return [{ kind: 'unit', unit, state: 'started', why: `${unit} is ${found}` }];
      }
      const why = stale(unit, facts, last);
      return why === undefined ? [] : [renew?.(why) ?? { kind: 'unit', unit, state: 'restarted', why }];
    },
    undo: ({ active, enabled }) =>
      (active === 'inactive' || active === 'failed') && enabled !== 'enabled'
        ? []
        : [{ kind: 'unit', unit, state: 'stopped', why: `${unit} is ${active}` }],
  });
}

/** Why what the unit has read is not what is there, or what would be there by a plan. */
function stale(unit: UnitName, { inputs }: Facts, last: Last): string | undefined {
  const before = last.facts as Facts | undefined; // what this step's own probe found
  if (before && !sameData(before.inputs, inputs)) return `${unit} runs with an older configuration`;
  // A unit that cc has no record of may have read anything.
  const unknown = !last.current && before === undefined && Object.keys(inputs).length > 0;
  if (last.unfinished || unknown) return `${unit} may run with an older configuration`;
  const ahead = last.pending?.[0];
  return ahead && `${ahead.task} changes what ${unit} has read`;
}

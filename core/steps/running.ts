/** A systemd unit is enabled, active, and started after its configuration last changed. */
import { sameData } from '../model/digest.ts';
import { type Step, type StepSpec, step } from '../model/step.ts';
import type { UnitName } from '../model/view.ts';

export interface RunningAt extends Pick<StepSpec<never>, 'where' | 'needs' | 'settles'> {
  /** Files whose bytes the unit read when it started. */
  readonly restartOn?: readonly string[];
  readonly name?: string;
}

type Facts = {
  active: string;
  enabled: string;
  inputs: { [path: string]: string | null };
};

/**
 * What the unit had read is remembered with the stamp; a restart that was lost to a crash still happens on the next run,
 * because the stamp then is not current or names other bytes.
 */
export function running(unit: UnitName, { restartOn = [], name = 'running', ...base }: RunningAt = {}): Step {
  return step<Facts>({
    name,
    ...base,
    claims: [unit],
    inputs: { unit, restartOn },
    probe: async (view) => {
      const [{ active, enabled }, ...files] = await Promise.all([
        view.unit(unit),
        ...restartOn.map((path) => view.stat(path)),
      ]);
      const inputs = restartOn.map((path, index) => {
        const file = files[index];
        return [path, file?.kind === 'file' ? file.digest : null] as const;
      });
      return { active, enabled, inputs: Object.fromEntries(inputs) };
    },
    plan: (facts, last) => {
      if (facts.active !== 'active' || facts.enabled !== 'enabled') {
        const found = facts.enabled === '' ? 'unknown to systemd' : `${facts.active} and ${facts.enabled}`;
        return [{ kind: 'unit', unit, state: 'started', why: `${unit} is ${found}` }];
      }
      const before = last.facts as Facts | undefined; // what this step's own probe found
      if (before && !sameData(before.inputs, facts.inputs)) {
        return [{ kind: 'unit', unit, state: 'restarted', why: `${unit} runs with an older configuration` }];
      }
      // A unit that cc has no record of may have read anything.
      const unknown = !last.current && before === undefined && restartOn.length > 0;
      if (last.unfinished || unknown) {
        return [
          { kind: 'unit', unit, state: 'restarted', why: `${unit} may run with an older configuration` },
        ];
      }
      return [];
    },
    undo: ({ active, enabled }) =>
      (active === 'inactive' || active === 'failed') && enabled !== 'enabled'
        ? []
        : [{ kind: 'unit', unit, state: 'stopped', why: `${unit} is ${active}` }],
  });
}

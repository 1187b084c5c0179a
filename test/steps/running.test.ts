/** A unit: started when it is not, restarted when it has read something older, also after a crash. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { digestOf } from '../../core/model/digest.ts';
import type { Json } from '../../core/model/json.ts';
import type { Last } from '../../core/model/step.ts';
import { running } from '../../core/steps/running.ts';
import { paperView } from '../rig/view.ts';
import { ALL, applied, changed, INTERRUPTED, NEVER, PERFORMED } from './last.ts';

const [conf, flags] = ['/etc/crio.conf', '/etc/crio.flags'];
const [old, now] = [digestOf('old'), digestOf('now')];
const unit = 'crio.service';
const step = running(unit, { restartOn: [conf, flags] });
const seen = { active: 'active', enabled: 'enabled', inputs: { [conf]: now, [flags]: null } };
const before = { ...seen, inputs: { [conf]: old, [flags]: null } };
const change = (state: string, why: string) => [{ kind: 'unit', unit, state, why }];

test('running records the unit and what it reads', () => {
  assert.deepEqual([step.name, step.inputs], ['running', { unit, restartOn: [conf, flags] }]);
});

test('running sees the unit and the digests of what it reads', async () => {
  const view = paperView({
    unit: { [unit]: { active: 'active', enabled: 'enabled' } },
    stat: {
      [conf]: { kind: 'file', mode: 0o644, owner: 'root:root', size: 3, digest: now },
      [flags]: null,
    },
  });
  assert.deepEqual(await step.probe(view), seen);
});

test('running keeps no digest of what others cannot read, by which a password in it could be guessed', async () => {
  const probe = async (mode: number) =>
    step.probe(
      paperView({
        unit: { [unit]: { active: 'active', enabled: 'enabled' } },
        stat: { [conf]: { kind: 'file', mode, owner: 'root:root', size: 3, digest: now }, [flags]: null },
      }),
    );
  for (const mode of [0o600, 0o640])
    assert.deepEqual(await probe(mode), { ...seen, inputs: { [conf]: `sealed ${now}`, [flags]: null } });
  assert.deepEqual(await probe(0o604), seen);
});

const PLANS: readonly (readonly [string, Json, Last, readonly unknown[]])[] = [
  [
    'restarts a unit that runs and was never applied, for nobody knows what it has read',
    seen,
    NEVER,
    change('restarted', 'crio.service may run with an older configuration'),
  ],
  ['has nothing to do where the unit runs with what it read', seen, applied(seen), []],
  [
    'starts a unit that is not active',
    { ...seen, active: 'inactive' },
    applied(seen),
    change('started', 'crio.service is inactive and enabled'),
  ],
  [
    'starts a unit that has failed',
    { ...seen, active: 'failed' },
    NEVER,
    change('started', 'crio.service is failed and enabled'),
  ],
  [
    'enables a unit that runs',
    { ...seen, enabled: 'disabled' },
    NEVER,
    change('started', 'crio.service is active and disabled'),
  ],
  [
    'starts a unit that systemd does not know yet',
    { ...seen, active: 'inactive', enabled: '' },
    NEVER,
    change('started', 'crio.service is unknown to systemd'),
  ],
  [
    'restarts when a file differs from what was read',
    seen,
    applied(before),
    change('restarted', 'crio.service runs with an older configuration'),
  ],
  [
    'restarts when a file differs and the declaration has changed too',
    seen,
    changed('inputs.x: 1 → 2', before),
    change('restarted', 'crio.service runs with an older configuration'),
  ],
  [
    'restarts when a file has gone',
    { ...seen, inputs: { [conf]: null, [flags]: null } },
    applied(seen),
    change('restarted', 'crio.service runs with an older configuration'),
  ],
  [
    'restarts when an earlier restart may have been lost',
    seen,
    INTERRUPTED,
    change('restarted', 'crio.service may run with an older configuration'),
  ],
  ['does not restart for a changed declaration alone', seen, changed('inputs.x: 1 → 2', seen), []],
  ['is proven once the unit is active', seen, PERFORMED, []],
  [
    'is not proven while the unit is starting',
    { ...seen, active: 'activating' },
    PERFORMED,
    change('started', 'crio.service is activating and enabled'),
  ],
];

for (const [claim, facts, last, changes] of PLANS) {
  test(`running ${claim}`, () => assert.deepEqual(step.plan(facts, last), changes));
}

test('running restarts when an earlier restart has failed', () => {
  const failed = { ...INTERRUPTED, why: 'failed in run 1' };
  assert.deepEqual(
    step.plan(seen, failed),
    change('restarted', 'crio.service may run with an older configuration'),
  );
});

const UNDOS: readonly (readonly [string, string, readonly unknown[]])[] = [
  ['active', 'enabled', change('stopped', 'crio.service is active')],
  ['active', 'disabled', change('stopped', 'crio.service is active')],
  ['failed', 'enabled', change('stopped', 'crio.service is failed')],
  ['failed', 'disabled', []],
  ['inactive', 'enabled', change('stopped', 'crio.service is inactive')],
  ['inactive', 'disabled', []],
  ['inactive', '', []],
];

for (const [active, enabled, changes] of UNDOS) {
  test(`undoing a unit that is ${active} and ${enabled || 'unknown'} takes ${changes.length} changes`, () => {
    assert.deepEqual(step.undo?.({ ...seen, active, enabled }, ALL), changes);
  });
}

test('a unit that reads nothing has nothing to do where it runs and was never applied', () => {
  assert.deepEqual(running(unit).plan({ ...seen, inputs: {} }, NEVER), []);
});

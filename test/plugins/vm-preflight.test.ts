/** The looks at a host that is to start virtual machines: run by a real shell, and refusing before anything else is done. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { written } from '../../core/steps/written.ts';
import { KVM, lookAll, preflight, type Rule, TUN, VHOST_NET } from '../../plugins/vm/preflight.ts';
import { steps } from '../graph/recipes.ts';
import { laws } from '../rig/laws.ts';
import { benchOf } from './bench.ts';
import { looking } from './virtual.ts';

const run = promisify(execFile);
const shell = async (text: string) => (await run('sh', ['-c', text, 'cc'])).stdout;

const holds: Rule = { name: 'holds', look: 'true', fix: 'nothing' };
const broken: Rule = { name: 'broken', look: 'echo one; echo two >&2; exit 1', fix: 'mend it' };

test('looks print a line for each rule that does not hold, with all it said', async () => {
  assert.equal(
    await shell(lookAll([holds, broken, { ...broken, name: 'other' }])),
    'broken\tone two\nother\tone two\n',
  );
});

test('look at /dev/kvm says what this machine has', async () => {
  const found = await shell(lookAll([KVM]));
  assert.ok(existsSync('/dev/kvm') || found === 'kvm\tthere is no /dev/kvm\n', found);
  const elsewhere = KVM.look.replaceAll('/dev/kvm', '/nowhere/kvm');
  assert.equal(await shell(lookAll([{ ...KVM, look: elsewhere }])), 'kvm\tthere is no /nowhere/kvm\n');
  const closed = KVM.look.replaceAll('/dev/kvm', '/proc/self');
  assert.equal(await shell(lookAll([{ ...KVM, look: closed }])), 'kvm\t/proc/self cannot be opened\n');
});

test('device that is not there is told of without a word on modprobe, which a host may lack', async () => {
  const look = VHOST_NET.look
    .replaceAll('/dev/vhost', '/nowhere/vhost')
    .replaceAll('modprobe', 'no-such-modprobe');
  assert.equal(await shell(lookAll([{ ...VHOST_NET, look }])), 'vhost-net\tthere is no /nowhere/vhost-net\n');
});

const RULES = [KVM, TUN];
const recipe = {
  plugins: [
    steps('vm', preflight(RULES)),
    steps('other', written('x', { name: 'file', path: '/etc/x', needs: [] })),
  ],
};

laws('vm', recipe, { reads: () => [looking(RULES)], kept: ['preflight'] });

test('host without KVM is refused before anything on it is changed, with every reason', async (t) => {
  const found = { kvm: 'there is no /dev/kvm', tun: 'there is no /dev/net/tun' };
  const bench = await benchOf(t, recipe, { reads: () => [looking(RULES, found)] });
  const before = bench.snapshot();
  const { outcomes } = await bench.run();
  assert.deepEqual(
    [...outcomes].map(([id, { state }]) => [id, state]),
    [
      ['node-1/vm/preflight', 'failed'],
      ['node-1/other/file', 'skipped'],
    ],
  );
  assert.deepEqual([...outcomes][0]?.[1].failure, {
    kind: 'check-failed',
    host: 'node-1',
    what: 'the host can start virtual machines',
    reasons: [`kvm: there is no /dev/kvm; ${KVM.fix}`, `tun: there is no /dev/net/tun; ${TUN.fix}`],
  });
  assert.deepEqual(bench.snapshot(), before);
});

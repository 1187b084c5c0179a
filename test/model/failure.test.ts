/** Failures: the exit code of each kind, and what tells them from bugs. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  codeOf,
  EXIT,
  exitFor,
  Failed,
  type Failure,
  fail,
  failureOf,
  unwritten,
} from '../../core/model/failure.ts';

/** Written out again, because these are promises of the README. */
const CODES: { readonly [K in Failure['kind']]: number } = {
  'command-failed': 1,
  'not-converged': 1,
  'timed-out': 1,
  'cannot-tell': 1,
  'check-failed': 1,
  'left-out': 1,
  'plugin-threw': 1,
  'left-alone': 1,
  overstepped: 1,
  bug: 70,
  unreachable: 1,
  'agent-lost': 1,
  'no-mirror': 1,
  'cannot-change': 1,
  'bad-excerpt': 65,
  'fetch-failed': 1,
  'disk-full': 1,
  'unknown-name': 64,
  usage: 64,
  unlocked: 65,
  'digest-mismatch': 65,
  'proxy-unusable': 65,
  'packages-locked': 75,
  'bytes-changed': 65,
  'no-sum': 65,
  'bad-signature': 65,
  'bundle-unreadable': 65,
  'bundle-lacks': 65,
  'cannot-write': 65,
  'bad-archive': 65,
  'first-use': 65,
  'lock-changed': 65,
  'config-missing': 65,
  'config-unreadable': 65,
  'config-untrusted': 65,
  'config-invalid': 65,
  'site-unreadable': 65,
  'same-site': 65,
  'other-recipe': 65,
  'lock-unreadable': 65,
  'hosts-unreadable': 65,
  cycle: 65,
  held: 75,
  'no-way-back': 1,
  'torn-records': 1,
  'not-undone': 1,
  'foreign-site': 65,
  'one-machine': 65,
  'other-machine': 65,
  'no-site': 65,
  'wrong-platform': 77,
  'no-root': 77,
  'missing-tool': 77,
  'not-installable': 77,
  interrupted: 130,
};

test('EXIT gives every kind its documented code', () => {
  assert.deepEqual(EXIT, CODES);
});

test('fail throws the failure and keeps its cause', () => {
  const cause = new Error('below');
  const failure: Failure = { kind: 'usage', message: 'no' };
  assert.throws(
    () => fail(failure, cause),
    (error) => error instanceof Failed && error.failure === failure && error.cause === cause,
  );
});

test('failureOf answers the failure; what else is thrown is a bug, with its stack', () => {
  const failure: Failure = { kind: 'interrupted', signal: 'SIGINT' };
  assert.equal(failureOf(new Failed(failure)), failure);
  const bug = new TypeError('bug');
  assert.deepEqual(failureOf(bug), { kind: 'bug', stack: bug.stack });
  assert.deepEqual(failureOf('text'), { kind: 'bug', stack: 'threw "text"' });
  const unknown = new Failed({ kind: 'of mine' } as unknown as Failure);
  assert.equal(failureOf(unknown).kind, 'bug');
});

test('codeOf reads the code of a system error only', () => {
  assert.equal(codeOf(Object.assign(new Error(), { code: 'ENOENT' })), 'ENOENT');
  assert.equal(codeOf(Object.assign(new Error(), { code: 2 })), undefined);
  assert.equal(codeOf({ code: 'ENOENT' }), undefined);
  assert.equal(codeOf(undefined), undefined);
});

test('unwritten tells a full disk from a place that cannot be written, and lets the rest through', () => {
  const system = (code: string) => Object.assign(new Error(`${code}: why`), { code });
  const failure = (error: unknown, what?: string): unknown => {
    try {
      return unwritten('/s/cc.lock', error, what);
    } catch (thrown) {
      return thrown instanceof Failed ? thrown.failure : thrown;
    }
  };
  const full = { kind: 'disk-full', host: 'controller' };
  assert.deepEqual(failure(system('ENOSPC')), { ...full, what: 'write cc.lock' });
  assert.deepEqual(failure(system('ENOSPC'), 'fetch a'), { ...full, what: 'fetch a' });
  const denied = { kind: 'cannot-write', path: '/s/cc.lock', why: 'EACCES: why' };
  assert.deepEqual(failure(system('EACCES')), denied);
  for (const bug of [system('ERR_INVALID_ARG_TYPE'), new TypeError('bug'), 'text'])
    assert.equal(failure(bug), bug);
  assert.deepEqual(failure(new Failed({ kind: 'usage', message: 'no' })), { kind: 'usage', message: 'no' });
});

test('an interruption ends a command as its signal would', () => {
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 130],
  ] as const)
    assert.equal(exitFor({ kind: 'interrupted', signal }), code);
});

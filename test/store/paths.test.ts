/** Where cc keeps things, whatever the environment says of it. */
import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { pathsOf } from '../../core/store/paths.ts';

test('folders are those that XDG names, or those below the home folder', () => {
  const of = (env: Readonly<Record<string, string>>) => pathsOf(env, 'r');
  assert.equal(of({ HOME: '/nowhere' }).cache, '/nowhere/.cache/cc');
  assert.match(of({ HOME: '/nowhere' }).state, /^\/nowhere\/\.local\/state\/cc\/r/);
  assert.equal(of({ HOME: '/nowhere', XDG_CACHE_HOME: '/c', XDG_STATE_HOME: '' }).cache, '/c/cc');
});

test('an empty HOME is none, and a relative one is told in full', () => {
  const { state, cache } = pathsOf({ HOME: 'h' }, 'r');
  assert.deepEqual([state, cache], [resolve('h/.local/state/cc/r'), resolve('h/.cache/cc')]);
  assert.equal(pathsOf({ HOME: '' }, 'r').cache, join(userInfo().homedir, '.cache/cc'));
});

test('folders that are named from where cc was started are told in full', () => {
  const { cache, state } = pathsOf({ HOME: '/nowhere', XDG_CACHE_HOME: 'c', XDG_STATE_HOME: './no/s' }, 'r');
  assert.equal(cache, join(resolve('c'), 'cc'));
  assert.match(state, new RegExp(`^${resolve('no/s')}/cc/r`));
});

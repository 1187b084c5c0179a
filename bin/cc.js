#!/usr/bin/env node
/* Starts cc. Written for any Node, so that one too old gets a sentence instead of a syntax error. */

var need = [22, 18];
var have = process.versions.node.split('.').map(Number);
if (have[0] < need[0] || (have[0] === need[0] && have[1] < need[1])) {
  process.stderr.write(
    'cc needs Node ' +
      need.join('.') +
      ' or newer, and this is ' +
      process.version +
      ': run it as npx cc, after npm ci\n',
  );
  process.exitCode = 77;
} else {
  start();
}

function start() {
  // Asked for like this, a module of Node is not wrapped for import, which would load far more than is used.
  // In a folder of the user's own: what lies below /tmp anybody may have put there, and root would run it.
  var cache = process.env.XDG_CACHE_HOME || (process.env.HOME && [process.env.HOME, '.cache'].join('/'));
  if (cache) process.getBuiltinModule('node:module').enableCompileCache([cache, 'cc', 'code'].join('/'));
  // A clone runs its sources, a published package what was compiled from them.
  var source = new URL('../core/main.ts', import.meta.url);
  var clone = process.getBuiltinModule('node:fs').existsSync(source);
  import(clone ? source.href : new URL('../dist/core/main.js', import.meta.url).href);
}

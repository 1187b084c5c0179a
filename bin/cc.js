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
  import('node:module').then((module) => {
    if (module.enableCompileCache) module.enableCompileCache();
    // A clone runs its sources, a published package what was compiled from them.
    return import('node:fs').then((fs) => {
      var source = new URL('../core/main.ts', import.meta.url);
      return import(
        fs.existsSync(source) ? source.href : new URL('../dist/core/main.js', import.meta.url).href
      );
    });
  });
}

#!/usr/bin/env node
/* Starts cc. Written for any runtime that knows modules, so that one too old gets a sentence instead of a syntax error. */

const deno = globalThis.Deno;
// Deno names a version of Node, too: one that it is like, which says nothing about what it can do.
const runtime = deno
  ? { name: 'Deno', version: deno.version.deno, need: [2, 8] }
  : { name: 'Node', version: process.versions.node, need: [22, 18] };
const [major, minor] = runtime.version.split('.').map(Number);
// A clone runs its sources, a published package what was compiled from them.
const source = new URL('../core/main.ts', import.meta.url);

if (major < runtime.need[0] || (major === runtime.need[0] && minor < runtime.need[1])) refuse();
else start();

function start() {
  // Asked for like this, a module of Node is not wrapped for import, which would load far more than is used.
  const loading = process.getBuiltinModule('node:module');
  // In a folder of the user's own: what lies below /tmp anybody may have put there, and root would run it.
  const cache = process.env.XDG_CACHE_HOME || (process.env.HOME && [process.env.HOME, '.cache'].join('/'));
  // Deno keeps code by itself, and so does Node where it is told to; then no folder is made here.
  const asked = loading.enableCompileCache && !process.env.NODE_COMPILE_CACHE;
  if (cache && asked && isOwn([cache, 'cc', 'code'].join('/')))
    loading.enableCompileCache([cache, 'cc', 'code'].join('/'));
  const clone = process.getBuiltinModule('node:fs').existsSync(source);
  import(clone ? source.href : new URL('../dist/core/main.js', import.meta.url).href);
}

/* Whether it is there, or can be made, and nobody else may write it, nor a folder on the way: Node runs what stands there as it is. */
function isOwn(folder) {
  try {
    return made(folder);
  } catch (error) {
    if (typeof error.code === 'string') return false; // the system does not let this user
    throw error;
  }
}

function made(folder) {
  const { lstatSync, mkdirSync } = process.getBuiltinModule('node:fs');
  const uid = process.getuid ? process.getuid() : 0;
  if (folder.charAt(0) !== '/') return false;
  const parts = folder.split('/');
  let shared = false;
  for (let count = 1; count <= parts.length; count += 1) {
    const path = parts.slice(0, count).join('/') || '/';
    const facts = lstatSync(path, { throwIfNoEntry: false });
    if (!facts) {
      if (shared) return false;
      // Node would do so for ever where nobody may, as in /proc.
      mkdirSync(path, 0o700);
      continue;
    }
    if (!facts.isDirectory() || (facts.uid !== 0 && facts.uid !== uid)) return false;
    // In a folder such as /tmp others may not touch what belongs to somebody else, and may make what is not there.
    shared = (facts.mode & 0o022) !== 0;
    if (shared && (facts.mode & 0o1000) === 0) return false;
  }
  return !shared;
}

function refuse() {
  const { name, version, need } = runtime;
  process.exitCode = 77;
  import('node:fs').then((fs) => {
    const what = `Cannot run on ${name} ${version}: cc needs ${need.join('.')} or newer`;
    process.stderr.write(`${what}\n  it is ${process.execPath}\n  fix: ${deno ? 'deno upgrade' : fix(fs)}\n`);
  });
}

/* How to get one that is new enough differs: a clone and a project can hold their own, and npx then finds it. */
function fix(fs) {
  if (fs.existsSync(source)) return 'npm ci, which brings a newer Node; then start cc with npx cc';
  const place = decodeURI(new URL(import.meta.url).pathname).split('/node_modules/')[0];
  if (place.indexOf('/_npx/') < 0 && fs.existsSync(`${place}/package.json`))
    return `npm install --save-dev node@24 in ${place}; then start cc there with npx cc`;
  return 'install a newer Node: https://nodejs.org/en/download';
}

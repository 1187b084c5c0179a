/**
 * What the published package holds beside bin/ and types: JavaScript with everything that starting needs in one file, because
 * each module that Node loads costs a share of a millisecond.
 */
import {
  copyFileSync,
  cpSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { type OutputChunk, type Plugin, rolldown } from 'rolldown';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What people start or import. */
const ENTRIES = ['core/main.ts', 'core/mod.ts', 'plugins/*.ts', 'recipes/*.ts'];
/** Loaded from node_modules where they are wanted, which is seldom. */
const EXTERNAL = [/^cosmiconfig$/, /^ora$/, /^zx\//];

/** Asks for Node's own modules in the way that loads least: an import would wrap each of them, with all it offers. */
const builtins: Plugin = {
  name: 'builtins',
  resolveId: (id) => (id.startsWith('node:') ? { id: `\0${id}`, moduleSideEffects: false } : null),
  load: (id) => {
    if (!id.startsWith('\0node:')) return null;
    const name = id.slice(1);
    const offered = Object.keys(process.getBuiltinModule(name) ?? {}).filter((key) =>
      /^[a-z]\w*$/i.test(key),
    );
    return [
      `const all = /* @__PURE__ */ process.getBuiltinModule('${name}');`,
      'export default all;',
      ...offered.map((key) => `const its_${key} = /* @__PURE__ */ (() => all.${key})();`),
      `export { ${offered.map((key) => `its_${key} as ${key}`).join(', ')} };`,
    ].join('\n');
  },
};

async function bundle(dist: string): Promise<readonly OutputChunk[]> {
  const files = globSync(ENTRIES, { cwd: ROOT });
  const input = Object.fromEntries(files.map((file) => [file.replace(/\.ts$/, ''), file]));
  const build = await rolldown({
    cwd: ROOT,
    input,
    platform: 'node',
    plugins: [builtins],
    external: EXTERNAL,
    logLevel: 'warn',
    checks: { ineffectiveDynamicImport: false }, // one file for all that is loaded anyway is what we want
  });
  const { output } = await build.write({
    dir: dist,
    format: 'esm',
    minify: true,
    // As deep as what core/cli compiles to, so that paths from there hold.
    chunkFileNames: 'core/chunks/[name].js',
    codeSplitting: {
      groups: [
        { name: 'core', tags: ['$initial'], test: (id) => !/\/(plugins|recipes)\/|core\/main\.ts$/.test(id) },
      ],
    },
  });
  await build.close();
  return output.filter((file) => file.type === 'chunk');
}

/** The licences of what was bundled ask to go where their code goes. */
function notices(chunks: readonly OutputChunk[]): string {
  const bundled = chunks.flatMap(({ moduleIds }) =>
    moduleIds.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []),
  );
  return [...new Set(bundled)]
    .sort()
    .map((folder) => {
      const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const licence = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
      if (licence === undefined) throw new Error(`${folder} has no licence to hand on`);
      return `${name} ${version}\n\n${readFileSync(join(folder, licence), 'utf8')}`;
    })
    .join('\n\n');
}

/** Makes `dist` of a package anew, but for the types. */
export async function makeDist(dist: string): Promise<void> {
  rmSync(dist, { recursive: true, force: true });
  const chunks = await bundle(dist);
  writeFileSync(join(dist, 'THIRD-PARTY.txt'), notices(chunks));
  // What runs on hosts goes there as it is.
  mkdirSync(join(dist, 'core/host'), { recursive: true });
  copyFileSync(join(ROOT, 'core/host/agent.pl'), join(dist, 'core/host/agent.pl'));
  // The lock of a shipped recipe stands beside it, as it does in a clone.
  for (const file of globSync('recipes/*.lock', { cwd: ROOT }))
    copyFileSync(join(ROOT, file), join(dist, file));
}

/** Makes a package that can be started, with the modules of this repository. */
export async function makePackage(folder: string): Promise<void> {
  await makeDist(join(folder, 'dist'));
  for (const name of ['bin', 'package.json'])
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
}

/** A recipe for tests of the command line: a note, and a copy of it, both in the folder it stands in. */
import { cc, folder, MOD } from '../rig/cc.ts';

/** The recipe under a name, with more of a recipe where that is given. */
export function recipeOf(name: string, more = ''): string {
  return NOTES.replace("name: 'notes',", `name: '${name}', ${more}`);
}

const NOTES = `import { built, cmd, plugin, recipe, v, written } from '${MOD}';

const here = import.meta.dirname;
const at = { where: 'controller', root: false } as const;

const note = plugin({
  name: 'note',
  help: 'writes a note',
  options: v.strictObject({ text: v.optional(v.string(), 'one') }),
  build: ({ text }) => ({ steps: [written(text, { name: 'text', path: here + '/note', ...at })] }),
});

const copy = plugin({
  name: 'copy',
  help: 'copies the note',
  options: v.strictObject({}),
  build: () => ({
    needs: ['note'],
    steps: [built({ name: 'file', outputs: [here + '/copy'], make: [cmd\`cp \${here}/note \${here}/copy\`], ...at })],
  }),
});

const cleanup = plugin({
  name: 'cleanup',
  help: 'takes the note back',
  options: v.strictObject({}),
  isCleanup: true,
  build: () => ({ steps: [] }),
});

export default recipe({ name: 'notes', plugins: [note(), copy(), cleanup()] });
`;

export interface Site {
  readonly cwd: string;
  /** Runs cc; the folder is called `~`, and what differs from run to run has names. */
  run(...words: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** A folder with the recipe; what cc noted about it on this machine is taken back after the test. */
export async function notes(test: { after(done: () => Promise<void>): void }): Promise<Site> {
  const back = async (done: () => Promise<void>) => {
    await cc(cwd, 'run', 'cleanup');
    await done();
  };
  const cwd = await folder({ after: (done) => test.after(() => back(done)) }, { 'cc.config.ts': NOTES });
  const plain = (text: string) =>
    text
      .replaceAll(cwd, '~')
      .replaceAll(/\b\d{8}-\d{6}-\d+\b/g, 'RUN')
      .replaceAll(/\b[0-9a-f]{12}\b/g, 'DIGEST')
      .replaceAll(/^critical path .*$/gm, 'critical path …')
      .replaceAll(/\b(\d+ ms|\d+\.\d s)(?=$|:)/gm, 'TIME');
  return {
    cwd,
    run: async (...words) => {
      const { code, stdout, stderr } = await cc(cwd, ...words);
      return { code, stdout: plain(stdout), stderr: plain(stderr) };
    },
  };
}

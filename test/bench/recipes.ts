/** Configurations to measure with, as text, and the graph that is given to cc and to its peer. */
import { dice } from '../graph/random.ts';

/** For each task the numbers of those it needs. */
export type Graph = readonly (readonly number[])[];

/** Layers of equal width; each task needs one to three of the layer before. The same seed gives the same graph. */
export function layered(tasks: number, width: number, seed: number): Graph {
  const roll = dice(seed);
  return Array.from({ length: tasks }, (_, index) => {
    const layer = Math.floor(index / width);
    if (layer === 0) return [];
    const needs = Array.from({ length: 1 + roll(3) }, () => (layer - 1) * width + roll(width));
    return [...new Set(needs)];
  });
}

const HEAD = "import { plugin, recipe, step, v, written } from 'cc-kubernetes';\n";

/** A recipe of one plugin whose steps are the value of an expression. */
function recipeOf(steps: string, concurrency: number): string {
  return `${HEAD}const looks = new Map<string, number>();
const bench = plugin({
  name: 'bench', help: 'measures', options: v.strictObject({}),
  build: () => ({ steps: ${steps} }),
});
export default recipe({ name: 'bench', concurrency: ${concurrency}, plugins: [bench()] });
`;
}

/** Files with one line each, written below a folder. */
export function files(count: number, folder: string): string {
  return recipeOf(
    `Array.from({ length: ${count} }, (_, i) => written(\`line \${i}\\n\`, {
      name: \`f\${i}\`, path: \`${folder}/f\${i}\`, where: 'controller', root: false,
    }))`,
    8,
  );
}

/** One command for each task of a graph. A task is absent when first looked at, and present ever after. */
export function commands(graph: Graph, argv: readonly string[], concurrency: number): string {
  const needs = JSON.stringify(graph);
  return recipeOf(
    `(${needs} as number[][]).map((needs, i) => step<{ done: boolean }>({
      name: \`t\${i}\`, where: 'controller', root: false, needs: needs.map((need) => \`bench/t\${need}\`),
      probe: async () => {
        const seen = looks.get(\`t\${i}\`) ?? 0;
        looks.set(\`t\${i}\`, seen + 1);
        return { done: seen > 0 };
      },
      plan: ({ done }) =>
        done ? [] : [{ kind: 'run', command: { argv: ${JSON.stringify(argv)} }, why: 'not done' }],
    }))`,
    concurrency,
  );
}

/** The same graph for ninja; outputs never appear, so every edge runs every time. */
export function ninjaFile(graph: Graph, command: string): string {
  const edges = graph.map((needs, i) => `build t${i}: c ${needs.map((need) => `t${need}`).join(' ')}\n`);
  return `rule c\n  command = ${command}\n${edges.join('')}`;
}

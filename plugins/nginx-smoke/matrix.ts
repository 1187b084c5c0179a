/** From which node nginx was reached on which, as a table and in sentences. */
import type { Fault, Reached, Way } from './reach.ts';
import { WAYS } from './reach.ts';

/** A pair of nodes, with what failed between them. */
interface Pair {
  readonly from: string;
  readonly to: string;
  readonly asked: number;
  readonly faults: readonly { readonly way: Way; readonly url: string; readonly fault: Fault }[];
}

/** By node that asks and node that is asked: `ok`, or what fails. */
export type Matrix = { readonly [from: string]: { readonly [to: string]: string } };

/** Of more nodes a table shows only those with faults. */
const WHOLE = 12;
/** Pairs that are told in sentences. */
const TOLD = 20;

export function matrixOf(all: readonly Reached[]): Matrix {
  const rows: Record<string, Record<string, string>> = {};
  for (const pair of pairsOf(all)) {
    const row = rows[pair.from] ?? {};
    rows[pair.from] = { ...row, [pair.to]: cellOf(pair) };
  }
  return rows;
}

/** The table, its rows the nodes that ask. */
export function tableOf(matrix: Matrix): readonly string[] {
  const nodes = Object.keys(matrix);
  const isBad = (from: string, to: string) => (matrix[from]?.[to] ?? 'ok') !== 'ok';
  const isWhole = nodes.length <= WHOLE;
  const rows = nodes.filter((from) => isWhole || nodes.some((to) => isBad(from, to)));
  const columns = nodes.filter((to) => isWhole || nodes.some((from) => isBad(from, to)));
  if (rows.length === 0) return [`${nodes.length} nodes, all pairs ok`];
  const table = [
    ['from \\ to', ...columns],
    ...rows.map((from) => [from, ...columns.map((to) => matrix[from]?.[to] ?? '-')]),
  ];
  const widths = table[0]!.map((_, at) => Math.max(...table.map((row) => row[at]!.length))); // rows are alike
  const lines = table.map((row) => row.map((cell, at) => cell.padEnd(widths[at]!)).join('  '));
  return lines.map((line) => line.trimEnd());
}

/** One sentence for each reason between two nodes. */
export function faultsOf(all: readonly Reached[]): readonly string[] {
  const lines = pairsOf(all)
    .filter(({ faults }) => faults.length > 0)
    .map(({ from, to, faults }) => {
      const reasons = [...new Set(faults.map(({ fault }) => fault.why))].map((why) => {
        const ways = faults.filter(({ fault }) => fault.why === why);
        return `${ways.map(({ way, url }) => `${WAYS[way]} ${hostOf(url)}`).join(', ')}: ${why}`;
      });
      return `${from} → ${to}: ${reasons.join('; ')}`;
    });
  const more = lines.length - TOLD;
  return more > 0 ? [...lines.slice(0, TOLD), `and ${more} more pairs`] : lines;
}

/** As it stands between `http://` and the path. */
function hostOf(url: string): string {
  return url.split('/')[2] ?? url;
}

function pairsOf(all: readonly Reached[]): readonly Pair[] {
  const pairs = new Map<string, Pair>();
  for (const { from, to, way, url, fault } of all) {
    const key = `${from.node} ${to.node}`;
    const { asked = 0, faults = [] } = pairs.get(key) ?? {};
    const now = fault ? [...faults, { way, url, fault }] : faults;
    pairs.set(key, { from: from.node, to: to.node, asked: asked + 1, faults: now });
  }
  return [...pairs.values()];
}

/** The word alone where every way fails for one reason. */
function cellOf({ asked, faults }: Pair): string {
  const words = [...new Set(faults.map(({ fault }) => fault.word))];
  if (words.length === 0) return 'ok';
  if (words.length === 1 && faults.length === asked) return words[0]!; // it has one
  return words
    .map((word) => {
      const ways = faults.filter(({ fault }) => fault.word === word).map(({ way }) => way);
      return `${ways.join('+')} ${word}`;
    })
    .join(', ');
}

/** What benches print: medians with their spread, and the ratio of what is measured to its floor or peer. */
import type { Measured, Spread } from './measure.ts';

export function title(what: string, bar?: string): void {
  print(bar === undefined ? `\n${what}` : `\n${what} (goal: ${bar})`);
}

export function compared(floor: Measured, own: Measured): void {
  printSpreads(floor, own);
  const memory = floor.mb && own.mb ? `, ${(own.mb.median / floor.mb.median).toFixed(2)} x the memory` : '';
  print(`  ratio        ${(own.ms.median / floor.ms.median).toFixed(2)} x the time${memory}`);
  const noise = (floor.ms.high - floor.ms.low) / floor.ms.median;
  if (noise > 0.2) print(`  noisy: the middle half of the floor spreads over ${Math.round(100 * noise)} %`);
}

export function printSpreads(...all: readonly Measured[]): void {
  for (const each of all)
    print(`  ${each.name.padEnd(12)} ${shown(each.ms, 'ms')}${each.mb ? `   ${shown(each.mb, 'MB')}` : ''}`);
}

function shown({ median, low, high }: Spread, unit: string): string {
  return `${median.toFixed(0).padStart(6)} ${unit} (${low.toFixed(0)} to ${high.toFixed(0)})`;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

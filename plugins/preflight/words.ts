/** How hosts and times are told of, many or few. */

/** As many as a line has room for. */
const SHOWN = 5;

/** `a`, `a and b`, `a, b, c, d, e and 45 others`. */
export function listed(names: readonly string[]): string {
  const rest = names.length - SHOWN;
  const shown = rest > 1 ? [...names.slice(0, SHOWN), `${rest} others`] : names;
  if (shown.length < 2) return shown.join('');
  return `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

export function seconds(value: number): string {
  return `${value.toFixed(value < 1 ? 3 : 1)} s`;
}

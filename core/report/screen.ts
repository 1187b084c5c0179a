/** What a terminal can do, by what its environment says. */

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether a line can be written over. A dumb terminal cannot, and a CI keeps each version of it as a line of its log. */
export function canMove({ TERM = 'dumb', CI = '' }: Environment): boolean {
  return !['', 'dumb'].includes(TERM) && ['', '0', 'false'].includes(CI);
}

/** As on no-color.org: any value but an empty one says no. */
export function mayColour({ NO_COLOR = '' }: Environment): boolean {
  return NO_COLOR === '';
}

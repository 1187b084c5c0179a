/** The run that has what only one may have. */

/** Who holds a host or a state folder. */
export type Owner = {
  readonly pid: number;
  /** Clock ticks after boot at which the process started: tells it from a later one with the same pid. */
  readonly started: string;
  readonly boot: string;
  readonly run: string;
  readonly command: string;
  readonly since: string;
  /** The user, and the machine that the run is started from. */
  readonly user: string;
  readonly from: string;
};

/** Whose things are: the run that has what only one may have, and the site. */

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

export type SiteName = { readonly id: string; readonly name: string };

/** Stands for the identity of a site of which nobody has made one. */
export const NO_IDENTITY = 'none yet';

/** A host that is another site's; both by the name of their recipe and the identity of the site. */
export type ForeignSite = {
  readonly host: string;
  readonly mine: SiteName;
  readonly theirs: SiteName;
  /** What leads out, where more is known of the other. */
  readonly way?: string;
};

/** A recipe with the identity, in the file `site`, of another one. */
export type OtherRecipe = {
  readonly site: string;
  readonly name: string;
  readonly of: string;
  readonly config: string;
};

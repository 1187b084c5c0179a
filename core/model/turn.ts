/** Hosts take turns where a task would disturb what runs on them: so many at once, and no further one after a failure. */

/** What a step is in the turn of its host. Each host has at most one step that opens, and with it one that closes. */
export type Turn = Opens | Disturbs | { readonly kind: 'closes' };

/**
 * Its task comes before all that disturb its host, and knows of each whether it would change anything: `Last.pending`. Where it
 * has something to do itself, or its host `isInside`, the host waits for its turn first.
 */
export interface Opens {
  readonly kind: 'opens';
  /** Hosts that share one count of places. */
  readonly of: string;
  /** How many hosts of that name may be inside at once. */
  readonly places: number;
  /** Names whose hosts take their turns before. */
  readonly after?: readonly string[];
}

export interface Disturbs {
  readonly kind: 'disturbs';
  /** Tasks of its host that are about one of these paths disturb it as well: their changes take effect with this one. */
  readonly by?: readonly string[];
}

/** A task that would change something in the turn of its host, and why. */
export interface Pending {
  readonly task: string;
  readonly why: string;
}

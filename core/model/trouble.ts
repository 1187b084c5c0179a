/** Why bytes cannot be had, or are not those that they were; and what cannot be looked at. */

/** A look at a host that failed. */
export type CannotTell = {
  readonly kind: 'cannot-tell';
  readonly host: string;
  readonly what: string;
  readonly why: string;
  readonly fix?: string;
};

/** Why bytes could not be had from one address. */
export type Trouble =
  | { readonly kind: 'corrupt'; readonly expected: string; readonly found: string }
  | { readonly kind: 'truncated'; readonly expected: number; readonly found: number }
  | { readonly kind: 'web-page' }
  | { readonly kind: 'too-large'; readonly limit: number }
  | { readonly kind: 'idle'; readonly seconds: number }
  | { readonly kind: 'refused'; readonly status: number; readonly text: string }
  | { readonly kind: 'broken'; readonly why: string };

/** One address that was tried, without user name and password, and why it would not do. */
export type Attempt = { readonly url: string; readonly trouble: Trouble };

/** Bytes behind an address that are others than when it was locked. */
export type LockChange = {
  readonly name: string;
  readonly arch: string;
  readonly url: string;
  readonly from: string;
  readonly to: string;
};

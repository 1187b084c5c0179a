/** Building CoreDNS from its source tree, by version. */
import type { Artifact } from '../../core/mod.ts';
import { tree } from '../capabilities.ts';
import type { GoBuild } from '../golang/compile.ts';

/** A commit of a repository, and the tag that its makers gave it. */
type At = readonly [repository: string, commit: string, tag: string];

interface Tree {
  readonly commit: string;
  /**
   * By import path, what its vendor folder leaves out so that plugins of others compile with it: the versions that its Makefile fetches,
   * and what these import in turn.
   */
  readonly beside: Readonly<Record<string, At>>;
}

/** Trees from 1.5.0 on have no vendor folder: their modules come from a proxy, and nothing is fetched while compiling. */
const TREES: Readonly<Record<string, Tree>> = {
  '1.4.0': {
    commit: '8dcc7fccd74454134b33c8bc9f780ed6d7f076cf',
    beside: {
      'github.com/mholt/caddy': ['caddyserver/caddy', 'c1d6c928e3a29e94013bda4d339d9e426500c8e7', 'v0.11.4'],
      'github.com/miekg/dns': ['miekg/dns', '8fc2e5773bbd308ca2fcc962fd8d25c1bd0f6743', 'v1.1.4'],
      'github.com/prometheus/client_golang': [
        'prometheus/client_golang',
        'abad2d1bd44235a26707c172eab6bca5bf2dbad3',
        'v0.9.1',
      ],
      'github.com/beorn7/perks': ['beorn7/perks', '4b2b341e8d7715fae06375aa633dbb6e91b3fb46', 'v1.0.0'],
      'github.com/prometheus/procfs': [
        'prometheus/procfs',
        '65bdadfa96aecebf4dcf888da995a29eab4fc964',
        'v0.0.1',
      ],
    },
  },
};

/** Versions that can be built here. */
export const BUILDABLE = Object.keys(TREES);

const IMPORTED = 'github.com/coredns/coredns';

/** requires: a version that is `BUILDABLE`. */
export function treeOf(
  version: string,
): Pick<GoBuild, 'source' | 'vendored' | 'gopath' | 'packages' | 'variables'> {
  const { commit, beside } = TREES[version]!;
  const vendored = Object.entries(beside).map(([path, [repository, commit, tag]]): [string, Artifact] => [
    path,
    tree(`coredns-${repository.slice(repository.indexOf('/') + 1)}`, repository, commit, tag),
  ]);
  return {
    source: tree('coredns-source', 'coredns/coredns', commit, `v${version}`),
    vendored: Object.fromEntries(vendored),
    gopath: IMPORTED,
    packages: ['.'],
    variables: { [`${IMPORTED}/coremain.GitCommit`]: commit },
  };
}

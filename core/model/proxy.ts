/** The proxies of a recipe as its hosts know them. */
/** The proxies to go through; what is not given is read from the environment, on the controller alone. */
export interface Proxied {
  readonly http?: string;
  readonly https?: string;
  /** Hosts that are reached without one, separated by commas. */
  readonly no?: string;
}

/** What hosts go through to the network, and what they reach without it. */
export interface HostProxy {
  readonly http?: string;
  readonly https?: string;
  readonly no: readonly string[];
}

/** A host, as far as others have to know it here. */
interface Node {
  readonly name: string;
  readonly address?: string;
  readonly connection: { readonly kind: 'local' } | { readonly kind: 'ssh'; readonly address: string };
}

const LOCAL = ['localhost', '127.0.0.1', '::1'];

/** Nodes reach each other and themselves directly; undefined where the recipe names no proxy. */
export function hostProxy({ http, https, no = '' }: Proxied, hosts: readonly Node[]): HostProxy | undefined {
  if (http === undefined && https === undefined) return undefined;
  const given = no.split(/[\s,]+/).filter((each) => each !== '');
  const nodes = hosts.flatMap(({ name, address, connection }) => [
    name,
    ...(connection.kind === 'ssh' ? [connection.address] : []),
    ...(address !== undefined && /^\d/.test(address) ? [address] : []),
  ]);
  return {
    ...(http === undefined ? {} : { http }),
    ...(https === undefined ? {} : { https }),
    no: [...new Set([...given, ...LOCAL, ...nodes])],
  };
}

/** The variables by which programs are told these proxies and no others. */
export function proxyVariables({ http = '', https = '', no }: HostProxy) {
  return { http_proxy: http, https_proxy: https, no_proxy: no.join(',') } as const;
}

/**
 * Addresses, networks and what else options say of a network: `net` of `cc-kubernetes`. IPv4 is reckoned here, because loading
 * node:net for it would take longer than all else that an option is checked for.
 */
import * as v from './vocabulary.ts';

/** An IPv4 address as a number. */
function numberOf(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function dotted(number: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(number / 2 ** bits) % 256).join('.');
}

/** The first address of a network and how many it has; a bare address is a network of one. */
function rangeOf(subnet: string): { readonly first: number; readonly size: number } {
  const [address = '', prefix = '32'] = subnet.split('/');
  const [number, size] = [numberOf(address), 2 ** (32 - Number(prefix))];
  return { first: number - (number % size), size };
}

/** Whether two networks share an address; either may be a bare address. requires: IPv4. */
export function overlap(one: string, other: string): boolean {
  const [a, b] = [rangeOf(one), rangeOf(other)];
  return a.first < b.first + b.size && b.first < a.first + a.size;
}

/** An address of a network, counted from its first. requires: IPv4. */
export function addressAt(subnet: string, index: number): string {
  return dotted(rangeOf(subnet).first + index);
}

const PART = '(?:0|[1-9]\\d?|1\\d\\d|2[0-4]\\d|25[0-5])';
const IPV4 = new RegExp(`^${PART}(?:\\.${PART}){3}$`);

export function isIpv4(text: string): boolean {
  return IPV4.test(text);
}

/** Why a text is no IPv4 network in which `narrowest` and `widest` bound the prefix; undefined where it is one. */
function mistake(text: string, [widest, narrowest]: readonly [number, number]): string | undefined {
  const example = `as 10.40.0.0/${Math.max(16, widest)}`;
  const [address = '', prefix = '', ...more] = text.split('/');
  if (address.includes(':')) return `expected an IPv4 network, ${example}: IPv6 is not set up by cc`;
  if (!isIpv4(address) || !/^\d{1,2}$/.test(prefix) || Number(prefix) > 32 || more.length > 0)
    return `expected an IPv4 network, ${example}, found "${text}"`;
  if (Number(prefix) < widest || Number(prefix) > narrowest)
    return `expected a prefix from /${widest} to /${narrowest}, found /${prefix}`;
  const first = addressAt(text, 0);
  return first === address
    ? undefined
    : `expected the first address of a network: that of ${text} is ${first}/${prefix}`;
}

/** An IPv4 network by its first address, with a prefix from the widest to the narrowest that will do. */
export function subnet(widest: number, narrowest: number) {
  const bounds = [widest, narrowest] as const;
  return v.pipe(
    v.string(),
    v.check(
      (text) => mistake(text, bounds) === undefined,
      ({ input }) => mistake(input, bounds) ?? '',
    ),
  );
}

export const Ipv4 = v.pipe(
  v.string(),
  v.check(isIpv4, ({ input }) => `expected an IPv4 address, as 192.0.2.10, found "${input}"`),
);

/** What ssh is given: a name or an address, never an option. */
export const HostAddress = v.pipe(
  v.string(),
  v.check(
    (text) => notAddress(text) === undefined,
    ({ input }) => notAddress(input) ?? '',
  ),
);

function notAddress(text: string): string | undefined {
  const [, name, port] = /^([^:]+):(\d+)$/.exec(text) ?? [];
  if (port !== undefined) return `has the port in it: write address: '${name}', port: ${port}`;
  // What has digits and dots alone is no name: RFC 1123, 2.1.
  const isPlain = /^[\w:.[][\w:.%[\]-]*$/.test(text) && (isIpv4(text) || !/^[\d.]+$/.test(text));
  return isPlain ? undefined : `expected a host name or an address, as 192.0.2.10, found "${text}"`;
}

export const Port = v.pipe(
  v.number(),
  v.check(
    (port) => Number.isInteger(port) && port >= 1 && port <= 65535,
    ({ input }) => `expected a port from 1 to 65535, as 22, found ${input}`,
  ),
);

/** The kernel's limit, IFNAMSIZ less the byte that ends a name. */
const LONGEST = 15;

/** The name of a network interface. */
export const Interface = v.pipe(
  v.string(),
  v.check(
    (name) => /^[a-z][\w.-]*$/i.test(name) && name.length <= LONGEST,
    ({ input }) =>
      `expected the name of an interface, as cc0: a letter, then letters, digits, ".", "_" and "-", at most ${LONGEST} in all; found ${input.length} in "${input}"`,
  ),
);

/**
 * From when until when a certificate counts. Read from its DER (ITU-T X.690) as far as RFC 5280, section 4.1, puts that into it:
 * OpenSSL takes longer to load than a run that finds nothing to do.
 */

/** Milliseconds since 1970. */
export interface Validity {
  readonly from: number;
  readonly until: number;
}

const PEM = /-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/g;

/** Those of all certificates in a PEM file; undefined where one of them cannot be read, or there is none. */
export function validities(pem: string): readonly Validity[] | undefined {
  const all = [...pem.matchAll(PEM)].map(([, base64 = '']) => bytesOf(base64.replaceAll(/\s/g, '')));
  const read = all.flatMap((bytes) => (bytes && validity(bytes)) ?? []);
  return read.length === all.length && all.length > 0 ? read : undefined;
}

/** What base64 holds; undefined for what is none. */
export function bytesOf(base64: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
  } catch {
    return undefined;
  }
}

const [SEQUENCE, UTC_TIME, GENERALIZED_TIME] = [0x30, 0x17, 0x18];
/** The version of a certificate, which the first one leaves out. */
const VERSION = 0xa0;

/** Certificate, in it TBSCertificate: version, serialNumber, signature, issuer, validity, and more. */
function validity(bytes: Uint8Array): Validity | undefined {
  const certificate = elements(bytes)[0];
  const fields = elements(elements(certificate?.content)[0]?.content);
  const at = fields[0]?.tag === VERSION ? 4 : 3;
  const [from, until] = elements(fields[at]?.tag === SEQUENCE ? fields[at].content : undefined).map(timeOf);
  return from !== undefined && until !== undefined ? { from, until } : undefined;
}

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** What stands in a row; nothing where a length is not whole. */
function elements(bytes: Uint8Array = new Uint8Array()): readonly Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [tag = 0, first = 0] = bytes.subarray(at, at + 2);
    const more = first < 0x80 ? 0 : first - 0x80;
    const length =
      more === 0 ? first : bytes.subarray(at + 2, at + 2 + more).reduce((sum, byte) => sum * 256 + byte, 0);
    const start = at + 2 + more;
    at = start + length;
    if (at > bytes.length) return [];
    found.push({ tag, content: bytes.subarray(start, at) });
  }
  return found;
}

/** UTCTime has two digits for the year, of 1950 to 2049; RFC 5280, section 4.1.2.5, wants seconds and Z in both. */
function timeOf({ tag, content }: Element): number | undefined {
  const text = String.fromCharCode(...content);
  const whole = tag === UTC_TIME ? `${Number(text.slice(0, 2)) < 50 ? 20 : 19}${text}` : text;
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(whole);
  if (!parts || (tag !== UTC_TIME && tag !== GENERALIZED_TIME)) return undefined;
  const [, year, month, day, hour, minute, second] = parts.map(Number);
  return Date.UTC(year!, month! - 1, day, hour, minute, second); // the pattern has six groups
}

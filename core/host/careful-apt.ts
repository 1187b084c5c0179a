/** apt without the ways by which it believes what nobody has signed, whatever the configuration of its host says. */

/**
 * apt.conf(5) and apt-secure(8) name them. Older releases believe by default, and know not all of these words: what apt does
 * not know it passes over.
 */
const CAREFUL = {
  'Acquire::AllowInsecureRepositories': 'false',
  'Acquire::AllowWeakRepositories': 'false',
  'Acquire::AllowDowngradeToInsecureRepositories': 'false',
  'APT::Get::AllowUnauthenticated': 'false',
  'APT::Get::Force-Yes': 'false',
  'APT::Authentication::TrustCDROM': 'false',
  'Acquire::Check-Valid-Until': 'true',
  'Acquire::Check-Date': 'true',
  'Acquire::https::Verify-Peer': 'true',
  'Acquire::https::Verify-Host': 'true',
} as const;

/** Set for one server alone, which no word about all servers sets again. */
const FOR_ONE_SERVER = /^(Acquire::https::\S+::Verify-(?:Peer|Host)) /gim;

/**
 * Words for apt-get, which have to come after all others: of two the later one counts, and both before any file. `dump` is
 * what `apt-config dump` says on the same host.
 */
export function carefulWords(dump: string): readonly string[] {
  const servers = [...dump.matchAll(FOR_ONE_SERVER)].map(([, key]) => [key, 'true'] as const);
  return [...Object.entries(CAREFUL), ...servers].flatMap(([key, value]) => ['-o', `${key}=${value}`]);
}

/** A place where a list of sources has apt believe an archive without a signature. */
export interface Unsigned {
  readonly file: string;
  readonly line: number;
  /** As it stands there. */
  readonly option: string;
}

const CARELESS = /^(?:trusted|allow-insecure|allow-weak|allow-downgrade-to-insecure)$/i;
const TRUE = /^(?:yes|true|with|on|enable|0*[1-9]\d*)$/i;

/** Finds them in one list: in the form of sources.list, or that of deb822 where the file is called `.sources`. */
export function unsignedIn(file: string, text: string): readonly Unsigned[] {
  const lines = text.split('\n');
  return file.endsWith('.sources')
    ? inStanzas(file, lines)
    : lines.flatMap((line, at) => inLine(file, line, at));
}

function inLine(file: string, text: string, at: number): readonly Unsigned[] {
  const [, options = ''] = /^\s*deb(?:-src)?\s+\[([^\]]*)\]/.exec(text) ?? [];
  return options.split(/\s+/).flatMap((option) => {
    const [, name = '', value = ''] = /^([\w-]+?)[+-]?=(.*)$/.exec(unquoted(option)) ?? [];
    return CARELESS.test(name) && TRUE.test(value) ? [{ file, line: at + 1, option }] : [];
  });
}

/** As apt reads a word: quotes go, and bytes may stand as numbers. */
function unquoted(word: string): string {
  return word
    .replaceAll('"', '')
    .replaceAll(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** A field goes on in lines that begin with a blank; a stanza ends with an empty line, and may be switched off as a whole. */
function inStanzas(file: string, lines: readonly string[]): readonly Unsigned[] {
  const found: Unsigned[] = [];
  let [stanza, enabled]: [Unsigned[], boolean] = [[], true];
  let field: { name: string; line: number; value: string } | undefined;
  const endField = () => {
    const { name = '', line = 0, value = '' } = field ?? {};
    if (CARELESS.test(name) && TRUE.test(value)) stanza.push({ file, line, option: `${name}: ${value}` });
    if (/^enabled$/i.test(name)) enabled = TRUE.test(value);
    field = undefined;
  };
  for (const [at, text] of [...lines, ''].entries()) {
    if (text.startsWith('#')) continue;
    const [, name, value = ''] = /^([\w-]+)\s*:(.*)$/.exec(text) ?? [];
    if (name !== undefined || text.trim() === '') endField();
    if (name !== undefined) field = { name, line: at + 1, value: value.trim() };
    else if (field) field.value = `${field.value} ${text.trim()}`.trim();
    if (text.trim() !== '') continue;
    if (enabled) found.push(...stanza);
    [stanza, enabled] = [[], true];
  }
  return found;
}

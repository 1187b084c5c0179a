/** Files on a host, by small scripts that a POSIX shell runs there; locally, looking needs no process. */
import { open, readFile, stat } from 'node:fs/promises';
import { asDigest, digestOf } from '../model/digest.ts';
import { codeOf, fail } from '../model/failure.ts';
import type { FileFacts } from '../model/view.ts';
import type { DigestMemo } from './memo.ts';
import type { ExecOptions, Exit, Files, Look } from './transport.ts';

type Exec = (argv: readonly string[], options?: ExecOptions) => Promise<Exit>;

/** What changes when a file's content does: inode, size, times of change in nanoseconds, as GNU stat prints them. */
const SIGNATURE = '%i %s %.9Y %.9Z';

/** The second line of a note is the signature of the file as cc left it, and its digest: then it need not be read. */
const LOOK = `set -eu
note="$1/files/$2" known=
if [ -e "$note" ]; then printf 'owned '; known=$(sed -n 2p "$note"); else printf 'other '; fi
if [ -f "$3" ]; then
  now=$(stat -Lc '${SIGNATURE}' -- "$3")
  case $known in "$now "*) digest=\${known##* } ;; *) digest=$(sha256sum <"$3" | cut -c1-64) ;; esac
  echo "file $(stat -Lc '%a %s' -- "$3") $digest"
elif [ -d "$3" ]; then echo "directory $(stat -Lc %a -- "$3")"
elif [ -e "$3" ]; then echo other
else echo absent; fi`;

const TEXT = `if [ -e "$1" ]; then cat -- "$1"; else exit 44; fi`;
const ABSENT = 44;

/** Notes each folder it has to make, so that removing can take it away again. */
const CLAIM = `set -eu
base=$1 id=$2 path=$3
claim() {
  dir=$(dirname -- "$path") missing=
  while [ ! -d "$dir" ]; do missing="$dir
$missing" dir=$(dirname -- "$dir"); done
  (umask 077; mkdir -p -- "$base/files" "$base/replaced")
  printf '%s' "$missing" >>"$base/made"
  mkdir -p -- "$(dirname -- "$path")"
  [ -e "$base/files/$id" ] && return
  if [ -e "$path" ]; then cp -a -- "$path" "$base/replaced/$id"; fi
  printf '%s\\n' "$path" >"$base/files/$id"
}
`;

const INSTALL = `${CLAIM}mode=$4 digest=$5 new="$path.cc-new"
mkdir -p -- "$base"
claim
trap 'rm -f -- "$new"' EXIT
cat >"$new"
arrived=$(sha256sum <"$new" | cut -c1-64)
[ "$arrived" = "$digest" ] || { echo "arrived as $arrived, sent as $digest" >&2; exit 65; }
chmod "$mode" "$new"
mv -fT -- "$new" "$path"
printf '%s\\n%s %s\\n' "$path" "$(stat -Lc '${SIGNATURE}' -- "$path")" "$digest" >"$base/files/$id"`;

const UNPACK = `${CLAIM}strip=$4 how=$5 new="$path.cc-new"
mkdir -p -- "$base"
claim
trap 'rm -rf --one-file-system -- "$new"' EXIT
rm -rf --one-file-system -- "$new"
mkdir -- "$new"
tar -x $how --no-same-owner --strip-components="$strip" -C "$new" -f -
rm -rf --one-file-system -- "$path"
mv -T -- "$new" "$path"`;

const REMOVE = `set -eu
base=$1 id=$2 path=$3
rm -rf --one-file-system -- "$path"
if [ -e "$base/replaced/$id" ]; then mv -T -- "$base/replaced/$id" "$path"; fi
rm -f -- "$base/files/$id"
dir=$(dirname -- "$path")
while [ -f "$base/made" ] && grep -qxF -- "$dir" "$base/made" && rmdir -- "$dir" 2>/dev/null; do
  grep -vxF -- "$dir" "$base/made" >"$base/made.new" || :
  mv -- "$base/made.new" "$base/made"
  dir=$(dirname -- "$dir")
done`;

/** Files by scripts alone; `base` is cc's own folder on that host. */
export function scriptedFiles(host: string, exec: Exec, base: string): Files {
  const script = async (
    what: string,
    text: string,
    args: readonly string[],
    input?: ExecOptions['input'],
  ) => {
    const exit = await exec(['sh', '-c', text, 'cc', ...args], input === undefined ? {} : { input });
    if (exit.code === 0 || (text === TEXT && exit.code === ABSENT)) return exit;
    if (/No space left on device/.test(exit.stderr)) return fail({ kind: 'disk-full', host, what });
    return fail({
      kind: 'cannot-tell',
      host,
      what,
      why: exit.stderr.trim() || `exit ${exit.code ?? exit.signal}`,
    });
  };
  const own = (path: string) => [base, digestOf(path), path];
  return {
    look: async (path) => lookOf((await script(`look at ${path}`, LOOK, own(path))).stdout),
    text: async (path) => {
      const exit = await script(`read ${path}`, TEXT, [path]);
      return exit.code === ABSENT ? undefined : exit.stdout;
    },
    install: async (path, { source, digest }, mode) => {
      await script(`write ${path}`, INSTALL, [...own(path), mode.toString(8), digest], source);
    },
    unpack: async (path, archive, strip) => {
      const how = await compression(archive);
      await script(`unpack ${path}`, UNPACK, [...own(path), String(strip), how], { file: archive });
    },
    remove: async (path) => {
      await script(`remove ${path}`, REMOVE, own(path));
    },
  };
}

/** The same, with looks that spare a process: for the user cc runs as, on the machine it runs on. */
export function localFiles(host: string, exec: Exec, base: string, memo: DigestMemo): Files {
  return {
    ...scriptedFiles(host, exec, base),
    look: async (path) => {
      const [facts, owner] = await Promise.all([
        factsOf(path, memo),
        absentAs(stat(`${base}/files/${digestOf(path)}`)),
      ]);
      return { facts, owned: owner !== undefined };
    },
    text: (path) => absentAs(readFile(path, 'utf8')),
  };
}

function lookOf(line: string): Look {
  const [owner, kind, mode = '', size, digest = ''] = line.trim().split(' ');
  const owned = owner === 'owned';
  if (kind === 'absent') return { facts: undefined, owned };
  if (kind === 'directory') return { facts: { kind, mode: Number.parseInt(mode, 8) }, owned };
  if (kind !== 'file') return { facts: { kind: 'other' }, owned };
  const known = asDigest(digest);
  if (!known) throw new Error(`no digest in "${line}"`);
  return { facts: { kind, mode: Number.parseInt(mode, 8), size: Number(size), digest: known }, owned };
}

async function factsOf(path: string, memo: DigestMemo): Promise<FileFacts | undefined> {
  const facts = await absentAs(stat(path));
  if (!facts) return undefined;
  const mode = facts.mode & 0o7777;
  if (facts.isDirectory()) return { kind: 'directory', mode };
  if (!facts.isFile()) return { kind: 'other' };
  return { kind: 'file', mode, size: facts.size, digest: await memo.digest(path) };
}

async function absentAs<Value>(look: Promise<Value>): Promise<Value | undefined> {
  try {
    return await look;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** tar reads compressed archives from a pipe only when told how they are compressed. */
async function compression(archive: string): Promise<string> {
  await using file = await open(archive);
  const { buffer } = await file.read(Buffer.alloc(6), 0, 6, 0);
  const magic = buffer.toString('hex');
  if (magic.startsWith('1f8b')) return '--gzip';
  if (magic.startsWith('fd377a585a00')) return '--xz';
  if (magic.startsWith('28b52ffd')) return '--zstd';
  return magic.startsWith('425a68') ? '--bzip2' : '--format=gnu';
}

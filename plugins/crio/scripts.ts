/** What is asked of CRI-O on a host, by small scripts, and what stands before its OCI runtime in a confined machine. */

/**
 * IMPORT COPYIMG ROOT RUNROOT POLICY: takes in a docker-archive from standard input. CRI-O's own tool reads one image at a
 * time, and only from a file.
 */
export const IMPORT = `set -eu
file=$(mktemp /var/tmp/cc-images.XXXXXX)
trap 'rm -f "$file"' EXIT
cat >"$file"
tar -xOf "$file" ./manifest.json | grep -o '"RepoTags":\\["[^"]*"' | sed 's/.*\\["//; s/"$//' | while read -r ref; do
  "$1" --root "$2" --runroot "$3" --storage-driver overlay --signature-policy "$4" \\
    --image-name "$ref" --import-from "docker-archive:$file:$ref"
done`;

/** LIST CRICTL: the names of images, one a line. */
export const LIST = `images=$("$1" images) || exit
echo "$images" | awk 'NR > 1 { print $1 ":" $2 }'`;

/**
 * REMOVE_PODS CRICTL: fails when nobody answers; with no pods, crictl would print how it is used. Versions before 1.0.0-beta.0
 * have other verbs, and CRI-O of that time removes no pod whose network and shared memory it has not taken back, by stopping it.
 */
export const REMOVE_PODS = `if pods=$("$1" pods -q 2>/dev/null); then echo "$pods" | xargs -r "$1" rmp --force; exit; fi
pods=$("$1" sandboxes -q) || exit
status=0
for pod in $pods; do { "$1" stops "$pod" && "$1" rms "$pod"; } || status=1; done
exit "$status"`;

/**
 * Stands for the OCI runtime where root lacks CAP_SYS_RESOURCE and the hugetlb controller, as in a container: takes from
 * what is asked for a container what nobody can be given there. CRI-O has no settings for that. Keys are renamed and values
 * replaced, so that the commas stay right; CRI-O writes the file over many lines.
 */
export function confinedRuntime(runtime: string): string {
  return `#!/bin/sh
set -eu
last=
for word; do
  case $last in
    --bundle) file=$word/config.json ;;
    --process) file=$word ;;
    *) file= ;;
  esac
  last=$word
  [ -z "$file" ] || sed -i -zE \\
    -e 's/"oomScoreAdj": *-[0-9]+/"oomScoreAdj": 0/' -e 's/"hugepageLimits":/"ignored":/' \\
    -e 's/"CAP_SYS_RESOURCE",\\s*//g; s/,?\\s*"CAP_SYS_RESOURCE"//g' "$file"
done
exec ${runtime} "$@"
`;
}

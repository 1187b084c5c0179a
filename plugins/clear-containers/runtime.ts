/**
 * cc-runtime as CRI-O calls it, and the end of what it has made. cc-runtime 3.0.21 asks every pod's proxy at each call, and waits
 * five seconds for each that has died with its machine; and what it does not know, it cannot delete. So a hypervisor that is
 * killed would hold up all pods of a node, and its own could never go (clearcontainers/runtime#960).
 */
import { cmd, written } from '../../core/mod.ts';

/** What CRI-O calls. */
export const CALLED = '/usr/local/libexec/cc/clear-containers';

export interface Paths {
  readonly runtime: string;
  readonly proxy: string;
  readonly shim: string;
}

/** Sandboxes by their folders: what runs, what is kept, and what is shared with machines. */
const FOLDERS = `run=/run/virtcontainers/pods kept=/var/lib/virtcontainers/pods shared=/run/hyper/shared/pods`;

/** Processes by their words: QEMU is named after the sandbox, proxy and shims have its socket. */
const FUNCTIONS = `qemu() { echo "^[^ ]*qemu[^ ]* (.* )?-name pod-$1 "; }
machine() { pgrep -f -- "$(qemu "$1")" >/dev/null; }
forget() {
  pkill -KILL -f -- "$(qemu "$1")"
  pkill -KILL -f -- "^($proxy|$shim) .*/pods/$1/proxy\\.sock"
  awk -v below="$shared/$1/" 'index($2 "/", below) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r -n 1 umount -l
  rm -rf --one-file-system -- "$run/$1" "$kept/$1" "$shared/$1"
}`;

function preamble({ runtime, proxy, shim }: Paths): string {
  return `runtime=${runtime} proxy=${proxy} shim=${shim}\n${FOLDERS}\n${FUNCTIONS}`;
}

/** Seconds for which a sandbox without its machine is left to whoever may be stopping it in good order. */
const GRACE = 10;

/** Calls after which something may be left. */
const VERBS = `case $verb in
  start)
    "$runtime" "$@" && exit
    status=$?
    # CRI-O 1.9 asks for nothing more of a sandbox that has not started, and its machine would stay
    [ "$id" != "$pod" ] || forget "$id"
    exit "$status"
    ;;
  kill | delete)
    if [ -x "$runtime" ]; then
      "$runtime" "$@"
      status=$?
      # of a sandbox the runtime leaves folders below what it shared, and mounts where it had not started
      [ "$verb" = kill ] || known || forget "$id"
      [ "$status" -ne 0 ] || exit 0
    else
      forget "\${pod:-$id}"
    fi
    if known; then exit "$status"; fi # else nothing is left of it, which is what was asked
    exit 0
    ;;
esac`;

/**
 * QEMU makes `hyper.sock` when it starts and leaves it behind when it is killed; the runtime removes it in good order. What
 * is asked of a container is only passed on once nothing of a dead machine is left that could be asked.
 */
export function called(paths: Paths): string {
  return `#!/bin/sh
set -u
${preamble(paths)}
verb= id= status=1
for word; do
  case $word in state | start | kill | delete | exec) [ -n "$verb" ] || verb=$word ;; esac
  case $word in *[!0-9a-f]*) ;; *) [ \${#word} -ne 64 ] || id=$word ;; esac
done
[ -n "$id" ] || exec "$runtime" "$@"
known() { [ -n "$(ls -d "$kept/$id" "$kept"/*/"$id" 2>/dev/null)" ]; }
pod=
for folder in "$kept/$id" "$kept"/*/"$id"; do
  [ ! -d "$folder" ] || pod=\${folder#"$kept/"} pod=\${pod%%/*}
done
for socket in "$run"/*/hyper.sock; do
  [ -S "$socket" ] || continue
  folder=\${socket%/hyper.sock} name=\${folder##*/}
  if machine "$name"; then continue; fi
  if [ "$name" = "$pod" ] || [ -n "$(find "$folder/gone" ! -newermt '${GRACE} seconds ago' 2>/dev/null)" ]; then
    forget "$name"
  else
    [ -e "$folder/gone" ] || : >"$folder/gone"
  fi
done
${VERBS}
exec "$runtime" "$@"
`;
}

/** ENDS: ends all machines, with and without their runtime, and removes what they left. */
function ends(paths: Paths): string {
  return `set -u
${preamble(paths)}
for folder in "$run"/* "$kept"/* "$shared"/*; do [ ! -d "$folder" ] || forget "\${folder##*/}"; done
all="$(qemu '[0-9a-f]{64}').*$run|^($proxy|$shim) "
pkill -KILL -f -- "$all"
tries=0
while pgrep -f -- "$all" >/dev/null && [ $tries -lt 100 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
rmdir "$run" "$kept" "$shared" "\${shared%/*}" 2>/dev/null
:`;
}

export function endsAll(paths: Paths) {
  return { ...cmd`sh -c ${ends(paths)} cc`, title: 'a script that ends all virtual machines of pods' };
}

export function callable(paths: Paths) {
  return written(called(paths), { name: 'called', path: CALLED, mode: 0o755, needs: [] });
}

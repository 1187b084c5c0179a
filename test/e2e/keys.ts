/** A thousand keys in the etcd of a cluster, and one digest over all of them. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { quoted } from '../../core/model/command.ts';
import type { Site } from './site.ts';

const COUNT = 1000;

/** By curl over one connection, as the administrator: kubectl makes five objects a second, whatever the API could. */
const WRITE = `set -eu
conf=/etc/kubernetes/admin.conf
own=$(mktemp -d)
trap 'rm -rf "$own"' EXIT
for part in client-certificate client-key certificate-authority; do
  sed -n "s/^ *$part-data: //p" "$conf" | base64 -d >"$own/$part"
done
url=$(sed -n 's/^ *server: //p' "$conf")/api/v1/namespaces/$1/configmaps
seq ${COUNT} | awk -v own="$own" -v url="$url" '{
  print "cert=" own "/client-certificate\\nkey=" own "/client-key\\ncacert=" own "/certificate-authority"
  print "fail\\nnoproxy=\\"*\\"\\nurl=" url "\\nheader=\\"Content-Type: application/json\\"\\noutput=/dev/null"
  printf "data=\\"{\\\\\\"metadata\\\\\\":{\\\\\\"name\\\\\\":\\\\\\"key-%d\\\\\\"},\\\\\\"data\\\\\\":{\\\\\\"value\\\\\\":\\\\\\"%d\\\\\\"}}\\"\\nnext\\n", $1, $1 * 7919 % 10007
}' | sed '$d' | curl --silent --show-error --fail-early -K -`;

/** Writes them into a namespace that is there; answers their digest. */
export function keysWritten(site: Site, namespace: string): string {
  site.ssh(`sh -c ${quoted(WRITE)} sh ${namespace}`);
  return keysOf(site, namespace);
}

/** One SHA-256 over names and values. */
export function keysOf(site: Site, namespace: string): string {
  const shown = '{range .items[*]}{.metadata.name}={.data.value}{"\\n"}{end}';
  const lines = site
    .kubectl(`-n ${namespace} get configmaps --chunk-size=0 -o jsonpath='${shown}'`)
    .split('\n')
    .filter((line) => line.startsWith('key-'));
  assert.equal(lines.length, COUNT);
  return createHash('sha256').update(lines.toSorted().join('\n')).digest('hex');
}

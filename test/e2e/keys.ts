/** A thousand keys in the etcd of a cluster, and one digest over all of them. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { KUBECTL, type Site } from './site.ts';

const COUNT = 1000;

/** One awk makes all of it, because a shell would start a thousand programs. */
const ITEMS = `seq ${COUNT} | awk '{ printf "{\\"apiVersion\\":\\"v1\\",\\"kind\\":\\"ConfigMap\\",\\"metadata\\":{\\"name\\":\\"key-%d\\"},\\"data\\":{\\"value\\":\\"%d\\"}}\\n", $1, $1 * 7919 % 10007 }'`;

/** Writes them into a namespace that is there; answers their digest. */
export function keysWritten(site: Site, namespace: string): string {
  site.ssh(`${ITEMS} | ${KUBECTL} -n ${namespace} create -f - >/dev/null`);
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

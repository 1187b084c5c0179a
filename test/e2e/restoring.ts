/** All control planes of a lab are destroyed, with their disks, and the cluster goes on from a snapshot on new machines. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { killMachine } from './machine.ts';
import { etcdMembers } from './nodes.ts';
import { appliedIn, endOf, good, lastOf } from './ran.ts';
import { type Declared, KUBECTL, must, type Ran, type Site } from './site.ts';

/** What stands when the test begins: a cluster of these control planes, the first one first. */
export interface Lab {
  readonly site: Site;
  readonly planes: readonly string[];
  /** Of the site, as they are; the machines must have `etcd-client`, because they reach no archive. */
  readonly options: NonNullable<Declared['options']>;
}

const KEYS = 1000;

/** Keys and what they hold, a namespace, and a Deployment; made by one kubectl, on the control plane. */
const MAKE = `k='${KUBECTL}'
$k create namespace kept >&2
seq 1 ${KEYS} | awk '{ printf "apiVersion: v1\\nkind: ConfigMap\\nmetadata: { name: key-%04d, namespace: kept }\\ndata: { value: \\"%d\\" }\\n---\\n", $1, $1 * 7919 % 10007 }' | $k create -f - >/dev/null
$k -n kept create secret generic pass --from-literal=word=correct-horse >&2`;

/** One sum over all of it. */
const SUM = `k='${KUBECTL}'
{ $k -n kept get configmaps -o go-template='{{range .items}}{{.metadata.name}}={{.data.value}}{{"\\n"}}{{end}}' | grep ^key- | sort
$k -n kept get secret pass -o jsonpath='{.data.word}'; } | sha256sum
$k -n kept get configmaps -o name | grep -c key-`;

/** Registers the test; the lab is asked for when it begins. */
export function restores(lab: () => Lab): void {
  test('a cluster whose control planes are all destroyed goes on from a snapshot, with the workers that live', async (t) => {
    const { site, planes, options } = lab();
    configured(site, options);
    site.ssh(MAKE);
    const before = site.ssh(SUM);
    assert.match(before, new RegExp(`\\n${KEYS}\\n$`));
    const file = fileIn(good(await site.cc(['run', 'etcd/snapshot', '--json'])), planes[0]!); // a cluster has one
    site.kubectl('create namespace later');
    for (const name of planes) {
      killMachine({ name });
      must('rm', ['-rf', '--one-file-system', `/var/lib/cc/machines/${name}`], '/');
    }
    const kubeadm = { ...options['kubeadm'], restore: file };
    configured(site, { ...options, kubeadm });
    // With it the smoke test passes: every node reaches every other.
    const restored = good(await site.cc(['run', 'all', '--json']));
    t.diagnostic(`a run restored the cluster in ${endOf(restored).took} ms`);
    assert.equal(site.ssh(SUM), before);
    assert.doesNotMatch(site.kubectl('get namespaces -o name'), /later/);
    assert.deepEqual(etcdMembers(site, planes[0]!), planes);
    assert.deepEqual(await changedBy(site), []);
    configured(site, options);
    // The recipe has fewer tasks now, so what stands on all of them is proven again.
    assert.deepEqual(await changedBy(site), [`${planes[0]}/nginx-smoke/page`]);
    assert.deepEqual(await changedBy(site), []);
    site.kubectl('delete namespace kept --wait=false');
  });
}

/** The configuration, with the plugin that saves snapshots. */
function configured(site: Site, options: Lab['options']): void {
  site.configure({ options });
  const file = join(site.folder, 'cc.config.ts');
  const text = readFileSync(file, 'utf8').replace(
    'export default recipe({',
    "import { etcd } from 'cc-kubernetes/plugins/etcd';\n\nexport default recipe({ plugins: [etcd()],",
  );
  writeFileSync(file, text);
}

function fileIn(ran: Ran, plane: string): string {
  const report = lastOf(ran, `${plane}/etcd/snapshot`)?.report as { readonly file?: string } | undefined;
  return report?.file ?? assert.fail('no snapshot was reported');
}

/** What a run changed, but for the first snapshot that `run all` asks for, where one was saved by name. */
async function changedBy(site: Site): Promise<readonly string[]> {
  const changed = appliedIn(good(await site.cc(['run', 'all', '--json'])));
  return changed.filter((id) => !id.endsWith('/etcd/snapshot'));
}

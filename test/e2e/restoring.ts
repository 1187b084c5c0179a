/** All control planes of a lab are destroyed, with their disks, and the cluster goes on from a snapshot on new machines. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { keysOf, keysWritten } from './keys.ts';
import { killMachine } from './machine.ts';
import { etcdMembers } from './nodes.ts';
import { appliedIn, endOf, good, lastOf } from './ran.ts';
import { type Declared, must, type Ran, type Site } from './site.ts';

/** What stands when the test begins: a cluster of these control planes, the first one first. */
export interface Lab {
  readonly site: Site;
  readonly planes: readonly string[];
  /** Of the site, as they are; the machines must have `etcd-client`, because they reach no archive. */
  readonly options: NonNullable<Declared['options']>;
}

/** DESTROY FOLDER: nothing of the machine is left, also not the lock of its root, which a machine that ends by itself takes along. */
const DESTROY = `rm -f "/run/systemd/nspawn/locks/inode-$(stat -c %d:%i "$1/root")"
rm -rf --one-file-system "$1"`;

const KEPT = 'kept';
const WORD = 'correct-horse';

/** Registers the test; the lab is asked for when it begins. */
export function restores(lab: () => Lab): void {
  test('a cluster whose control planes are all destroyed goes on from a snapshot, with the workers that live', async (t) => {
    const { site, planes, options } = lab();
    configured(site, options);
    site.kubectl(`create namespace ${KEPT}`);
    site.kubectl(`-n ${KEPT} create secret generic pass --from-literal=word=${WORD}`);
    const before = keysWritten(site, KEPT);
    const file = fileIn(good(await site.cc(['run', 'etcd/snapshot', '--json'])), planes[0]!); // a cluster has one
    site.kubectl('create namespace later');
    for (const name of planes) {
      killMachine({ name });
      must('sh', ['-ec', DESTROY, 'sh', `/var/lib/cc/machines/${name}`], '/');
    }
    const kubeadm = { ...options['kubeadm'], restore: file };
    configured(site, { ...options, kubeadm });
    // With it the smoke test passes: every node reaches every other.
    const restored = good(await site.cc(['run', 'all', '--json']));
    t.diagnostic(`a run restored the cluster in ${endOf(restored).took} ms`);
    assert.equal(keysOf(site, KEPT), before);
    const word = site.kubectl(`-n ${KEPT} get secret pass -o jsonpath='{.data.word}'`);
    assert.equal(Buffer.from(word, 'base64').toString(), WORD);
    assert.doesNotMatch(site.kubectl('get namespaces -o name'), /later/);
    assert.deepEqual(etcdMembers(site, planes[0]!), planes);
    assert.deepEqual(await changedBy(site), []);
    site.kubectl(`delete namespace ${KEPT} --wait=false`);
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

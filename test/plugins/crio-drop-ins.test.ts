/** Files that CRI-O reads after cc's, for real where find and awk are: told where they set otherwise what cc sets. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { Command } from '../../core/model/command.ts';
import type { View } from '../../core/model/view.ts';
import { dropIns } from '../../plugins/crio/drop-ins.ts';
import { failureIn } from '../graph/recipes.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { NEVER } from '../steps/last.ts';

const FOLDER = '/etc/crio/crio.conf.d';
const OWN = {
  'crio.network.network_dir': '/etc/cni/net.d',
  'crio.network.plugin_dirs': ['/opt/cc/cni'],
  'crio.runtime.default_runtime': 'runc',
  'crio.runtime.runtimes.runc.runtime_path': '/usr/local/sbin/runc',
};

/** What is found where these files stand; looked at by the programs themselves, in a folder that stands for CRI-O's. */
async function found(t: Lasting, files: Readonly<Record<string, string>> | undefined) {
  const folder = await tempFolder(t);
  for (const [name, text] of Object.entries(files ?? {})) {
    const path = join(folder, name);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, text);
  }
  const view: Pick<View, 'name' | 'stat' | 'read'> = {
    name: 'node-1',
    stat: async () => (files ? { kind: 'directory', mode: 0o755, owner: 'root:root' } : undefined),
    read: async ({ argv }: Command) => {
      const [program = '', ...words] = argv.map((word) => String(word).replace(FOLDER, folder));
      const { stdout } = await promisify(execFile)(program, words);
      return stdout.replaceAll(folder, FOLDER);
    },
  };
  const step = dropIns(OWN);
  const facts = await step.probe(view as View); // all that it asks
  return { facts: facts as { others: readonly string[] }, plan: () => step.plan(facts, NEVER) };
}

test('host without such files, and files that set nothing of cc, are as declared', async (t) => {
  for (const files of [
    undefined,
    {},
    { '10-empty.conf': '' },
    {
      '01-log.conf': '[crio.runtime]\nlog_level = "debug" # more\n#default_runtime = "crun"\n',
      'deep/same.conf':
        '[crio.network]\n  network_dir = "/etc/cni/net.d" # ours\nplugin_dirs = ["/opt/cc/cni"]\n',
      'other-table.conf':
        '[crio.runtime.runtimes.crun]\nruntime_path = "/usr/bin/crun"\n[crio]\nnetwork_dir = "/x"\n',
    },
  ]) {
    const { facts, plan } = await found(t, files);
    assert.deepEqual(facts, { host: 'node-1', others: [] });
    assert.deepEqual(plan(), []);
  }
});

test('files that lead pods elsewhere are told with what cc declares', async (t) => {
  const { plan } = await found(t, {
    '10-crio.conf': '[crio.runtime]\ndefault_runtime = "crun"\n\n[crio.network]\nnetwork_dir="/etc/other"\n',
  });
  assert.deepEqual(failureIn(plan), {
    kind: 'check-failed',
    host: 'node-1',
    what: 'CRI-O is configured as declared',
    reasons: [
      `${FOLDER}/10-crio.conf has crio.runtime.default_runtime = "crun", declared "runc"`,
      `${FOLDER}/10-crio.conf has crio.network.network_dir = "/etc/other", declared "/etc/cni/net.d"`,
      `take out what differs, or move the file away from ${FOLDER}`,
    ],
  });
});

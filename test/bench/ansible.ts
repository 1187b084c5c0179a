/** The same states told to ansible-core, as somebody who cares about speed has it: pipelining, and a fork for each host. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RigHost } from '../rig/hosts.ts';
import type { Subject } from './measure.ts';

/** What hosts are to have. */
export interface States {
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly folders: readonly string[];
  readonly packages: readonly string[];
}

export interface Ansible {
  readonly subject: Subject;
  /** Closes the connections that it keeps for a minute. */
  close(): void;
}

export function isHere(): boolean {
  return spawnSync('ansible-playbook', ['--version']).status === 0;
}

/** Writes what ansible wants to know into a folder. */
export function ansible(folder: string, hosts: readonly RigHost[], states: States): Ansible {
  const sockets = join(folder, 'sockets');
  mkdirSync(sockets, { recursive: true });
  writeFileSync(join(folder, 'ansible.cfg'), configuration(hosts.length, sockets));
  writeFileSync(join(folder, 'hosts'), hosts.map(line).join(''));
  writeFileSync(join(folder, 'play.json'), JSON.stringify(playbook(states))); // JSON is YAML
  return {
    subject: {
      name: 'ansible',
      argv: ['ansible-playbook', '-i', 'hosts', 'play.json'],
      cwd: folder,
      env: { HOME: folder, ANSIBLE_CONFIG: join(folder, 'ansible.cfg'), LANG: 'C.UTF-8' },
    },
    close: () => {
      for (const name of readdirSync(sockets))
        spawnSync('ssh', ['-S', join(sockets, name), '-O', 'exit', 'x']);
    },
  };
}

function configuration(forks: number, sockets: string): string {
  return `[defaults]
forks = ${forks}
interpreter_python = /usr/bin/python3
[ssh_connection]
pipelining = True
control_path_dir = ${sockets}
`;
}

function line({ name, target }: RigHost): string {
  const { address, port, user, identity, knownHosts } = target;
  const options = `-F /dev/null -o UserKnownHostsFile=${knownHosts}`;
  const words = [
    ...[`ansible_host=${address}`, `ansible_port=${port}`, `ansible_user=${user}`],
    ...[`ansible_ssh_private_key_file=${identity}`, `ansible_ssh_common_args='${options}'`],
  ];
  return `${[name, ...words].join(' ')}\n`;
}

function playbook({ files, folders, packages }: States) {
  const tasks = [
    ...folders.map((path) => ({ file: { path, state: 'directory', mode: '0755' } })),
    ...files.map(({ path, text }) => ({ copy: { dest: path, content: text, mode: '0644' } })),
    { apt: { name: packages, state: 'present' } },
  ];
  return [{ hosts: 'all', gather_facts: false, tasks }];
}

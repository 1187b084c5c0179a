/** What happens to a machine from outside: an init that has begun is seen, and a power cut. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { type Machine, must } from './site.ts';

/** Waits, in the test's own time, until init has written the first manifest of the control plane. */
export function whenInitHasBegun({ name }: Machine, act: () => void): void {
  const manifest = `/var/lib/cc/machines/${name}/root/etc/kubernetes/manifests/kube-apiserver.yaml`;
  const look = setInterval(() => {
    if (!existsSync(manifest)) return;
    clearInterval(look);
    act();
  }, 50);
}

/** As a power cut: everything in the machine's cgroups is killed at once. */
export function killMachine({ name }: Machine): void {
  const groups = must('find', ['/sys/fs/cgroup', '-depth', '-type', 'd', '-path', `*/cc-${name}*`], '/');
  const pids = groups
    .split('\n')
    .filter(Boolean)
    .flatMap((group) => readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean));
  for (const pid of new Set(pids)) process.kill(Number(pid), 'SIGKILL');
}

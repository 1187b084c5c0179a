/** What happens to a machine from outside: an init that has begun is seen, and a power cut. */
import { existsSync } from 'node:fs';
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

/** As a power cut: everything in the machine's cgroups is killed, until nothing is left there. */
export function killMachine({ name }: Pick<Machine, 'name'>): void {
  const kill = `for i in $(seq 100); do
    p=$(find /sys/fs/cgroup -path '*/cc-${name}/*' -name cgroup.procs -exec cat {} + | sort -u)
    [ -n "$p" ] || exit 0
    kill -KILL $p 2>/dev/null
  done
  exit 1`;
  must('sh', ['-c', kill], '/');
}

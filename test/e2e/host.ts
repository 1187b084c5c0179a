/** A picture of what cc could leave behind on the machine it runs on. */
import { existsSync, readdirSync } from 'node:fs';
import { must } from './site.ts';

/** Kernel counters, and values that the kernel itself moves. */
const MOVING =
  /^(fs\.(dentry-state|file-nr|inode-nr|inode-state|quota\.syncs|aio-nr)|kernel\.(random\.|pty\.nr|ns_last_pid|perf)|net\..*(count|cachep|tcp_mem))/;

const MACHINES = '/var/lib/cc/machines';

export function machinesThere(): string[] {
  return existsSync(MACHINES) ? readdirSync(MACHINES).sort() : [];
}

/** Without what happens in the machines of others, which live on. */
export function hostPicture(others: readonly string[] = []) {
  const isTheirs = (line: string) => others.some((name) => new RegExp(`/cc-${name}(\\W|$)`).test(line));
  const own = (all: readonly string[]) => all.filter((line) => !isTheirs(line));
  return {
    sysctls: lines('sysctl', [
      '-a',
      '--pattern',
      '^(fs|kernel|vm|net\\.ipv4\\.ip_forward|net\\.bridge)',
    ]).filter((line) => !MOVING.test(line)),
    links: lines('ip', ['-o', 'link', 'show']).map((line) => line.split(':')[1]),
    mounts: lines('cat', ['/proc/mounts']),
    groups: own(lines('find', ['/sys/fs/cgroup', '-type', 'd', '-name', 'cc-*'])),
    namespaces: lines('find', ['/run', '-maxdepth', '2', '-path', '/run/netns/*']),
    nspawn: lines('find', ['/run', '-maxdepth', '2', '-path', '/run/systemd/nspawn*']),
    machines: machinesThere(),
    etc: lines('sh', ['-c', 'find /etc -type f -print0 | xargs -0 sha256sum']),
    daemons: own(lines('ps', ['-eo', 'comm,cgroup'])).filter((line) =>
      /^\S*(nspawn|kubelet|containerd|etcd|kube-)/.test(line),
    ),
    rules: lines('sh', ['-c', 'iptables-save 2>/dev/null | grep -v "^[#:]" || :']),
  };
}

function lines(program: string, words: readonly string[]): string[] {
  return must(program, words, '/').split('\n').filter(Boolean).sort();
}

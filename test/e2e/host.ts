/** A picture of what cc could leave behind on the machine it runs on. */
import { readdirSync } from 'node:fs';
import { must } from './site.ts';

/** Kernel counters, and values that the kernel itself moves. */
const MOVING =
  /^(fs\.(dentry-state|file-nr|inode-nr|inode-state|quota\.syncs|aio-nr)|kernel\.(random\.|pty\.nr|ns_last_pid|perf)|net\..*(count|cachep|tcp_mem))/;

export function hostPicture() {
  return {
    sysctls: lines('sysctl', [
      '-a',
      '--pattern',
      '^(fs|kernel|vm|net\\.ipv4\\.ip_forward|net\\.bridge)',
    ]).filter((line) => !MOVING.test(line)),
    links: lines('ip', ['-o', 'link', 'show']).map((line) => line.split(':')[1]),
    mounts: lines('cat', ['/proc/mounts']),
    groups: lines('find', ['/sys/fs/cgroup', '-type', 'd', '-name', 'cc-*']),
    namespaces: lines('find', ['/run', '-maxdepth', '2', '-path', '/run/netns/*']),
    nspawn: lines('find', ['/run', '-maxdepth', '2', '-path', '/run/systemd/nspawn*']),
    machines: readdirSync('/var/lib/cc').includes('machines') ? readdirSync('/var/lib/cc/machines') : [],
    etc: lines('sh', ['-c', 'find /etc -type f -print0 | xargs -0 sha256sum']),
    daemons: lines('ps', ['-eo', 'comm']).filter((name) => /nspawn|kubelet|containerd|etcd|kube-/.test(name)),
    rules: lines('sh', ['-c', 'iptables-save 2>/dev/null | grep -v "^[#:]" || :']),
  };
}

function lines(program: string, words: readonly string[]): string[] {
  return must(program, words, '/').split('\n').filter(Boolean).sort();
}

/** What facts of a host mean: line by line, and in the last line which recipe fits. */
import { type Booted, DEVICES, type Facts, missing } from './look.ts';
import { nesting, within } from './nested.ts';

export function told(facts: Facts): readonly string[] {
  const { processor, arch, flag } = facts;
  return [
    `processor: ${processor || arch}${flag === '' ? ', which shows neither vmx nor svm' : ` with ${flag}`}`,
    kvm(facts),
    ...(facts.kvm?.reached ? within(facts) : [emulation(facts), ...nesting(facts)]),
    devices(facts),
    `cgroups: version ${facts.cgroups}`,
    `fits: ${fits(facts)}`,
  ];
}

function kvm(facts: Facts): string {
  const { wrong } = facts;
  if (wrong['kvm'] !== undefined) return `KVM: no: ${wrong['kvm']}`;
  if (facts.kvm === null)
    return `KVM: there is /dev/kvm, and nobody can tell whether it works: ${install(facts)}`;
  if (facts.kvm.reached) return `KVM: works: a kernel booted in ${seconds(facts.kvm)} s`;
  return `KVM: does not work: there is /dev/kvm, and no kernel boots; the last word: ${said(facts.kvm)}`;
}

/** Starting a pod took so many times as long as the boot of a kernel: 12 s and 3 s, on two cores, in November 2026. */
const POD = 4;

function emulation(facts: Facts): string {
  if (facts.tcg === null) return `emulation (TCG): not tried: ${install(facts)}`;
  if (!facts.tcg.reached) return `emulation (TCG): does not work; the last word: ${said(facts.tcg)}`;
  const pod = Math.round((POD * facts.tcg.milliseconds) / 1000);
  return `emulation (TCG): works: a kernel booted in ${seconds(facts.tcg)} s, so a pod takes about ${pod} s more to start than without a machine`;
}

function install(facts: Facts): string {
  const all = missing(facts, facts.arch === 'aarch64' ? 'arm64' : 'amd64');
  return `apt-get install -y ${all.join(' ')}`;
}

function seconds({ milliseconds }: Booted): string {
  return (milliseconds / 1000).toFixed(1);
}

function said({ last }: Booted): string {
  return last === '' ? 'nothing' : last;
}

function devices({ wrong }: Facts): string {
  const lacking = DEVICES.flatMap(({ name }) => (name in wrong ? [`${name} (${wrong[name]})`] : []));
  const there = DEVICES.map(({ name }) => name).filter((name) => !(name in wrong));
  const lacks = lacking.length === 0 ? '' : `; not there: ${lacking.join(', ')}`;
  return `devices: ${there.join(', ') || 'none'}${lacks}`;
}

/** What each recipe takes of a host is looked at again by its own preflight. */
function fits(facts: Facts): string {
  const { arch, processor, cgroups, wrong, tcg } = facts;
  const lacks = (...rules: readonly string[]) => rules.filter((rule) => rule in wrong);
  if (facts.kvm?.reached) {
    const first = lacks('tun', 'vhost-net', 'vhost-vsock', 'tcfilter');
    const old = lacks('tun', 'vhost-net', 'macvtap');
    if (cgroups === '2' && first.length === 0) return 'kata: each pod in a virtual machine by KVM';
    if (cgroups === '1' && processor === 'GenuineIntel' && old.length === 0)
      return 'clear-containers, of 2018, for labs: each pod in a virtual machine by KVM; kata takes cgroups of version 2';
    const more = [...first, ...(cgroups === '2' ? [] : ['cgroups of version 2'])];
    return `kata, once there is ${more.join(', ')}: each pod in a virtual machine by KVM`;
  }
  if (arch !== 'x86_64' || (tcg !== null && !tcg.reached))
    return 'lab and the recipes without machines: pods share the kernel of their node';
  const far = tcg === null ? ', once QEMU has shown that it works' : '';
  return `lab-vm, for trying out: each pod in an emulated machine, on a throw-away host on this one${far}`;
}

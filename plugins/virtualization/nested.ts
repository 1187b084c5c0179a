/** How virtual machines inside a virtual machine are seen and switched on, by what a host is a guest of. */
import type { Facts } from './look.ts';

export interface Platform {
  readonly name: string;
  /** Whether a host is such a guest, by vendor, product and asset tag of its firmware, and by systemd's word. */
  readonly is: (firmware: string, guest: string) => boolean;
  /** How to see whether it is on, outside the host. */
  readonly see: string;
  /** How to switch it on. */
  readonly on: string;
}

/** What Azure's firmware has as asset tag, and Hyper-V's elsewhere has not: Azure's page on its metadata service. */
const AZURE = '7783-7084-3265-9085-8269-3286-77';

export const PLATFORMS: readonly Platform[] = [
  {
    // docs.aws.amazon.com/AWSEC2/latest/UserGuide/amazon-ec2-nested-virtualization.html, of 2026-02.
    name: 'Amazon EC2',
    is: (firmware) => firmware.startsWith('Amazon EC2'),
    see: 'aws ec2 describe-instance-types --filters Name=processor-info.supported-features,Values=nested-virtualization',
    on: 'take a bare-metal type (*.metal), or a C8i, M8i or R8i that is started with --cpu-options NestedVirtualization=enabled',
  },
  {
    // cloud.google.com/compute/docs/instances/nested-virtualization/enabling
    name: 'Google Compute Engine',
    is: (firmware) => firmware.startsWith('Google'),
    see: "gcloud compute instances describe NAME --format='value(advancedMachineFeatures.enableNestedVirtualization)'",
    on: 'gcloud compute instances create NAME --enable-nested-virtualization, of a series with Intel processors other than E2',
  },
  {
    // learn.microsoft.com/azure/virtual-machines/sizes: the table of each size has the row.
    name: 'Azure',
    is: (firmware) => firmware.startsWith('Microsoft') && firmware.includes(AZURE),
    see: 'whether the page of the size says "Nested Virtualization: Supported"',
    on: 'take such a size: D and E of version 3 and later have it, A and B have not',
  },
  {
    // learn.microsoft.com/windows-server/virtualization/hyper-v/nested-virtualization
    name: 'Hyper-V',
    is: (firmware, guest) => firmware.startsWith('Microsoft') || guest === 'microsoft',
    see: 'Get-VMProcessor -VMName NAME | Format-List ExposeVirtualizationExtensions',
    on: 'Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $true, while the VM is off',
  },
  {
    // "Expose hardware assisted virtualization to the guest OS", in vSphere and Workstation.
    name: 'VMware',
    is: (firmware, guest) => firmware.startsWith('VMware') || guest === 'vmware',
    see: 'grep vhv.enable NAME.vmx',
    on: 'vhv.enable = "TRUE" in NAME.vmx, while the VM is off',
  },
  {
    // virtualbox.org/manual, VBoxManage modifyvm: since 6.0 for AMD, 6.1 for Intel.
    name: 'VirtualBox',
    is: (firmware, guest) => firmware.includes('VirtualBox') || guest === 'oracle',
    see: 'VBoxManage showvminfo NAME | grep -i nested',
    on: 'VBoxManage modifyvm NAME --nested-hw-virt on, while the VM is off, with VirtualBox 6.1 or later',
  },
  {
    // pve.proxmox.com/wiki/Nested_Virtualization; docs.kernel.org/virt/kvm/x86/running-nested-guests.html
    name: 'KVM (Proxmox, libvirt, QEMU)',
    is: (firmware, guest) => firmware.startsWith('QEMU') || ['kvm', 'qemu'].includes(guest),
    see: 'cat /sys/module/kvm_intel/parameters/nested, or kvm_amd, on the outer host: 1 or Y',
    on: "on the outer host, kvm_intel nested=1 or kvm_amd nested=1; and the guest's processor as the host's: qm set ID --cpu host (Proxmox), <cpu mode='host-passthrough'/> (libvirt), -cpu host (QEMU)",
  },
];

/** Where it is a guest: what of, how to see, how to switch on. On bare metal the firmware decides. */
export function nesting({ firmware, guest, processor }: Facts): readonly string[] {
  const platform = PLATFORMS.find(({ is }) => is(firmware, guest));
  if (platform && !firmware.includes('.metal'))
    return [
      `nested virtualisation: this host is a guest of ${platform.name}`,
      `  to see: ${platform.see}`,
      `  to switch on: ${platform.on}`,
    ];
  if (guest !== '')
    return [
      `nested virtualisation: this host is a guest (${guest}): ask whoever runs it to switch nested virtualisation on`,
    ];
  const [word, module] = processor === 'AuthenticAMD' ? ['SVM', 'kvm_amd'] : ['VT-x', 'kvm_intel'];
  return [`bare metal, as far as can be seen: turn ${word} on in the firmware, then modprobe ${module}`];
}

/** Whether guests of this host can run guests. */
export function within({ nested, processor }: Facts): readonly string[] {
  if (nested === '') return [];
  const on = ['1', 'Y', 'y'].includes(nested);
  const module = processor === 'AuthenticAMD' ? 'kvm_amd' : 'kvm_intel';
  const how = `: echo 'options ${module} nested=1' >/etc/modprobe.d/kvm.conf; modprobe -r ${module}; modprobe ${module}`;
  return [
    `guests of this host ${on ? 'can' : 'cannot'} run virtual machines (nested=${nested})${on ? '' : how}`,
  ];
}

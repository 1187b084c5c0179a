/**
 * Every key of crio.conf, and which versions know it. CRI-O ignores a key it does not know without a word, so cc asks here.
 * From the `toml` tags of the structs that each `.0` release reads (server/config.go, later pkg/config/config.go and what
 * they embed), of all minors from v1.9.0 to v1.36.0; `patches` and `dropped` from all release tags between.
 */

export interface Key {
  readonly type: 'text' | 'flag' | 'number' | 'list' | 'table';
  /** The first minor version whose `.0` release has it. */
  readonly from: string;
  /** The first minor version that has it no more. */
  readonly until?: string;
  /** Minor versions before `from` that got it with a patch release, and with which. */
  readonly patches?: Readonly<Record<string, number>>;
  /** Minor versions before `until` that lost it with a patch release, and with which. */
  readonly dropped?: Readonly<Record<string, number>>;
}

/** By table and key; `*` stands for the name of a runtime or a workload. */
export const KEYS: Readonly<Record<string, Key>> = {
  'crio.api.grpc_max_recv_msg_size': { type: 'number', from: '1.14', patches: { '1.12': 5, '1.13': 1 } },
  'crio.api.grpc_max_send_msg_size': { type: 'number', from: '1.14', patches: { '1.12': 5, '1.13': 1 } },
  'crio.api.host_ip': { type: 'text', from: '1.14', until: '1.17', patches: { '1.13': 2 } },
  'crio.api.listen': { type: 'text', from: '1.9' },
  'crio.api.stream_address': { type: 'text', from: '1.9' },
  'crio.api.stream_enable_tls': { type: 'flag', from: '1.11' },
  'crio.api.stream_idle_timeout': {
    type: 'text',
    from: '1.21',
    patches: { '1.18': 5, '1.19': 2, '1.20': 1 },
  },
  'crio.api.stream_port': { type: 'text', from: '1.9' },
  'crio.api.stream_tls_ca': { type: 'text', from: '1.11' },
  'crio.api.stream_tls_cert': { type: 'text', from: '1.11' },
  'crio.api.stream_tls_key': { type: 'text', from: '1.11' },
  'crio.api.tls_cipher_suites': { type: 'list', from: '1.36', patches: { '1.35': 1 } },
  'crio.api.tls_min_version': { type: 'text', from: '1.36', patches: { '1.35': 1 } },
  'crio.clean_shutdown_file': { type: 'text', from: '1.21', patches: { '1.19': 4, '1.20': 5 } },
  'crio.file_locking': { type: 'flag', from: '1.9', until: '1.16' },
  'crio.file_locking_path': { type: 'text', from: '1.12', until: '1.16' },
  'crio.image.auto_reload_registries': { type: 'flag', from: '1.30' },
  'crio.image.big_files_temporary_dir': { type: 'text', from: '1.19' },
  'crio.image.default_transport': { type: 'text', from: '1.9' },
  'crio.image.global_auth_file': { type: 'text', from: '1.15', patches: { '1.14': 5 } },
  'crio.image.image_volumes': { type: 'text', from: '1.9' },
  'crio.image.insecure_registries': { type: 'list', from: '1.9' },
  'crio.image.namespaced_auth_dir': { type: 'text', from: '1.35', patches: { '1.34': 3 } },
  'crio.image.oci_artifact_mount_support': { type: 'flag', from: '1.33' },
  'crio.image.pause_command': { type: 'text', from: '1.9' },
  'crio.image.pause_image': { type: 'text', from: '1.9' },
  'crio.image.pause_image_auth_file': { type: 'text', from: '1.14', patches: { '1.12': 8, '1.13': 3 } },
  'crio.image.pinned_images': { type: 'list', from: '1.28' },
  'crio.image.pull_progress_timeout': { type: 'text', from: '1.32', patches: { '1.30': 11, '1.31': 3 } },
  'crio.image.registries': { type: 'list', from: '1.9', until: '1.31' },
  'crio.image.short_name_mode': { type: 'text', from: '1.34' },
  'crio.image.signature_policy': { type: 'text', from: '1.9' },
  'crio.image.signature_policy_dir': { type: 'text', from: '1.28', patches: { '1.27': 1 } },
  'crio.imagestore': { type: 'text', from: '1.29' },
  'crio.internal_repair': { type: 'flag', from: '1.28' },
  'crio.internal_wipe': { type: 'flag', from: '1.22', patches: { '1.20': 4, '1.21': 1 } },
  'crio.log_dir': { type: 'text', from: '1.9' },
  'crio.metrics.enable_metrics': { type: 'flag', from: '1.16' },
  'crio.metrics.metrics_cert': { type: 'text', from: '1.22' },
  'crio.metrics.metrics_collectors': { type: 'list', from: '1.22' },
  'crio.metrics.metrics_host': { type: 'text', from: '1.30', patches: { '1.28': 4, '1.29': 2 } },
  'crio.metrics.metrics_key': { type: 'text', from: '1.22' },
  'crio.metrics.metrics_port': { type: 'number', from: '1.16' },
  'crio.metrics.metrics_socket': { type: 'text', from: '1.19' },
  'crio.network.cni_default_network': { type: 'text', from: '1.18' },
  'crio.network.cni_status_grace_period': { type: 'text', from: '1.36', patches: { '1.36': 3 } },
  'crio.network.network_dir': { type: 'text', from: '1.9' },
  'crio.network.plugin_dir': { type: 'text', from: '1.9' },
  'crio.network.plugin_dirs': { type: 'list', from: '1.15', patches: { '1.14': 3 } },
  'crio.nri.default_validator.nri_enable_default_validator': { type: 'flag', from: '1.34' },
  'crio.nri.default_validator.nri_validator_reject_custom_seccomp_adjustment': { type: 'flag', from: '1.34' },
  'crio.nri.default_validator.nri_validator_reject_namespace_adjustment': { type: 'flag', from: '1.34' },
  'crio.nri.default_validator.nri_validator_reject_oci_hook_adjustment': { type: 'flag', from: '1.34' },
  'crio.nri.default_validator.nri_validator_reject_runtime_default_seccomp_adjustment': {
    type: 'flag',
    from: '1.34',
  },
  'crio.nri.default_validator.nri_validator_reject_unconfined_seccomp_adjustment': {
    type: 'flag',
    from: '1.34',
  },
  'crio.nri.default_validator.nri_validator_required_plugins': { type: 'list', from: '1.34' },
  'crio.nri.default_validator.nri_validator_tolerate_missing_plugins_annotation': {
    type: 'text',
    from: '1.34',
  },
  'crio.nri.enable_nri': { type: 'flag', from: '1.26' },
  'crio.nri.nri_config_file': { type: 'text', from: '1.26', until: '1.27', dropped: { '1.26': 2 } },
  'crio.nri.nri_disable_connections': { type: 'flag', from: '1.27', patches: { '1.26': 2 } },
  'crio.nri.nri_listen': { type: 'text', from: '1.26' },
  'crio.nri.nri_plugin_config_dir': { type: 'text', from: '1.27', patches: { '1.26': 2 } },
  'crio.nri.nri_plugin_dir': { type: 'text', from: '1.26' },
  'crio.nri.nri_plugin_registration_timeout': { type: 'text', from: '1.27', patches: { '1.26': 2 } },
  'crio.nri.nri_plugin_request_timeout': { type: 'text', from: '1.27', patches: { '1.26': 2 } },
  'crio.root': { type: 'text', from: '1.9' },
  'crio.runroot': { type: 'text', from: '1.9' },
  'crio.runtime.absent_mount_sources_to_reject': { type: 'list', from: '1.22', patches: { '1.21': 1 } },
  'crio.runtime.add_inheritable_capabilities': {
    type: 'flag',
    from: '1.26',
    patches: { '1.24': 3, '1.25': 1 },
  },
  'crio.runtime.additional_artifact_stores': { type: 'list', from: '1.36', patches: { '1.35': 2 } },
  'crio.runtime.additional_devices': { type: 'list', from: '1.13' },
  'crio.runtime.allowed_devices': { type: 'list', from: '1.24', patches: { '1.23': 1 } },
  'crio.runtime.apparmor_profile': { type: 'text', from: '1.9' },
  'crio.runtime.bind_mount_prefix': { type: 'text', from: '1.11' },
  'crio.runtime.blockio_config_file': { type: 'text', from: '1.22' },
  'crio.runtime.blockio_reload': { type: 'flag', from: '1.29' },
  'crio.runtime.cdi_spec_dirs': { type: 'list', from: '1.24' },
  'crio.runtime.cgroup_manager': { type: 'text', from: '1.9' },
  'crio.runtime.conmon': { type: 'text', from: '1.9' },
  'crio.runtime.conmon_cgroup': { type: 'text', from: '1.15' },
  'crio.runtime.conmon_env': { type: 'list', from: '1.9' },
  'crio.runtime.container_attach_socket_dir': { type: 'text', from: '1.12' },
  'crio.runtime.container_exits_dir': { type: 'text', from: '1.9' },
  'crio.runtime.ctr_stop_timeout': { type: 'number', from: '1.12' },
  'crio.runtime.decryption_keys_path': { type: 'text', from: '1.17' },
  'crio.runtime.default_capabilities': { type: 'list', from: '1.11' },
  'crio.runtime.default_env': { type: 'list', from: '1.18', patches: { '1.16': 6, '1.17': 4 } },
  'crio.runtime.default_mounts': { type: 'list', from: '1.9', until: '1.20' },
  'crio.runtime.default_mounts_file': { type: 'text', from: '1.11' },
  'crio.runtime.default_runtime': { type: 'text', from: '1.12' },
  'crio.runtime.default_sysctls': { type: 'list', from: '1.12' },
  'crio.runtime.default_ulimits': { type: 'list', from: '1.12' },
  'crio.runtime.default_workload_trust': { type: 'text', from: '1.9', until: '1.14' },
  'crio.runtime.device_ownership_from_security_context': { type: 'flag', from: '1.22' },
  'crio.runtime.disable_hostport_mapping': { type: 'flag', from: '1.28' },
  'crio.runtime.drop_infra_ctr': { type: 'flag', from: '1.19' },
  'crio.runtime.enable_criu_support': { type: 'flag', from: '1.25' },
  'crio.runtime.enable_pod_events': { type: 'flag', from: '1.26' },
  'crio.runtime.enable_shared_pid_namespace': { type: 'flag', from: '1.9', until: '1.10' },
  'crio.runtime.gid_mappings': { type: 'text', from: '1.11' },
  'crio.runtime.hooks_dir': { type: 'list', from: '1.13', patches: { '1.12': 6 } },
  'crio.runtime.hooks_dir_path': { type: 'text', from: '1.9', until: '1.13', dropped: { '1.12': 6 } },
  'crio.runtime.hostnetwork_disable_selinux': { type: 'flag', from: '1.27' },
  'crio.runtime.infra_ctr_cpuset': { type: 'text', from: '1.21', patches: { '1.20': 1 } },
  'crio.runtime.irqbalance_config_file': { type: 'text', from: '1.21', patches: { '1.20': 2 } },
  'crio.runtime.irqbalance_config_restore_file': { type: 'text', from: '1.27' },
  'crio.runtime.log_filter': { type: 'text', from: '1.17' },
  'crio.runtime.log_level': { type: 'text', from: '1.12', patches: { '1.11': 2 } },
  'crio.runtime.log_size_max': { type: 'number', from: '1.9' },
  'crio.runtime.log_to_journald': { type: 'flag', from: '1.14' },
  'crio.runtime.manage_network_ns_lifecycle': {
    type: 'flag',
    from: '1.10',
    until: '1.19',
    patches: { '1.9': 8 },
  },
  'crio.runtime.manage_ns_lifecycle': { type: 'flag', from: '1.17', until: '1.21' },
  'crio.runtime.min_injected_gomaxprocs': {
    type: 'number',
    from: '1.36',
    patches: { '1.33': 12, '1.34': 8, '1.35': 3 },
  },
  'crio.runtime.minimum_mappable_gid': { type: 'number', from: '1.23' },
  'crio.runtime.minimum_mappable_uid': { type: 'number', from: '1.23' },
  'crio.runtime.namespaces_dir': { type: 'text', from: '1.17' },
  'crio.runtime.no_pivot': { type: 'flag', from: '1.9' },
  'crio.runtime.pids_limit': { type: 'number', from: '1.9' },
  'crio.runtime.pinns_path': { type: 'text', from: '1.17' },
  'crio.runtime.privileged_seccomp_profile': { type: 'text', from: '1.33' },
  'crio.runtime.rdt_config_file': { type: 'text', from: '1.22' },
  'crio.runtime.read_only': { type: 'flag', from: '1.11' },
  'crio.runtime.runtime': { type: 'text', from: '1.9', until: '1.14' },
  'crio.runtime.runtime_untrusted_workload': { type: 'text', from: '1.9', until: '1.14' },
  'crio.runtime.runtimes.*.allowed_annotations': { type: 'list', from: '1.20' },
  'crio.runtime.runtimes.*.container_create_timeout': { type: 'number', from: '1.35' },
  'crio.runtime.runtimes.*.container_min_memory': { type: 'text', from: '1.30', patches: { '1.29': 3 } },
  'crio.runtime.runtimes.*.default_annotations': { type: 'table', from: '1.32', patches: { '1.31': 4 } },
  'crio.runtime.runtimes.*.exec_cpu_affinity': { type: 'text', from: '1.34' },
  'crio.runtime.runtimes.*.inherit_default_runtime': { type: 'flag', from: '1.32', patches: { '1.31': 3 } },
  'crio.runtime.runtimes.*.monitor_cgroup': { type: 'text', from: '1.24' },
  'crio.runtime.runtimes.*.monitor_env': { type: 'list', from: '1.24' },
  'crio.runtime.runtimes.*.monitor_exec_cgroup': { type: 'text', from: '1.24' },
  'crio.runtime.runtimes.*.monitor_path': { type: 'text', from: '1.24' },
  'crio.runtime.runtimes.*.no_sync_log': { type: 'flag', from: '1.31' },
  'crio.runtime.runtimes.*.platform_runtime_paths': { type: 'table', from: '1.28', patches: { '1.27': 2 } },
  'crio.runtime.runtimes.*.privileged_without_host_devices': {
    type: 'flag',
    from: '1.17',
    patches: { '1.16': 2 },
  },
  'crio.runtime.runtimes.*.runtime_config_path': { type: 'text', from: '1.22' },
  'crio.runtime.runtimes.*.runtime_path': { type: 'text', from: '1.12' },
  'crio.runtime.runtimes.*.runtime_pull_image': { type: 'flag', from: '1.29', patches: { '1.28': 4 } },
  'crio.runtime.runtimes.*.runtime_root': { type: 'text', from: '1.15' },
  'crio.runtime.runtimes.*.runtime_type': { type: 'text', from: '1.14' },
  'crio.runtime.runtimes.*.seccomp_profile': { type: 'text', from: '1.34' },
  'crio.runtime.runtimes.*.stream_websockets': { type: 'flag', from: '1.34' },
  'crio.runtime.seccomp_profile': { type: 'text', from: '1.9' },
  'crio.runtime.seccomp_use_default_when_empty': {
    type: 'flag',
    from: '1.20',
    until: '1.30',
    patches: { '1.19': 4 },
  },
  'crio.runtime.selinux': { type: 'flag', from: '1.9' },
  'crio.runtime.separate_pull_cgroup': { type: 'text', from: '1.20' },
  'crio.runtime.shared_cpuset': { type: 'text', from: '1.29', patches: { '1.28': 3 } },
  'crio.runtime.timezone': { type: 'text', from: '1.30' },
  'crio.runtime.uid_mappings': { type: 'text', from: '1.11' },
  'crio.runtime.workloads.*.activation_annotation': { type: 'text', from: '1.21' },
  'crio.runtime.workloads.*.allowed_annotations': { type: 'list', from: '1.23' },
  'crio.runtime.workloads.*.annotation_prefix': { type: 'text', from: '1.21' },
  'crio.runtime.workloads.*.resources': { type: 'table', from: '1.21', until: '1.22' },
  'crio.runtime.workloads.*.resources.cpulimit': { type: 'number', from: '1.30', patches: { '1.29': 3 } },
  'crio.runtime.workloads.*.resources.cpuperiod': { type: 'number', from: '1.30', patches: { '1.29': 3 } },
  'crio.runtime.workloads.*.resources.cpuquota': { type: 'number', from: '1.30', patches: { '1.29': 3 } },
  'crio.runtime.workloads.*.resources.cpuset': { type: 'text', from: '1.22', patches: { '1.21': 1 } },
  'crio.runtime.workloads.*.resources.cpushares': { type: 'number', from: '1.22', patches: { '1.21': 1 } },
  'crio.stats.collection_period': { type: 'number', from: '1.30' },
  'crio.stats.included_pod_metrics': { type: 'list', from: '1.30' },
  'crio.stats.stats_collection_period': { type: 'number', from: '1.23' },
  'crio.storage_driver': { type: 'text', from: '1.9' },
  'crio.storage_option': { type: 'list', from: '1.9' },
  'crio.tracing.enable_tracing': { type: 'flag', from: '1.23' },
  'crio.tracing.tracing_endpoint': { type: 'text', from: '1.23' },
  'crio.tracing.tracing_sampling_rate_per_million': { type: 'number', from: '1.23' },
  'crio.version_file': { type: 'text', from: '1.16', patches: { '1.14': 11 } },
  'crio.version_file_persist': { type: 'text', from: '1.19', patches: { '1.17': 5, '1.18': 1 } },
};

/** What a version knows of a key: undefined when it would ignore it. */
export function keyOf(path: string, version: string): Key | undefined {
  const key = KEYS[path.replace(/^(crio\.runtime\.(?:runtimes|workloads))\.[^.]+\./, '$1.*.')];
  if (!key) return undefined;
  const { from, until, patches, dropped } = key;
  const [major = '', minor = '', patch = ''] = version.split('.');
  const backported = patches?.[`${major}.${minor}`];
  if (backported !== undefined) return Number(patch) >= backported ? key : undefined;
  const lost = dropped?.[`${major}.${minor}`];
  if (lost !== undefined && Number(patch) >= lost) return undefined;
  const number = Number(minor);
  return number >= minorOf(from) && (until === undefined || number < minorOf(until)) ? key : undefined;
}

function minorOf(version: string): number {
  return Number(version.split('.')[1]);
}

/** The service of CRI-O. */

/**
 * As upstream's (contrib/systemd/crio.service), but for KillMode: a restart would else end every container where their
 * monitors are in its cgroup, as with cgroupfs.
 */
export function crioUnit(home: string, proxies = ''): string {
  return `[Unit]
Description=Container Runtime Interface for OCI (CRI-O)
Documentation=https://cri-o.io
After=network-online.target

[Service]
Type=notify
Environment=PATH=${home}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
${proxies}ExecStart=${home}/crio
ExecReload=/bin/kill -s HUP $MAINPID
Delegate=yes
KillMode=process
Restart=always
RestartSec=1
LimitNOFILE=1048576
LimitNPROC=1048576
LimitCORE=infinity
TasksMax=infinity
OOMScoreAdjust=-999
TimeoutStartSec=0

[Install]
WantedBy=multi-user.target
`;
}

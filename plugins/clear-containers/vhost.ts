/** /dev/vhost-net on hosts without KVM: the runtime opens it in every model of network, and nobody uses it there. */
import { cmd, type Step, step, written } from '../../core/mod.ts';

const NODES = '/etc/tmpfiles.d/90-cc-clear-containers.conf';

/** Any device that opens will do, so where there is none it is made like /dev/null, also after the next boot. */
export function vhost(): readonly Step[] {
  return [
    written('c /dev/vhost-net 0600 root root - 1:3\n', { name: 'nodes', path: NODES, needs: [] }),
    step<{ there: boolean; ours: boolean }>({
      name: 'vhost-net',
      needs: ['clear-containers/nodes'],
      probe: async (view) => {
        const said = (await view.result(cmd`stat -c ${'%t:%T'} /dev/vhost-net`)).stdout.trim();
        return { there: said !== '', ours: said === '1:3' };
      },
      plan: ({ there }) => {
        const command = cmd`systemd-tmpfiles --create ${NODES}`;
        return there ? [] : [{ kind: 'run', command, why: 'there is no /dev/vhost-net' }];
      },
      undo: ({ ours }) =>
        ours
          ? [{ kind: 'run', command: cmd`rm -f /dev/vhost-net`, why: '/dev/vhost-net was made by cc' }]
          : [],
    }),
  ];
}

/** A cluster on paper as kubectl sees it: objects that are applied, asked for and deleted. */
import { DELETE, type KubeObject } from '../../plugins/kubectl/applied.ts';
import type { Paper } from '../rig/paper.ts';
import type { FakeCommand } from './bench.ts';
import { removed, wrote } from './tools.ts';

export const KUBECTL = '/usr/local/bin/kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=10s';

/** What says that there is a cluster on this host. */
export const ADMIN = '/etc/kubernetes/admin.conf';

/** As kubectl says it. */
export const REFUSED = {
  code: 1,
  stderr:
    'The connection to the server 192.0.2.1:6443 was refused - did you specify the right host or port?\n',
};

/** Objects are kept as files, so that what is left is seen. */
function place({ kind, metadata }: KubeObject): string {
  return `/${[kind, metadata.namespace, metadata.name].filter(Boolean).join('.')}`;
}

function given(input: unknown): readonly KubeObject[] {
  return (JSON.parse(String(input)) as { items: readonly KubeObject[] }).items;
}

/** What is asked for; like kubectl, one object is printed as itself. */
export function asking(host: Paper, api: { answers: boolean } = { answers: true }): readonly FakeCommand[] {
  return [
    [
      `${KUBECTL} get -f - --ignore-not-found -o json`,
      (_, { input }) => {
        if (!api.answers) return REFUSED;
        const items = given(input).filter((object) => host.disk.has(place(object)));
        if (items.length === 0) return '';
        return JSON.stringify(items.length === 1 ? items[0] : { kind: 'List', items });
      },
    ],
  ];
}

export function applying(host: Paper): readonly FakeCommand[] {
  return [
    [
      `${KUBECTL} apply -f -`,
      (_, { input }) =>
        given(input)
          .map((each) => wrote(host, place(each), JSON.stringify(each)))
          .join(''),
    ],
    [
      (argv) => argv[2] === DELETE && argv.slice(4).join(' ') === KUBECTL,
      (_, { input }) => removed(host, ...given(input).map(place)),
    ],
  ];
}

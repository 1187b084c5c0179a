/** The name by which pods ask for virtual machines: a RuntimeClass for the VM runtime of the recipe. */
import { plugin, v } from '../core/mod.ts';
import { atLeast, cluster, runtimeClass, type VmRuntime, vmRuntime } from './capabilities.ts';
import { applied, type KubeObject } from './kubectl/applied.ts';

/** Kubernetes knows RuntimeClasses from here on without being asked to. */
const OLDEST = '1.14.0';

export const vmClass = plugin({
  name: 'runtime-class',
  help: 'makes the RuntimeClass by which pods ask for virtual machines',
  options: v.strictObject({
    /** What a machine takes beside its containers is added to what pods ask for. */
    overhead: v.optional(v.boolean(), true),
  }),
  provides: [runtimeClass],
  build: ({ overhead }, { use, refuse }) => {
    const { version } = use(cluster);
    if (!atLeast(version, OLDEST)) refuse('kubernetes', `expected ${OLDEST} or later, found ${version}`);
    const object = classOf(version, use(vmRuntime), overhead);
    return {
      provides: [runtimeClass.of({ name: object.metadata.name })],
      steps: [
        applied({
          name: 'class',
          needs: ['cluster', 'vm-runtime'],
          cluster: use(cluster),
          objects: [object],
        }),
      ],
    };
  },
});

/**
 * https://kubernetes.io/docs/concepts/containers/runtime-class/: `v1` is served from 1.20 on, and the overhead counts from
 * 1.18 on. No node selector, because every node has the runtime.
 */
function classOf(version: string, { handler, overhead }: VmRuntime, counted: boolean): KubeObject {
  return {
    apiVersion: `node.k8s.io/${atLeast(version, '1.20.0') ? 'v1' : 'v1beta1'}`,
    kind: 'RuntimeClass',
    metadata: { name: handler },
    handler,
    ...(overhead && counted && atLeast(version, '1.18.0') ? { overhead: { podFixed: overhead } } : {}),
  };
}

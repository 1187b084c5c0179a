/** What CRI-O makes on a host when it starts, and leaves: tables of nftables for ports of pods, and the folder of network namespaces. */
import { cmd, step } from '../../core/mod.ts';

/** Notes of what was there before it first started. */
export const NOTE = '/var/lib/cc/crio';

export const KEEP = `set -eu
umask 077
mkdir -p ${NOTE}
nft list tables >${NOTE}/tables.new 2>/dev/null || :
[ ! -d /run/netns ] || : >${NOTE}/netns
mv ${NOTE}/tables.new ${NOTE}/tables`;

/** Others may have filled since what CRI-O made; only what is empty goes. */
export const CLEAR = `set -u
nft list tables 2>/dev/null | grep -vxFf ${NOTE}/tables | while read -r _ family table; do
  [ -n "$(nft list table "$family" "$table" | grep -vE '^(#|table |})')" ] || nft delete table "$family" "$table" || exit
done
if [ ! -e ${NOTE}/netns ] && [ -d /run/netns ] && [ -z "$(ls -A /run/netns)" ]; then
  while umount /run/netns 2>/dev/null; do :; done
  rmdir /run/netns || exit
fi
rm -f ${NOTE}/tables ${NOTE}/netns && rmdir ${NOTE}`;

export function traces() {
  const script = (text: string, title: string) => ({ ...cmd`sh -c ${text} cc`, title });
  return step<{ noted: boolean }>({
    name: 'traces',
    needs: [],
    probe: async (view) => ({ noted: (await view.stat(`${NOTE}/tables`)) !== undefined }),
    plan: ({ noted }) => {
      const command = script(KEEP, 'a script that notes what is there');
      return noted
        ? []
        : [{ kind: 'run', command, why: 'what CRI-O will make was not told from what is there' }];
    },
    undo: ({ noted }) => {
      const command = script(CLEAR, 'a script that removes what CRI-O has made and nobody uses');
      return noted ? [{ kind: 'run', command, why: 'CRI-O made tables and folders' }] : [];
    },
  });
}

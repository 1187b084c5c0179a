/** Which rules of iptables are the cluster's: kube-proxy's and kubelet's by name, those of pods by the name of their network. */

/**
 * RULES NETWORK, an awk program. From what iptables-save prints it makes what `iptables-restore --noflush` takes: chains that
 * are the cluster's are emptied, what leads to them deleted, then they go; no other rule is named. The CNI plugins write the
 * network's name into a comment on each rule of a pod (containernetworking/plugins, pkg/utils/utils.go, FormatComment), and
 * portmap has chains that all networks share (plugins/meta/portmap/portmap.go): these go when no network uses them any more.
 */
export const RULES = String.raw`
function target(rule) { # of the words that are not quoted
  gsub(/"([^"\\]|\\.)*"/, "", rule)
  return match(rule, / -[jg] [^ ]+/) ? substr(rule, RSTART + 4, RLENGTH - 4) : ""
}
/^\*/ { table = $0; count = 0; shared = 0; split("", chains); split("", own) }
/^:/ { chain = substr($1, 2); chains[chain]; if (chain ~ /^KUBE-/) own[chain] }
/^-A / {
  rules[++count] = $0
  from[count] = $2
  to[count] = target($0)
  pods[count] = index($0, "name: \\\"" network "\\\" id: ") && ($2 to[count]) ~ /CNI-/
  if (pods[count] && to[count] ~ /^CNI-/ && to[count] !~ /^CNI-HOSTPORT-/) own[to[count]]
  if (pods[count] && $2 ~ /^CNI-[0-9a-f]+$/) own[$2]
  if (!pods[count] && $2 == "CNI-HOSTPORT-DNAT") shared = 1
}
/^COMMIT/ {
  for (chain in chains) if (!shared && chain ~ /^CNI-HOSTPORT-(DNAT|MASQ|SETMARK)$/) own[chain]
  flush = drop = gone = ""
  for (chain in own) if (chain in chains) {
    flush = flush ":" chain " - [0:0]\n"
    gone = gone "-X " chain "\n"
  }
  for (i = 1; i <= count; i++)
    if (!(from[i] in own) && (pods[i] || to[i] in own)) drop = drop "-D" substr(rules[i], 3) "\n"
  if (flush drop != "") printf "%s\n%s%s%sCOMMIT\n", table, flush, drop, gone
}`;

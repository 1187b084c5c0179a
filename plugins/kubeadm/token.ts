/** The token by which one node joins: made in memory, known to the cluster for minutes, and the authority that it is told beside. */
import { createHash, X509Certificate } from 'node:crypto';

export interface Token {
  /** Names it; nobody need hide this part. */
  readonly id: string;
  readonly secret: string;
}

const SIGNS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Each sign is as likely as any other: bytes that do not divide evenly are thrown away. */
function random(length: number): string {
  const even = 256 - (256 % SIGNS.length);
  let text = '';
  while (text.length < length) {
    const bytes = crypto.getRandomValues(new Uint8Array(length));
    for (const byte of bytes) if (byte < even) text += SIGNS[byte % SIGNS.length];
  }
  return text.slice(0, length);
}

/** kubernetes/kubernetes, staging/src/k8s.io/cluster-bootstrap/token/api/types.go, BootstrapTokenPattern. */
export function token(): Token {
  return { id: random(6), secret: random(16) };
}

export function nameOf({ id }: Token): string {
  return `bootstrap-token-${id}`;
}

/** The object by which the cluster knows it until a time: https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/ */
export function objectOf(token: Token, expiration: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: nameOf(token), namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      description: 'by which cc has a node join',
      'token-id': token.id,
      'token-secret': token.secret,
      expiration,
      'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
      'usage-bootstrap-authentication': 'true',
      'usage-bootstrap-signing': 'true',
    },
  });
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** As kubeadm pins an authority: the SHA-256 of its public key (SubjectPublicKeyInfo, RFC 7469). */
export function pinsOf(pem: string): readonly string[] {
  return (pem.match(CERTIFICATE) ?? []).map((each) => {
    const key = new X509Certificate(each).publicKey.export({ type: 'spki', format: 'der' });
    return `sha256:${createHash('sha256').update(key).digest('hex')}`;
  });
}

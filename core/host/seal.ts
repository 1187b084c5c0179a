/** Digests under a key: whoever does not have the key cannot try what a short text might be. */
import { createHmac, randomBytes } from 'node:crypto';

export function newKey(): string {
  return randomBytes(32).toString('hex');
}

/** HMAC-SHA-256, in hexadecimal. */
export function sealed(key: string, text: string): string {
  return createHmac('sha256', Buffer.from(key, 'hex')).update(text).digest('hex');
}

import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** Keys of 32 bytes: the first one seals, each of them opens. */
export type Keys = readonly Buffer[];

const FORM = 'v1';
/** NIST SP 800-38D: 96 bits, never twice under one key; drawn at random, good for 2^32 seals. */
const NONCE_BYTES = 12;

/** Which key it was, for people and for `unseal`; it tells nothing of the key. */
export const nameOf = (key: Buffer): string => createHash('sha256').update(key).digest('hex').slice(0, 8);

/**
 * Seals a text with AES-256-GCM. `about` says whose it is: sealed for another, it does not open. Gives the form, the key's
 * name, the nonce, the tag and what was sealed, each but the first two in base64url.
 */
export function seal(key: Buffer, text: string, about: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(`${FORM} ${about}`));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return [FORM, nameOf(key), ...[nonce, cipher.getAuthTag(), sealed].map(part => part.toString('base64url'))].join('.');
}

/** Opens what one of the keys has sealed. Throws when none of them did, or when it was changed. */
export function unseal(keys: Keys, sealed: string, about: string): { text: string; key: Buffer } {
  const [form, name, ...parts] = sealed.split('.');
  const [nonce, tag, rest] = parts.map(part => Buffer.from(part, 'base64url'));
  const key = keys.find(known => nameOf(known) === name);
  if (!key) throw new Error(`it was sealed with another key (${name})`);
  if (form !== FORM || !nonce || !rest || tag?.length !== 16) throw new Error('it is in a form that nobody knows');
  const cipher = createDecipheriv('aes-256-gcm', key, nonce)
    .setAAD(Buffer.from(`${FORM} ${about}`))
    .setAuthTag(tag);
  try {
    return { text: Buffer.concat([cipher.update(rest), cipher.final()]).toString('utf8'), key };
  } catch (cause) {
    throw new Error('it was changed since it was sealed', { cause });
  }
}

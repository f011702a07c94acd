// Base64 of bytes and random identifiers.

/** Bytes taken at a time, so that no call has more arguments than engines allow. */
const CHUNK_BYTES = 0x8000;

/** Base64 (RFC 4648 §4, padded) of bytes. */
export function base64(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK_BYTES));
  }
  return btoa(binary);
}

/** Base64 of a text's UTF-8. */
export function base64OfText(text: string): string {
  return base64(new TextEncoder().encode(text));
}

/** Base64url without padding (RFC 4648 §5). */
export function base64url(bytes: Uint8Array): string {
  return base64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** `bits` random bits as base64url. Works on plain http too, where `crypto.randomUUID` does not exist. */
export function randomId(bits = 128): string {
  return base64url(crypto.getRandomValues(new Uint8Array(Math.ceil(bits / 8))));
}

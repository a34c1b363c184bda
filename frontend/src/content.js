// Whether a file is on the server already: then there is nothing to ask about, though its name is taken.

const LARGEST = 64 * 1024 * 1024; // bytes; hashing here needs all of it in memory

/**
 * @param {File} file
 * @param {string} sha256 of what the server has, in hexadecimal; "" when it did not say
 * @returns {Promise<boolean>} false also when it cannot be told
 */
export async function isThere(file, sha256) {
  // Browsers hash only where the connection is safe: TLS, or this very machine.
  if (!sha256 || file.size > LARGEST || !globalThis.crypto?.subtle) return false;
  try {
    const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    return hexadecimal(digest) === sha256;
  } catch {
    return false; // it cannot be read any more
  }
}

function hexadecimal(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

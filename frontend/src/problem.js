// Why an upload failed: the server's own words where it gave any, else ours.

/** @typedef {{status: number, reason: string, message: string, sha256: string}} Problem */

const WORDS = {
  0: "The connection to the server was lost, and did not come back. Try again when it has.",
  401: "Your session has ended.",
  403: "You may not upload here.",
  413: "It is larger than the server, or a proxy before it, takes.",
};

/** The headers of an upload were asked for and refused; such an answer has no words. */
export class HeadRefused extends Error {
  constructor(status) {
    super(`HEAD was answered ${status}`);
    this.status = status;
  }
}

/** Statuses after which trying again may help: nothing was decided, or only for the moment. */
const PASSING = new Set([0, 408, 423, 425, 429, 502, 503, 504]);

/** So may these refusals, since every new try first asks where the upload stands. */
const CURED = new Set(["offset_mismatch", "upload_overtaken", "upload_not_found", "upload_expired"]);

/** Whether trying again as it is could help. @param {Problem} problem */
export function passes(problem) {
  return PASSING.has(problem.status) || CURED.has(problem.reason);
}

/** @param {Error} error of tus-js-client @returns {Problem} */
export function problemOf(error) {
  const status = error.causingError?.status ?? error.originalResponse?.getStatus() ?? 0;
  const told = read(error.originalResponse?.getBody());
  const head = error.causingError instanceof HeadRefused;
  return {
    status,
    reason: told.reason ?? (head && status === 409 ? "filename_taken" : ""),
    message: told.detail ?? WORDS[status] ?? `The server answered ${status}. Try again.`,
    sha256: told.sha256 ?? "",
  };
}

/** What we know ourselves. @returns {Problem} */
export function own(reason, message) {
  return { status: 0, reason, message, sha256: "" };
}

function read(body) {
  try {
    return JSON.parse(body) ?? {};
  } catch {
    return {}; // no problem document: a proxy answered, or nobody
  }
}

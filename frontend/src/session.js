// Whether this page may still speak for its user: the word against forged requests, and a new one
// after somebody has signed in again elsewhere.

const HEADER = "X-CSRF-Token";
const FIELD = "csrf_token";
const HEADERS = "hx-headers:inherited"; // of the body, for what HTMX sends

export class Session {
  /**
   * @param {string} token empty where nobody signs in
   * @param {string} page whose HTML has the token of a new session
   */
  constructor(token, page) {
    this.token = token;
    this.page = page;
  }

  /** Put the token into a request that is about to be sent. */
  sign(request) {
    if (this.token) request.setHeader(HEADER, this.token);
  }

  /** Headers for fetch. */
  get headers() {
    return this.token ? { [HEADER]: this.token } : {};
  }

  /**
   * Ask whether somebody is signed in, and take over the token of that session.
   * @returns {Promise<boolean>} false also while the server cannot be reached
   */
  async renew() {
    try {
      const answer = await fetch(this.page, { headers: { Accept: "text/html" } });
      if (!answer.ok || answer.redirected) return false;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const headers = page.body.getAttribute(HEADERS);
      if (headers === null) return this.token === "";
      this.token = JSON.parse(headers)[HEADER];
      document.body.setAttribute(HEADERS, headers);
      for (const field of document.getElementsByName(FIELD)) field.value = this.token;
      for (const button of document.querySelectorAll(`[formaction*="${FIELD}="]`)) {
        const address = new URL(button.formAction);
        address.searchParams.set(FIELD, this.token);
        button.formAction = address;
      }
      return true;
    } catch {
      return false;
    }
  }
}

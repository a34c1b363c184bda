"""Secrets do not get in: keys that name one, and text that looks like one.

Works from what is allowed as well: the values of declared names and ids pass unchanged (a file
may be called anything), because they are in the part that can be forgotten. Everything else,
exception text included, is searched.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

REDACTED: Final = "[redacted]"

_SECRET_NAME: Final = re.compile(
    "password|passwd|passphrase|passcode|secret|token|authorization|cookie|session|apikey"
    "|accesskey|privatekey|signingkey|encryptionkey|credential|csrf|xsrf|pincode|bearer"
)
"""Anywhere in a key, once everything but letters and digits is taken out of it."""

_SECRET_WORDS: Final = frozenset({"auth", "jwt", "otp", "pin", "pwd", "totp"})
"""Only as a whole word of a key: they occur inside other words."""

_TEXT: Final = re.compile(
    r"""
      -----BEGIN\ [A-Z0-9 ]*PRIVATE\ KEY-----.*?(?:-----END\ [A-Z0-9 ]*PRIVATE\ KEY-----|\Z)
    | \beyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*                                 # JSON web token
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b                                     # AWS
    | \b(?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|sk-|[rsp]k_(?:live|test)_|npm_|hf_)
      [\w-]{16,}                                                        # code hosts, chat, payment
    | \bAIza[\w-]{30,}                                                  # Google
    | \b(?P<scheme>bearer|basic|digest|negotiate)\s+[\w.~+/=:-]{6,}     # HTTP authentication
    | (?P<origin>\b[a-z][a-z0-9+.-]{0,20}://)[^\s/?#@'"]{1,256}@                   # URL with credentials
    | (?P<url>\bhttps?://[^\s?#'"<>]{1,256})[?#][^\s'"<>]+                    # query string, fragment
    | (?P<key>(?<![\w-])["']?[\w-]{0,64}(?:pass(?:word|wd|phrase|code)|secret|token|authorization|cookie
      |api[_-]?key|access[_-]?key|private[_-]?key|credential|csrf|jwt|pwd)[\w-]{0,64}["']?\s{0,8}[=:]\s{0,8})
      (?:"[^"]*"|'[^']*'|(?:(?:bearer|basic)\s+)?[^\s,;&"')\]}]+)      # key=value, 'key': 'value'
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)

_HINT: Final = re.compile(
    r"-----BEGIN|eyJ|AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox|sk-|[rsp]k_|npm_|hf_|AIza"
    r"|bearer|basic|digest|negotiate|://|pass|secret|token|authorization|cookie"
    r"|key|credential|csrf|jwt|pwd",
    re.IGNORECASE,
)
"""Something every pattern above contains: one quick look decides for most text."""


@lru_cache(maxsize=4096)
def names_secret(key: str) -> bool:
    """Whether a key of this name holds a secret, however it is spelt."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower())
    return not _SECRET_WORDS.isdisjoint(words) or _SECRET_NAME.search("".join(words)) is not None


def redact_text(text: str) -> str:
    """The text with everything that looks like a secret replaced by ``[redacted]``."""
    if _HINT.search(text) is None:
        return text
    return _TEXT.sub(_replace, text)


def _replace(match: re.Match[str]) -> str:
    groups = match.groupdict()
    if scheme := groups["scheme"]:
        return f"{scheme} {REDACTED}"
    if origin := groups["origin"]:
        return f"{origin}{REDACTED}@"
    if url := groups["url"]:
        return f"{url}?{REDACTED}"
    if key := groups["key"]:
        return f"{key}{REDACTED}"
    return REDACTED

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

_URL: Final = re.compile(r"\b[a-z][a-z0-9+.-]{0,20}://[^\s'\"<>]+", re.IGNORECASE)
"""A whole address at once: what stands where in it is taken apart in :func:`_redact_url`."""

_TEXT: Final = re.compile(
    r"""
      -----BEGIN\ [A-Z0-9 ]*PRIVATE\ KEY(?:\ BLOCK)?-----.*?
      (?:-----END\ [A-Z0-9 ]*PRIVATE\ KEY(?:\ BLOCK)?-----|\Z)
    | \beyJ[\w-]{6,}+\.[\w-]{6,}+\.[\w-]*                               # JSON web token
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b                                     # AWS
    | \b(?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|sk-|[rsp]k_(?:live|test)_|npm_|hf_)
      [\w-]{16,}                                                        # code hosts, chat, payment
    | \bAIza[\w-]{30,}                                                  # Google
    | (?P<header>\b(?:proxy-)?authorization|\b(?:set-)?cookie)           # header fields: to the end
      \s*+[=:]\s*+(?!b?["'\[{(])[^\r\n]*
    | \b(?P<scheme>bearer|basic|digest|negotiate)\s+[\w.~+/=:-]{6,}     # HTTP authentication
    | (?P<key>
        (?:pass(?:word|wd|phrase|code)|secret|token|authorization|cookie|session|api[_-]?key
          |access[_-]?key|private[_-]?key|credential|csrf|jwt|pwd|(?<![a-z])sid)
        [\w-]*+\\*["']?\s*+[=:]\s*+)                                     # key=value, 'key': 'value'
      (?:b?\\*"(?:[^"\\]|\\+.)*"?|b?\\*'(?:[^'\\]|\\+.)*'?|[\[{(][^\r\n]*
        |(?:(?:bearer|basic|token)\s+)?[^\s,;&"')\]}]+)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
"""Text is at most a few thousand characters, and no pattern is worse than quadratic in it."""

_HINT: Final = re.compile(
    r"-----BEGIN|eyJ|AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox|sk-|[rsp]k_|npm_|hf_|AIza"
    r"|bearer|basic|digest|negotiate|://|pass|secret|token|authorization|cookie|session"
    r"|key|credential|csrf|jwt|pwd|sid",
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
    if "://" in text:
        text = _URL.sub(_redact_url, text)
    return _TEXT.sub(_redact, text)


def _redact_url(match: re.Match[str]) -> str:
    """An address without credentials, query string and fragment."""
    scheme, _, rest = match.group().partition("://")
    place = re.split(r"[?#]", rest, maxsplit=1)
    authority, slash, path = place[0].partition("/")
    credentials, at, host = authority.rpartition("@")
    if credentials:
        authority = f"{REDACTED}{at}{host}"
    tail = f"?{REDACTED}" if len(place) > 1 and place[1] else ""
    return f"{scheme}://{authority}{slash}{path}{tail}"


def _redact(match: re.Match[str]) -> str:
    groups = match.groupdict()
    if header := groups["header"]:
        return f"{header}: {REDACTED}"
    if scheme := groups["scheme"]:
        return f"{scheme} {REDACTED}"
    if key := groups["key"]:
        return f"{key}{REDACTED}"
    return REDACTED

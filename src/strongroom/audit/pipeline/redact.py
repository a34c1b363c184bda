"""Secrets do not get in: keys that name one, and text that looks like one.

Works from what is allowed as well: the values of declared names pass unchanged (a file may be
called anything), because they are in the part that can be forgotten, and ids have a shape of their
own. Everything else, exception text included, is searched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import groupby
from string import ascii_lowercase, ascii_uppercase
from typing import Any, Final

from strongroom.audit.pipeline.addresses import REDACTED, redact_addresses

__all__ = ["REDACTED", "names_secret", "redact_members", "redact_text"]

MAX_NAME: Final = 256
"""Characters of a key; what is longer is no name, and nobody can tell what it holds."""

_SECRET_NAME: Final = re.compile(
    "password|passwd|passphrase|passcode|secret|token|authorization|cookie|session|apikey"
    "|accesskey|accountkey|privatekey|signingkey|encryptionkey|credential|csrf|xsrf|pincode|bearer"
)
"""Anywhere in a key, once everything but letters and digits is taken out of it."""

_SECRET_WORDS: Final = frozenset({"auth", "jwt", "otp", "pin", "pwd", "totp"})
"""Only as a whole word of a key: they occur inside other words."""

_NAMES: Final = r"""(?:pass(?:word|wd|phrase|code)|secret|token|authorization|cookie|session
    |(?:api|access|account|private|signing|encryption)[ _-]?key|credential|[cx]srf|jwt|pwd|totp
    |pin[_-]?code|bearer|(?<![a-z])sid)"""
"""The same in text, where a name may go on on both sides."""

_NAMED: Final = rf"{_NAMES}(?:(?!{_NAMES})[\w-])*+"
"""The last name of a word and what follows it: the search looks no further than to the next name,
so that a word of many names is not read once for each."""

_MORE: Final = r"(?:[_-](?:(?!(?:auth|otp|pin|sig)[_-])[\w-])*+|(?![a-z0-9]))"
"""The same behind the short words, which are names only as words of their own."""

_IS: Final = r"""(?:\\*["']?\s*+(?:[=:]{1,2}>?|->|%(?:25)*3d)\s*+
    |\\*["']\s*+,\s*+(?=b?\\*["']|\d|[\[{(]))"""
"""Between a name and its value: ``name=``, ``'name': ``, ``name => ``, ``'name', `` of a pair."""

_VALUE: Final = r"""(?:\[redacted\](?=[\s,;&"')\]}]|\Z)
    |b?\\*"(?:[^"\\]|\\+.)*+"?|b?\\*'(?:[^'\\]|\\+.)*+'?|[\[{(][^\r\n]*+
    |(?:(?:bearer|basic|token)\s+)?[^\s,;&"')\]}]++)"""

_TEXT: Final = re.compile(
    rf"""
      -----begin\ [a-z0-9 ]{{0,40}}private\ key(?:\ block)?-----.*?
      (?:-----end\ [a-z0-9 ]{{0,40}}private\ key(?:\ block)?-----|\Z)
    | eyj(?<!\w...)[\w-]{{6,}}+\.[\w-]{{6,}}+\.[\w-]*                   # JSON web token
    | a[ks]ia(?<!\w....)[0-9a-z]{{16}}\b                                # AWS
    | (?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|sk-|[rsp]k_(?:live|test)_|npm_|hf_|whsec_|sg\.)
      [\w.-]{{16,}}                                                     # code hosts, payment, mail
    | aiza[\w-]{{30,}}                                                  # Google
    | (?P<header>authorization|cookie)                                  # header fields: to the end
      \s*+[=:]\s*+(?!b?["'\[{{(])[^\r\n]*
    | (?P<signed>aws4-hmac-sha256)\s[^\r\n]*                            # AWS, signed requests
    | (?P<scheme>(?:bearer|basic|digest|negotiate|ntlm)(?=\s)           # HTTP authentication
      |(?:token|apikey)(?=\s+[\w.~+/=:-]{{0,40}}?\d)|(?<=authorization\s)(?:token|apikey))
      \s+[\w.~+/=:-]{{6,}}
    | (?P<query>\?|%(?:25)*3f)[\w.~\[\]-]{{1,80}}(?:=|%(?:25)*3d)[^\s"'<>]*+   # without a host
    | (?P<tag>{_NAMED}(?:\s[^<>]{{0,100}})?>)[^<]++(?=</)               # XML
    | (?P<option>--(?:[a-z0-9]{{1,20}}-){{0,3}}(?:{_NAMES}|auth|otp|pin|pass)[\w-]*+\s++)(?!-)
      {_VALUE}                                                          # --password value
    | (?P<key>{_NAMED}{_IS}){_VALUE}                                    # key=value, 'key': 'value'
    | (?P<word>(?:auth|otp|pin|sig|pass(?==)){_MORE}{_IS}){_VALUE}
    """,
    re.VERBOSE | re.DOTALL,
)
"""For text in small letters, at a place where something may begin. Text is at most a few thousand
characters, and no pattern is worse than quadratic in it."""

_OPENINGS: Final = (
    "-----begin", "eyj", "akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_",
    "glpat-", "xox", "sk-", "sk_", "rk_", "pk_", "npm_", "hf_", "whsec_", "sg.", "aiza", "aws4",
    "bearer", "basic", "digest", "negotiate", "ntlm", "pass", "secret", "token", "authorization",
    "cookie", "session", "api", "access", "account", "private", "signing", "encryption",
    "credential", "csrf", "xsrf", "jwt", "pwd", "totp", "sid", "auth", "otp", "pin", "sig",
)  # fmt: skip
"""What the patterns above begin with, but for ``--``, ``?`` and ``%3F``."""

_WHOLE: Final = frozenset(
    {"ghp", "gho", "ghu", "ghs", "ghr", "git", "glp", "xox", "sk-", "sk_", "rk_", "pk_", "npm"}
    | {"hf_", "whs", "sg.", "aiz", "aws", "bea", "bas", "dig", "neg", "ntl", "tok", "api"}
)
"""The first letters of those that are a word of their own, unless they are the name of a value."""

_SENTENCE: Final = re.compile(r"(?<=: )[a-z]{1,15} +\w")
"""``auth: user not found``: behind the short words, a plain word before another one is no value."""

_LOWER: Final = str.maketrans(ascii_uppercase, ascii_lowercase)


def _any_of(openings: Iterable[str], *patterns: str) -> re.Pattern[str]:
    """One pattern for all, which looks at each first letter once."""
    ordered = groupby(sorted(openings), key=lambda opening: opening[0])
    grouped = (
        f"{re.escape(first)}(?:{'|'.join(re.escape(opening[1:]) for opening in group)})"
        for first, group in ordered
    )
    return re.compile("|".join([*grouped, *patterns]))


_OPENING: Final = _any_of(_OPENINGS, r"--(?=[a-z])", r"\?(?=[\w.~\[-])", "%(?=25|3f)")


@lru_cache(maxsize=4096)
def names_secret(key: str) -> bool:
    """Whether a key of this name holds a secret, however it is spelt."""
    if len(key) > MAX_NAME:
        return True
    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower())
    return not _SECRET_WORDS.isdisjoint(words) or _SECRET_NAME.search("".join(words)) is not None


def redact_members(members: Mapping[str, Any]) -> dict[str, Any]:
    """The same, with ``[redacted]`` under every key that names a secret."""
    return {key: REDACTED if names_secret(str(key)) else member for key, member in members.items()}


def redact_text(text: str, *, cut: bool = False) -> str:
    """The text with everything that looks like a secret replaced by ``[redacted]``.

    :param cut: the text goes on where this one ends
    """
    if "://" in text:
        text = redact_addresses(text, cut=cut)
    # Only letters of ASCII, so that every place in one is the same place in the other.
    small = text.lower() if text.isascii() else text.translate(_LOWER)
    opening = _OPENING.search(small)
    if opening is None:
        return text
    found: list[str] = []
    done = 0
    while opening is not None:
        match = _TEXT.match(small, opening.start())
        if match is None or not _stands(match, text):
            opening = _OPENING.search(small, opening.start() + 1)
            continue
        found += (text[done : match.start()], _redacted(match, text))
        done = match.end()
        opening = _OPENING.search(small, done)
    return "".join(found) + text[done:]


def _stands(match: re.Match[str], text: str) -> bool:
    """Whether what was found is that, going by what stands around it."""
    kind = match.lastgroup
    start = match.start()
    before = text[start - 1] if start else " "
    if kind == "word":
        own = not before.isalnum() or (before.islower() and text[start].isupper())
        return own and _SENTENCE.match(text, match.end(kind)) is None
    if kind in (None, "scheme", "signed") and match[0][:3] in _WHOLE:
        return not (before.isalnum() or before == "_")
    return True


def _redacted(match: re.Match[str], text: str) -> str:
    kind = match.lastgroup
    if kind is None:
        return REDACTED
    kept = text[match.start(kind) : match.end(kind)]
    if kind == "header":
        return f"{kept}: {REDACTED}"
    return f"{kept} {REDACTED}" if kind in ("scheme", "signed") else f"{kept}{REDACTED}"

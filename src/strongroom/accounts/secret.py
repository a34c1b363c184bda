"""Secrets that are random, not chosen: made, and stored as digests only.

They have 256 bits, so a plain SHA-256 is as good as a slow hash, and looking one up by its digest
tells nothing by its timing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from typing import Final

TOKEN_PREFIX: Final = "srt_"  # noqa: S105  # marks our tokens, for people and for leak scanners


def new_secret() -> str:
    """32 random bytes, in the 43 characters of base64url."""
    return secrets.token_urlsafe(32)


def new_token() -> str:
    """The same, recognisable as a token of ours."""
    return TOKEN_PREFIX + new_secret()


def digest(secret: str) -> str:
    """What is stored of a secret. Takes whatever a client sends."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def csrf_token(session_secret: str) -> str:
    """What forms of this session must send back; follows from its secret, so nothing is stored."""
    code = hmac.digest(session_secret.encode("utf-8", "surrogatepass"), b"csrf", "sha256")
    return urlsafe_b64encode(code).rstrip(b"=").decode()

"""What is said to a client whose request never became one: there is no application to ask yet.

Nothing of what was sent is repeated, and the pages need nothing else from the server.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from gunicorn.http import errors

_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<h1>{title}</h1>
<p>{message}</p>
</html>
"""

_HEAD: Final = (
    "HTTP/1.1 {status} {phrase}\r\n"
    "Connection: close\r\n"
    "Content-Type: text/html; charset=utf-8\r\n"
    "Content-Length: {length}\r\n"
    "Cache-Control: no-store\r\n"
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "\r\n"
)

_PHRASES: Final = {414: "URI Too Long", 431: "Request Header Fields Too Large"}


def _refusal(status: int, title: str, message: str) -> bytes:
    body = _PAGE.format(title=title, message=message).encode()
    phrase = _PHRASES.get(status) or HTTPStatus(status).phrase
    return _HEAD.format(status=status, phrase=phrase, length=len(body)).encode() + body


TOO_LONG_LINE: Final = _refusal(
    414,
    "That address is too long",
    "The address has more than 8,190 bytes, so it was not read. Shorten what you search for.",
)
TOO_LONG_HEAD: Final = _refusal(
    431,
    "The headers are too large",
    "The request has more than 100 headers, one of more than 8,190 bytes, or more than 64 KiB of "
    "them, so it was not carried out. In a browser, deleting this site's cookies helps.",
)
NOT_TLS: Final = _refusal(
    400,
    "This address begins with https://",
    "The request was sent in the clear, and this server speaks TLS only. "
    "Write https:// in place of http:// in the address.",
)
_NOT_HTTP: Final = _refusal(
    400,
    "The request cannot be understood",
    "It is not valid HTTP/1.1, so it was not carried out. A proxy or script that writes its own "
    "requests may be the cause.",
)
_NO_CODING: Final = _refusal(
    501,
    "That transfer coding is not understood",
    "Send the body with a Content-Length, or with Transfer-Encoding: chunked.",
)
_NO_EXPECTATION: Final = _refusal(
    417,
    "That cannot be expected here",
    "The only expectation that this server meets is 100-continue.",
)

_REFUSALS: Final[tuple[tuple[tuple[type[Exception], ...], bytes], ...]] = (
    ((errors.LimitRequestLine,), TOO_LONG_LINE),
    ((errors.LimitRequestHeaders,), TOO_LONG_HEAD),
    ((errors.UnsupportedTransferCoding,), _NO_CODING),
    ((errors.ExpectationFailed,), _NO_EXPECTATION),
    (
        (
            errors.InvalidRequestLine,
            errors.InvalidRequestMethod,
            errors.InvalidHTTPVersion,
            errors.InvalidHeader,
            errors.InvalidHeaderName,
            errors.ObsoleteFolding,
            errors.InvalidSchemeHeaders,
            errors.InvalidChunkSize,
            errors.ChunkMissingTerminator,
            errors.InvalidChunkExtension,
        ),
        _NOT_HTTP,
    ),
)


def refusal_of(error: Exception) -> bytes | None:
    """The whole answer to a request that gunicorn could not read; None for any other fault."""
    if type(error).__name__.startswith("InvalidResponse"):  # newer than the types
        return None  # the application's fault, though they are subclasses of the client's
    return next((said for kinds, said in _REFUSALS if isinstance(error, kinds)), None)

"""Secrets do not get in, whatever they are called and wherever they hide."""

from __future__ import annotations

import json
from typing import Any

import pytest
import structlog
from werkzeug.datastructures import EnvironHeaders, Headers, ImmutableMultiDict

from strongroom.audit.events import Stream
from strongroom.audit.events.fields import CONTEXT_FIELDS
from strongroom.audit.journal import encode
from strongroom.audit.pipeline.context import bind_context
from strongroom.audit.pipeline.redact import REDACTED, redact_text
from strongroom.files.events import FileUploaded
from tests.unit.making import Capture, renderings, stored_bytes

CANARY = "c4nary-Zx81"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjNG5hcnkifQ.c4nary-Zx81_sig"
PEM = f"-----BEGIN RSA PRIVATE KEY-----\nMII{CANARY}\nAAAA\n-----END RSA PRIVATE KEY-----"

log = structlog.get_logger()


def assert_clean(record: dict[str, Any]) -> None:
    """The canary is neither stored nor printed."""
    leaks = {name for name, line in renderings(record).items() if CANARY in line}
    if CANARY.encode() in stored_bytes(record):
        leaks.add("stored bytes")
    assert not leaks, record


@pytest.mark.parametrize(
    "key",
    [
        "password", "Password", "PASSWORD", "passwd", "passphrase", "pwd", "new_password",
        "secret", "clientSecret", "token", "access_token", "csrf-token", "refreshToken",
        "authorization", "Authorization", "HTTP_AUTHORIZATION", "proxy-authorization",
        "cookie", "Set-Cookie", "session", "session_id", "api_key", "api-key", "apiKey",
        "X-Api-Key", "private_key", "aws_access_key_id", "credentials", "jwt", "otp",
        "pass\u200bword", "p.a.s.s.w.o.r.d", "a" * 200 + "_password",
    ],
)  # fmt: skip
def test_a_key_that_names_a_secret(capture: Capture, key: str) -> None:
    structlog.contextvars.bind_contextvars(**{key: CANARY})
    log.info("cache_warmed", **{key: CANARY}, extra={key: [CANARY]})
    log.info("cache_warmed", nested=[{"deep": ({key: {"x": CANARY}},)}])
    for record in capture.records:
        assert record["event"] == "cache_warmed"
        assert REDACTED in json.dumps(record)
        assert_clean(record)


def test_keys_that_are_bytes(capture: Capture) -> None:
    log.info("cache_warmed", headers={b"authorization": CANARY.encode()})
    assert_clean(capture.only())


@pytest.mark.parametrize(
    "text",
    [
        f"Bearer {CANARY}",
        f"authorization was: bearer {CANARY}",
        f"Basic {CANARY}",
        f"Authorization: Token {CANARY}",
        f"Authorization: {CANARY}",
        f"Cookie: theme=dark; sid={CANARY}",
        f"Set-Cookie: sid={CANARY}; HttpOnly",
        f"got {JWT} from the client",
        PEM,
        PEM.replace("RSA ", ""),
        PEM.replace("RSA", "OPENSSH"),
        PEM.replace("\n", "\\n"),
        PEM.rpartition("\n")[0],
        PEM.replace("RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK"),
        f"https://user:{CANARY}@host/path",
        f"postgresql://user:{CANARY}@host/db",
        f"postgresql://user:p@{CANARY}@host/db",
        f"redis://:{CANARY}@host:6379/0",
        f"https://host/path?x={CANARY}",
        f"https://host/path#{CANARY}",
        f"password={CANARY}",
        f"password: {CANARY}",
        f"PASSWORD = '{CANARY} and more'",
        f'db_password="two words {CANARY}"',
        f"{{'password': '{CANARY}'}}",
        f"{{'password': \"it's {CANARY}\"}}",
        json.dumps({"password": f'a"{CANARY}'}),
        repr({"password": CANARY.encode()}),
        repr({b"password": CANARY.encode()}),
        repr({"token": [CANARY, "x"]}),
        repr({"api_key": {"value": CANARY}}),
        f"client_secret={CANARY}&grant=x",
        f"api_key={CANARY}",
        f"x-api-key: {CANARY}",
        f"session={CANARY}",
        f"session_id={CANARY}",
        f"passphrase={CANARY}",
        f"access_key={CANARY}",
        f"host=db user=u pass={CANARY}",
        f"pin={CANARY}",
        f"userPin={CANARY}",
        f"pin_code: {CANARY}",
        f"otp: {CANARY}",
        f"auth={CANARY}",
        f"totp={CANARY}",
        f"signing_key={CANARY}",
        f"ENCRYPTION_KEY={CANARY}",
        f"AccountKey={CANARY}==;",
        f"XSRF-TOKEN={CANARY}",
        f"password => {CANARY}",
        f"password -> {CANARY}",
        f':password=>"{CANARY}"',
        f"mysql --password {CANARY} -u x",
        f"curl --api-token '{CANARY}'",
        f"<password>{CANARY}</password>",
        f'<x:client-secret kind="a">two {CANARY}</x:client-secret>',
        f"Token {CANARY}",
        f"Authorization Token {CANARY}",
        f"NTLM {CANARY}",
        f"AWS4-HMAC-SHA256 Credential=A/{CANARY}, SignedHeaders=a, Signature={CANARY}",
        f"('password', '{CANARY}')",
        f'["password", "{CANARY}"]',
        repr([("X-Api-Key", CANARY)]),
        repr([(b"password", CANARY.encode())]),
        repr([("password", [CANARY])]),
        f"postgresql://u:{CANARY}/x@db/app",
        f"postgresql://u:x/{CANARY}@db/app",
        f"postgresql://u:1/{CANARY}@db/app",
        f"postgresql://u:{CANARY}?x@db/app",
        f"postgresql://u:x#{CANARY}@db/app",
        f"postgresql://u:x'{CANARY}@db/app",
        f"https://u:a@{CANARY}/b@host/",
        f"next=%2Fa%3Ftoken%3D{CANARY}",
        f"/x/token%253D{CANARY}",
        f"redirecting to /cb?code={CANARY}",
        f"/x?a=b&sig={CANARY}",
        f"/x%3Fcode%3D{CANARY}",
    ],
)
def test_text_that_looks_like_a_secret(capture: Capture, text: str) -> None:
    log.info("cache_warmed", message=text)
    log.info("cache_warmed", nested=[{"deep": text}])
    log.info(f"A sentence with {text}")  # noqa: G004  # as people write them
    try:
        raise ValueError(text) from RuntimeError(text)
    except ValueError as error:
        error.add_note(text)
        log.exception("work_failed")
    for record in capture.records:
        assert_clean(record)


def test_a_message_given_by_hand(capture: Capture) -> None:
    log.info("cache_warmed", error_msg=f"password={CANARY}")
    assert_clean(capture.only())


@pytest.mark.parametrize(
    "token",
    [
        "AKIAIOSFODNN7EXAMPLE",  # AWS, from their documentation
        "ASIAIOSFODNN7EXAMPLE",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "github_pat_0123456789abcdefghij_ABCDEF",
        "glpat-0123456789abcdefghij",
        "xoxb-0123456789-abcdefghij",
        "sk_live_0123456789abcdefghij",
        "whsec_0123456789abcdefghij",
        "SG.0123456789abcdefghij.0123456789",
        "AIza0123456789abcdefghijABCDEFGHIJ01234",
        JWT,
    ],
)
def test_well_known_tokens(token: str) -> None:
    assert redact_text(f"it was {token}, they said") == f"it was {REDACTED}, they said"


@pytest.mark.parametrize(
    "text",
    [
        "a token of gratitude",
        "the secret garden",
        "no password given",
        "4111111111111111",
        "https://example.org/a/path",
        "user@example.org",
        "basic",
        "日本語.txt",
        "pin the version",
        "pin: the version",
        "auth: user not found",
        "auth: see docs",
        "author=Bob",
        "a spinning wheel, 3 shopping=7",
        "token expired yesterday",
        "api access granted, account locked: bob",
        "--verbose output",
        "why? because: really?yes",
        "50% off?",
        "http://host:8080/users/bob@example.org",
        "https://[::1]:8080/a@b",
        "https://example.org/@user/post",
        "'https://example.org/a','user@example.org'",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "name", [f"password={CANARY}.txt", f"Bearer {CANARY}", f"{JWT}.txt", "4111111111111111.csv"]
)
def test_a_file_may_be_called_anything(capture: Capture, name: str) -> None:
    event = FileUploaded(
        file_id="f1",
        filename=name,
        folder=f"/{name}",
        folder_id="d1",
        file_size_bytes=1,
        content_type="text/plain",
        detected_type="text/plain",
        sha256="0" * 64,
    )
    capture.pipeline.log(event)
    assert (capture.only()["filename"], capture.only()["folder"]) == (name, f"/{name}")
    assert name not in encode(capture.only(), Stream.AUDIT).entry.decode()


def test_a_path_and_an_agent_are_searched(capture: Capture) -> None:
    bind_context(
        path=f"/reset/token={CANARY}",
        user_agent=f"curl Bearer {CANARY}",
        client_request_id=f"password={CANARY}",
    )
    log.info("cache_warmed", reason=f"token={CANARY}")
    assert_clean(capture.only())


def test_what_the_client_declared_as_type_is_searched(capture: Capture) -> None:
    """It stands in the entry, which nobody can ever forget."""
    capture.pipeline.log(
        FileUploaded(
            file_id="f1",
            filename="a",
            folder="/",
            folder_id="d1",
            file_size_bytes=1,
            content_type=f"text/plain; token={CANARY}",
            detected_type="text/plain",
            sha256="0" * 64,
        )
    )
    assert_clean(capture.only())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redirecting to /cb?code=x#y done", "redirecting to /cb?[redacted] done"),
        ("see postgresql://u:a/b@db/app now", "see postgresql://[redacted]@db/app now"),
        ("Password=x, count=3", "Password=[redacted], count=3"),
        ("[('Token', 'x'), ('a', 'b')]", "[('Token', [redacted]), ('a', 'b')]"),
        ("<Password>x</Password>", "<Password>[redacted]</Password>"),
        ("ÄÖ PASSWORD=x ÄÖ", "ÄÖ PASSWORD=[redacted] ÄÖ"),
    ],
)
def test_what_stands_around_a_secret_stays(text: str, shown: str) -> None:
    assert redact_text(text) == shown
    assert redact_text(shown) == shown


def test_forms_and_headers_as_werkzeug_has_them(capture: Capture) -> None:
    form = ImmutableMultiDict([("password", CANARY), ("name", "bob")])
    sent = {"X-Api-Key": CANARY, "X-CSRF-Token": CANARY, "X-Auth-Token": CANARY}
    sent |= {"Proxy-Authorization": CANARY, "Host": "example.org"}
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in sent.items()}
    for headers in (Headers(sent), EnvironHeaders(environ)):
        log.info("headers_seen", headers=headers)
        log.info("headers_seen", headers=list(headers))
        log.info(f"headers {headers} or {headers!r}")  # noqa: G004  # as people write them
        assert capture.records[-3]["extra"]["headers"]["Host"] == "example.org"
    log.info("form_seen", form=form, items=list(form.items()), lists=list(form.lists()))
    assert capture.records[-1]["extra"]["form"] == {"password": REDACTED, "name": "bob"}
    assert capture.records[-1]["extra"]["items"] == [["password", REDACTED], ["name", "bob"]]
    log.warning("form %s", form)
    log.error("work_failed", exc_info=ValueError("password", CANARY))
    for record in capture.records:
        assert_clean(record)


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("error_type", "app.errors.NotFound"),
        ("method", "PROPFIND"),
        ("range", "0-99"),
        ("sha256", "0a" * 32),
        ("detected_type", "application/vnd.oasis.opendocument.text"),
        ("version", "1.2.3+local"),
        ("host", "web-1.example.org"),
        ("app", "shop"),
        ("request_id", "0190c1f2-7a3b-7000-8000-0123456789ab"),
        ("user_id", "bob@example.org"),
        ("file_id", "f1"),
        ("folder_id", "a/b=="),
        ("verifier_key", "example.org/log+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"),
    ],
)
def test_what_can_never_be_forgotten_has_its_shape(capture: Capture, name: str, good: str) -> None:
    bind_context(**{name: good})
    log.info("cache_warmed", **({} if name in CONTEXT_FIELDS else {name: good}))
    assert capture.only()[name] == good
    for bad in (
        f"token={CANARY}",
        f"password: {CANARY}",
        f"https://u:{CANARY}@h/",
        f"Bearer {CANARY}",
    ):
        log.info("cache_warmed", **{name: bad})
        bind_context(**{name: bad})
        log.info("cache_warmed")
        bind_context()
    for record in capture.records:
        assert_clean(record)


def test_the_class_of_an_exception_is_searched(capture: Capture) -> None:
    odd = type(f"password={CANARY}", (ValueError,), {})
    log.error("work_failed", exc_info=odd("x"))
    assert_clean(capture.only())


@pytest.mark.parametrize("length", [64, 80, 2_000])
def test_a_long_event_name_is_a_sentence(capture: Capture, length: int) -> None:
    sentence = "x" * length + f" password={CANARY}\nforged"
    log.info(sentence)
    assert capture.only()["event"] == "message_logged"
    assert_clean(capture.only())


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_a_secret_at_the_cut_is_still_one(capture: Capture, quote: str) -> None:
    for padding in range(4_040, 4_100):
        log.info("cache_warmed", message="x" * padding + f" password={quote}{CANARY * 3}{quote}")
    for record in capture.records:
        assert CANARY[:6] not in json.dumps(record)


@pytest.mark.parametrize(
    "form", ["https://me:{}@host/", "https://{}@host/", "postgresql://me:{}/x@host/", "{}"]
)
def test_what_makes_it_a_secret_is_behind_the_cut(capture: Capture, form: str) -> None:
    secret = "ghp_" + CANARY.replace("-", "") * 4 if form == "{}" else CANARY * 8
    for padding in range(4_000, 4_100, 3):
        log.info("cache_warmed", message="x" * padding + f" {form.format(secret)}")
    for record in capture.records:
        assert CANARY[:6] not in json.dumps(record)
    log.info("cache_warmed", message="x" * 3_000 + f" {form.format(secret)} " + "y" * 3_000)
    log.info("cache_warmed", message="x" * 4_000 + f" https://me:{CANARY * 500}@host/")
    log.info("cache_warmed", message=("€" * 4_075 + f" {form.format(secret)}").encode())
    for record in capture.records[-3:]:
        assert CANARY[:6] not in json.dumps(record)


@pytest.mark.parametrize("length", [100, 500, 2_000])
def test_a_long_beginning_hides_nothing(capture: Capture, length: int) -> None:
    log.info("cache_warmed", message=f"https://host/{'x' * length}?q={CANARY}")
    log.info("cache_warmed", message=f"https://{'x' * length}:{CANARY}@host/")
    log.info("cache_warmed", message=f"{'x' * length}_password={CANARY}")
    log.info("cache_warmed", message=f"password{' ' * length}={CANARY}")
    for record in capture.records:
        assert_clean(record)


@pytest.mark.parametrize(
    "text",
    [
        "http://" * 600, "a." * 2_000, "password" * 600, "-----BEGIN " * 400, "x" * 4_000,
        "'http://u:x" * 400, "pin_" * 1_000, "--a-" * 1_000, "?a" * 2_000, "<token a" * 500,
    ],
)  # fmt: skip
def test_no_text_keeps_the_search_busy(capture: Capture, text: str) -> None:
    """With a search that is quadratic in the text this runs into the time limit of every test."""
    for _ in range(50):
        log.info("cache_warmed", message=text + " password")
    assert len(capture.records) == 50

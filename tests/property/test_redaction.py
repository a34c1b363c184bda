"""A secret under a key that names one never gets out, wherever it stands and whatever it is."""

from __future__ import annotations

import json
import string
from typing import Any

import structlog
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.unit.making import capturing, renderings, stored_bytes

NAMES = [
    "password", "passwd", "passphrase", "secret", "token", "authorization", "cookie", "session",
    "api_key", "private_key", "access_key", "credential",
]  # fmt: skip

secrets = st.text(string.ascii_letters + string.digits, min_size=8, max_size=40).map(
    lambda text: f"c4nary{text}"
)
affixes = st.sampled_from(["", "x", "my_", "X-", "2nd ", "new."])


@st.composite
def secret_keys(draw: st.DrawFn) -> str:
    """A key that contains the name of a secret, in any spelling."""
    name = draw(st.sampled_from(NAMES))
    spelt = draw(st.sampled_from([str.lower, str.upper, str.title, str.capitalize]))(name)
    spelt = spelt.replace("_", draw(st.sampled_from(["_", "-", "", " "])))
    return draw(affixes) + spelt + draw(st.sampled_from(["", "s", "_id", "-2", "_value"]))


def values(secret: str) -> st.SearchStrategy[Any]:
    """Things that hold the secret."""
    return st.sampled_from(
        [
            secret, secret.encode(), [1, secret], bytearray(secret, "ascii"), [secret], (secret,), {secret},
            {"x": secret}, {secret: 1}, {"x": [{"y": secret}]}, {"password": secret},
            f"<{secret}>",
        ]
    )  # fmt: skip


def buried(value: Any) -> st.SearchStrategy[Any]:
    """The value among others, in objects and lists of any depth."""
    others = st.none() | st.integers() | st.text(max_size=5)
    return st.recursive(
        st.just(value),
        lambda inner: st.one_of(
            st.tuples(others, inner).map(list),
            st.tuples(inner, others),
            st.tuples(st.text(max_size=5), inner).map(lambda pair: {pair[0]: pair[1]}),
        ),
        max_leaves=6,
    )


def logged(text: str = "", /, error: Exception | None = None, **values: Any) -> list[str]:
    """Everything that is kept or printed of one log call, for each way to make it."""
    with capturing() as capture:
        log = structlog.get_logger()
        log.info("cache_warmed", **values)
        log.info("cache_warmed", extra=values)
        log.bind(**values).info("cache_warmed")
        structlog.contextvars.bind_contextvars(**values)
        log.info(f"A sentence {text}", exc_info=error)  # noqa: G004  # as people write them
    kept = []
    for record in capture.records:
        kept += [*renderings(record).values(), stored_bytes(record).decode()]
    return kept


@given(secrets, secret_keys(), st.data())
def test_under_a_secret_key(secret: str, key: str, data: st.DataObject) -> None:
    found = data.draw(buried({key: data.draw(values(secret))}))
    for kept in logged(field=found):
        assert secret not in kept
    for kept in logged(**{key: found}):
        assert secret not in kept


@given(secrets, secret_keys(), st.data())
def test_in_pairs(secret: str, key: str, data: st.DataObject) -> None:
    """The items of a form, of headers, of a dictionary."""
    pair = data.draw(st.sampled_from([(key, secret), [key, secret], (key, [secret])]))
    found = data.draw(buried(data.draw(st.sampled_from([[pair], pair, [("a", "b"), pair]]))))
    for kept in logged(repr(found), ValueError(*pair), field=found, text=repr(found)):
        assert secret not in kept


@given(secrets, st.data())
def test_credentials_in_an_address(secret: str, data: st.DataObject) -> None:
    """Whatever stands in a password, and wherever a long text is cut."""
    parts = st.text(string.ascii_letters + string.digits + "/?#'@:!$&*+,;=%-_.~", max_size=8)
    scheme = data.draw(st.sampled_from(["postgresql", "redis", "amqp", "mysql+pymysql"]))
    password = data.draw(parts) + secret + data.draw(parts)
    address = f"{scheme}://user:{password}@db.example.org/app"
    padding = data.draw(
        st.sampled_from([0, 10, 2_000]) | st.integers(1_980, 2_060) | st.integers(3_950, 4_100)
    )
    text = "x" * padding + " " + address
    for kept in logged(text, ValueError(text), field=text):
        assert secret not in kept


@given(
    secrets,
    st.sampled_from(["pin", "otp", "auth", "totp", "jwt", "PIN", "my_otp", "smsOtp", "auth-key"]),
    st.sampled_from(["{}={}", "{}: {}", "{} => {}", "{}:={}", "('{}', '{}')", '{{"{}": "{}"}}']),
)
def test_short_words_that_are_names(secret: str, word: str, form: str) -> None:
    text = form.format(word, secret + "1")
    for kept in logged(text, ValueError(text), field=text, **{word: secret}):
        assert secret not in kept


@given(
    secrets,
    st.sampled_from(
        [
            "error_type", "method", "range", "sha256", "detected_type", "version", "request_id",
            "user_id", "file_id", "folder_id", "content_type", "app", "host", "verifier_key",
        ]
    ),
    st.sampled_from(["token={}", "a/b;password={}", "secret:{}", "redis://u:{}@h", "/x?code={}"]),
)  # fmt: skip
def test_fields_that_are_never_forgotten(secret: str, name: str, form: str) -> None:
    values: dict[str, Any] = {name: form.format(secret)}
    for kept in logged(**values):
        assert secret not in kept


@given(secrets, secret_keys(), st.data())
def test_in_text_and_in_an_exception(secret: str, key: str, data: st.DataObject) -> None:
    key = key.strip().replace(" ", "_")
    form = data.draw(
        st.sampled_from(
            [
                f"{key}={secret}",
                f"{key}: {secret}",
                f'{key} = "{secret} {secret}"',
                f"?a=b&{key}={secret}&c=d",
                repr({"a": 1, key: secret, "b": 2}),
                repr({key: secret.encode()}),
                json.dumps({"a": {key: secret}}),
                json.dumps({key: f'{secret}"{secret}'}),
                f"https://user:{secret}@example.org/",
                f"https://example.org/?q={secret}",
                f"Bearer {secret}",
                f"{key} => {secret}",
                f"{key}%3D{secret}",
                f"<{key}>{secret}</{key}>",
                f"--password {secret}",
                f"/callback?code={secret}",
            ]
        )
    )
    around = data.draw(st.sampled_from(["%s", "failed: %s", "(%s)", "[%s]\n", "'%s'", "x %s y"]))
    text = around % form
    for kept in logged(text, KeyError(text), field=[text]):
        assert secret not in kept


@given(secrets, st.text(max_size=30), st.text(max_size=30))
def test_between_any_two_texts(secret: str, before: str, after: str) -> None:
    assume("c4nary" not in before + after)
    text = f"{before} password={secret} {after}"
    for kept in logged(text, ValueError(text), field=text):
        assert secret not in kept

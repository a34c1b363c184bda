"""A client that scripts use, tuspy, against a real server."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from tusclient.client import TusClient as Tuspy
from tusclient.exceptions import TusCommunicationError
from tusclient.storage.filestorage import FileStorage

from tests.serving import Installation
from tests.web.tus.client import TusClient, assert_uploaded, events, names_of, stored

Serve = Callable[..., Installation]

STEP = 300_000
CONTENT = os.urandom(4 * STEP + 1)


@pytest.fixture
def server(serve: Serve) -> Installation:
    return serve()


def uploader(server: Installation, name: str, **options: Any) -> Any:
    """One of tuspy's, about to upload :data:`CONTENT`."""
    options = {"chunk_size": STEP, "metadata": {"filename": name}, **options}
    return Tuspy(f"{server.url}/tus/").uploader(file_stream=_Stream(CONTENT), **options)


class _Stream(io.BytesIO):
    """Stays open: tuspy closes what it fingerprints, and then goes on with it."""

    def close(self) -> None:
        pass


@pytest.mark.parametrize("options", [{}, {"upload_checksum": True}, {"chunk_size": 10**7}])
def test_an_upload(server: Installation, options: dict[str, Any]) -> None:
    uploader(server, "script.bin", **options).upload()
    assert_uploaded(server, "script.bin", CONTENT)


def test_another_script_goes_on_by_the_address(server: Installation) -> None:
    first = uploader(server, "script.bin")
    first.upload_chunk()
    first.upload_chunk()
    second = uploader(server, "script.bin", url=first.url)
    assert second.offset == 2 * STEP
    second.upload()
    assert_uploaded(server, "script.bin", CONTENT)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_restart_between_two_pieces(server: Installation, how: str) -> None:
    mine = uploader(server, "script.bin", retries=3, retry_delay=1)
    mine.upload_chunk()
    getattr(server, how)()
    server.start()
    mine.upload()
    assert_uploaded(server, "script.bin", CONTENT)


def test_a_script_that_lost_the_last_answer_finds_it_done(
    server: Installation, tmp_path: Any
) -> None:
    opened = FileStorage(str(tmp_path / "urls.json"))  # type: ignore[no-untyped-call]  # tuspy has types for some of it
    with closing(opened) as storage:
        first = uploader(server, "script.bin", store_url=True, url_storage=storage)
        first.upload_chunk()
        # What it does not hear of: the rest arrives, and the answer does not.
        at = first.offset
        assert TusClient(server).patch(first.url, at, CONTENT[at:]).status == 204
        again = uploader(server, "script.bin", store_url=True, url_storage=storage)
        assert again.url == first.url
        assert again.offset == len(CONTENT)
        again.upload()
    assert_uploaded(server, "script.bin", CONTENT)


def test_a_refusal_is_told(server: Installation) -> None:
    uploader(server, "script.bin").upload()
    with pytest.raises(TusCommunicationError) as refused:
        uploader(server, "script.bin").upload()
    assert refused.value.status_code == 409
    assert stored(server, "script.bin") == CONTENT
    assert names_of(events(server, "script.bin")).count("file_uploaded") == 1

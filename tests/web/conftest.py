"""Servers that several modules of these tests use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serving import Installation
from tests.web.wire import SMALL_LIMIT


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A running server that takes small uploads only."""
    data = tmp_path_factory.mktemp("small") / "data"
    installation = Installation(data, max_upload_bytes=SMALL_LIMIT, workers=1).start()
    yield installation
    installation.stop()

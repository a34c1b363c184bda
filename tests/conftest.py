"""Fixtures that several kinds of tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from strongroom.store import Store
from tests.serving import Installation

VECTORS = Path(__file__).parents[2] / "shared" / "vectors"
"""Of transparency logs, beside the checkout; see tests/unit/test_merkle_vectors.py."""


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Installation]]:
    """Starts real servers, each in a folder of its own; stops them afterwards."""
    started: list[Installation] = []

    def start(*, ulimit: str = "", **settings: object) -> Installation:
        installation = Installation(tmp_path / f"data{len(started)}", **settings)
        started.append(installation)
        return installation.start(ulimit=ulimit)

    yield start
    for installation in started:
        installation.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One running server for all tests of a module that do not disturb each other."""
    installation = Installation(tmp_path_factory.mktemp("server") / "data").start()
    yield installation
    installation.stop()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty database of this process."""
    opened = Store(f"sqlite:///{tmp_path / 'test.db'}")
    yield opened
    opened.close()


def pytest_configure() -> None:
    """A shell starts what runs in the background deaf to Ctrl-C, and so would be all our children."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The files that take longest first, so that all processes end at about the same time."""
    if not os.environ.get("STRONGROOM_SOAK"):
        left_out = [
            item for item in items if item.get_closest_marker("soak") or _seen_otherwise(item)
        ]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
    order = {"fault": 0, "e2e": 0, "web": 1}
    items.sort(key=lambda item: order.get(item.path.parent.name, 2))


def _seen_otherwise(item: pytest.Item) -> bool:
    """Whether this state of a page is looked at in another size and colour: each in one, by turns."""
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return False
    if not {"viewport", "state"} <= item.callspec.params.keys():
        return False
    state, look = divmod(item.callspec.indices["viewport"], 2)  # one of all that are tried
    return (state + look) % 2 == 1


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was skipped, and why."""
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        terminalreporter.write_line(f"SKIPPED {report.nodeid}: {reason}", yellow=True, bold=True)
    if os.environ.get("STRONGROOM_TEST_NO_SKIP") and not VECTORS.is_dir():
        terminalreporter.write_line(
            f"NOT RUN: the published test vectors are not in {VECTORS}, which a plain clone does "
            "without; the constants in tests/unit/test_merkle_*.py were compared",
            yellow=True,
            bold=True,
        )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skip is a failure: nothing may go untested there without notice."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("STRONGROOM_TEST_NO_SKIP") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

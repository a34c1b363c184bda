"""``strongroom serve --demo``, served as people start it: on a week that is shorter than theirs."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from strongroom.bootstrap import Installation as Storage
from strongroom.demo import filling
from strongroom.demo.folder import mark_filled
from strongroom.settings import load
from tests.serving import TRUST, Installation
from tests.starting import start
from tests.web.people import until
from tests.web.wire import HTML, send

RECORDS = 4_000
PASSWORD = "four lilac herons wade"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("demo")
    installation = Installation.with_accounts(folder / "data")
    storage = Storage.open(load(data=installation.data))
    filling.fill(storage, records=RECORDS)
    mark_filled(installation.data)
    storage.store.close()
    arguments = ["serve", "--demo", "--data", str(installation.data), "--workers", "1"]
    process = start(
        arguments,
        installation.environment(),
        folder,
        installation.log,
        installation.log,
        cheap_passwords=True,
    )
    until(lambda: _answers(installation), within=30)
    yield installation
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    assert installation.data.exists(), "what was to be kept is gone"


def _answers(installation: Installation) -> bool:
    try:
        return send(installation, "GET", "/healthz").status == 200
    except OSError:
        return False


def test_a_visitor_comes_in_by_the_printed_link(demo: Installation) -> None:
    """And is told on every page, the door included, that nothing is real."""
    said = demo.log.read_text()
    link = re.search(r"/password\?link=\S+", said)
    assert link is not None, said
    own = {"Origin": demo.url}
    with httpx.Client(base_url=demo.url, headers=HTML, verify=TRUST) as client:
        door = client.get(link[0])
        assert "Nobody and nothing here is real" in door.text
        form = {"password": PASSWORD}
        entered = client.post(link[0], data=form, headers=own)
        assert entered.status_code == 303, entered.text
        for page in ("/", "/logs", "/trash", "/account", "/nowhere"):
            assert "Nobody and nothing here is real" in client.get(page).text, page
        found = client.get("/logs", params={"query": "ip_address:203.0.113.77"}).text
        assert "Tom Brandt" in found
        [history] = re.findall(r'href="(/files/[^"]+/history)"', client.get("/trash").text)[:1]
        shown = client.get(history).text
        assert "Moved to the trash" in shown
        assert "203.0.113.77" in shown


def test_everything_in_it_verifies(demo: Installation) -> None:
    """As evidence, and each content as it was uploaded."""
    said = demo.run("verify", "--files").stdout
    assert "Everything holds." in said
    demo.run("doctor")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "."], "holds something else"),
        (["--listen", "0.0.0.0:0"], "can be reached from other machines"),
        (["--database", "sqlite:///own.db"], "a demo keeps everything in a folder of its own"),
    ],
)
def test_nothing_of_ones_own_is_touched(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "own.db").write_bytes(b"mine")
    process = start(
        ["serve", "--demo", *arguments],
        {name: value for name, value in os.environ.items() if not name.startswith("STRONGROOM_")}
        | {"TMPDIR": str(tmp_path)},
        tmp_path,
        tmp_path / "out",
        tmp_path / "out",
    )
    assert process.wait(30) == 2
    assert said in (tmp_path / "out").read_text()
    assert (tmp_path / "own.db").read_bytes() == b"mine"
    assert list(tmp_path.glob("strongroom-demo-*")) == []

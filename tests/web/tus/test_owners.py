"""An upload belongs to whoever began it; and what they may not do, they may not do this way either."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from strongroom.permissions import Permission
from tests.web.expect import expect
from tests.web.household import Household
from tests.web.tus.client import TusClient, events, names_of, stored
from tests.web.wire import Answer


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    household = Household(tmp_path_factory.mktemp("owners") / "data")
    yield household
    household.close()


def client(house: Household, name: str, *scopes: Permission) -> TusClient:
    """A script of somebody, who may what the scopes say."""
    _, secret = house.token(name, *(scopes or (Permission.FILES_READ, Permission.FILES_WRITE)))
    return TusClient(house.server, {"Authorization": f"Bearer {secret}"})


def test_the_upload_of_somebody_else_is_not_there(house: Household) -> None:
    mia, ada = client(house, "Mia"), client(house, "Ada")
    address = mia.begin("mias.txt", 6)
    assert mia.patch(address, 0, b"abc").status == 204
    unknown = address[:-4] + "0000"
    acts: list[Callable[[TusClient, str], Answer]] = [
        lambda who, where: who.send("HEAD", where),
        lambda who, where: who.patch(where, 3, b"xyz"),
        lambda who, where: who.send("DELETE", where),
    ]
    for act in acts:
        answer, other = act(ada, address), act(ada, unknown)
        assert answer.status == other.status == 404
        if answer.body:
            assert answer.json()["detail"] == other.json()["detail"]
        expect(house.server, answer, "upload_failed", reason="permission_missing", status=404)
    assert mia.patch(address, 3, b"def").status == 204
    assert stored(house.server, "mias.txt", mia.headers) == b"abcdef"


def test_another_script_of_the_same_person_may_go_on(house: Household) -> None:
    address = client(house, "Mia").begin("two.txt", 3)
    assert client(house, "Mia").patch(address, 0, b"abc").status == 204


def test_reading_is_not_enough(house: Household) -> None:
    address = client(house, "Mia").begin("read.txt", 3)
    reader = client(house, "Mia", Permission.FILES_READ)
    answers = [
        reader.create("mine.txt", 3),
        reader.send("HEAD", address),
        reader.patch(address, 0, b"abc"),
        reader.send("DELETE", address),
        reader.send("POST", address, b"", {"X-HTTP-Method-Override": "DELETE"}),
    ]
    assert [answer.status for answer in answers] == [403] * len(answers)
    assert names_of(events(house.server, "read.txt")) == ["upload_started"]


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "override"])
def test_a_browser_must_show_the_word_of_its_session(house: Household, method: str) -> None:
    headers = house.headers(house.enter("Mia"))
    mine = TusClient(house.server, headers)
    address = mine.begin(f"csrf {method}.txt", 3)
    forged = TusClient(house.server, {"Cookie": headers["Cookie"]})
    if method == "POST":
        answer = forged.create("forged.txt", 3)
    elif method == "override":
        answer = forged.send("POST", address, b"", {"X-HTTP-Method-Override": "DELETE"})
    elif method == "DELETE":
        answer = forged.send("DELETE", address)
    else:
        answer = forged.patch(address, 0, b"abc")
    assert answer.status == 403
    assert mine.offset(address) == 0
    assert mine.patch(address, 0, b"abc").status == 204


def test_an_account_disabled_in_the_middle_of_an_upload(house: Household) -> None:
    user_id = house.add("Max")
    max_ = client(house, "Max")
    address = max_.begin("late.txt", 400_000)
    with max_.stall(address, 0, 400_000, bytes(300_000)) as connection:
        house.accounts.disable(user_id)
        connection.sendall(bytes(100_000))
        assert b" 403 " in connection.recv(100)
    assert names_of(events(house.server, "late.txt")) == ["upload_started", "upload_failed"]

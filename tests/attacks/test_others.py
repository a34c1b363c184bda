"""What belongs to somebody else: their sessions, tokens, accounts and receipts; and rights just lost."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote_plus

import pytest

from strongroom.permissions import Permission, Role
from tests.attacks.attack import attack
from tests.attacks.callers import bearer, household, is_in, post
from tests.attacks.raw import answers
from tests.attacks.shared import Estate
from tests.web.household import HERE, Household
from tests.web.wire import AGENT, BOUNDARY, HTML, JSON, PATIENCE, Answer, Part, api, form, send

ROLES = {"Mia": Role.MEMBER, "Otto": Role.AUDITOR}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    yield from household(tmp_path_factory, "others")


@attack("CWE-639 authorization bypass through user-controlled key", "CVE-2025-64523 File Browser")
@pytest.mark.parametrize("who", ROLES)
def test_nobody_ends_what_is_anothers(house: Household, who: str) -> None:
    mine = house.headers(house.enter(who))
    ada = house.enter("Ada")
    token_id, token = house.token("Ada", Permission.FILES_READ)
    session_id, user_id = ada.identity.session_id, house.ids["Ada"]
    for target, status in (
        (f"/account/sessions/{session_id}/end", 404),
        (f"/account/tokens/{token_id}/revoke", 404),
        (f"/account/tokens/{token_id}/revoke?user_id={user_id}", 404),
        (f"/admin/users/{user_id}/tokens/{token_id}/revoke", 403),
        (f"/admin/users/{user_id}/sessions/end", 403),
        (f"/admin/users/{user_id}/disable", 403),
        (f"/admin/users/{user_id}/reset", 403),
        (f"/admin/users/{user_id}", 403),
        (f"/admin/users/{house.ids[who]}", 403),
    ):
        fields = {"user_id": user_id, "name": who, "role": "admin"}
        answer = post(house.server, target, fields, mine)
        assert answer.status == status, target
    assert is_in(house.server, house.headers(ada))
    assert send(house.server, "GET", "/api/v1/files", headers=bearer(token)).status == 200
    assert house.accounts.user(house.ids[who]).role is ROLES[who]
    answer = send(house.server, "GET", f"/admin/users/{user_id}", headers={**HTML, **mine})
    assert answer.status == 403
    page = send(house.server, "GET", "/account", headers={**HTML, **mine}).text
    for secret in (str(session_id), token_id, user_id, "a script"):
        assert secret not in page


@attack("CWE-915 mass assignment")
def test_no_field_of_a_form_makes_more_of_me(house: Household) -> None:
    mine = house.headers(house.enter("Mia"))
    more = {"user_id": house.ids["Ada"], "role": "admin", "permissions": "logs:read", "by": "Ada"}
    wanted = {"token_name": "t", "days": "30", **more}
    for scope in ("logs:read", "accounts:manage", "*", "admin", "files:read logs:read"):
        answer = post(house.server, "/account/tokens", {**wanted, "scope": scope}, mine)
        assert answer.status == 400, scope
    answer = post(house.server, "/account/tokens", {**wanted, "scope": "files:read"}, mine)
    assert answer.status == 201
    assert house.accounts.user(house.ids["Mia"]).role is Role.MEMBER
    assert len(house.accounts.tokens(house.ids["Mia"])) == 1
    assert house.accounts.tokens(house.ids["Mia"])[0].user_id == house.ids["Mia"]


@attack("CWE-639 authorization bypass through user-controlled key", "CVE-2025-64523 File Browser")
def test_a_receipt_tells_its_owner_alone(house: Household) -> None:
    """Records are for auditors; what a request did is told to whoever sent it."""
    house.add("Nosy")
    mia, nosy = (house.headers(house.enter(name)) for name in ("Mia", "Nosy"))
    done = send(house.server, "PUT", api("receipt-" + "x" * 20), b"x", mia)
    assert done.status == 201
    refused = send(house.server, "PUT", api("refused-name\u202e"), b"x", mia)
    assert refused.status == 400
    house.server.outcome(refused.request_id)
    gone = send(house.server, "DELETE", api("receipt-" + "x" * 20), headers=mia)
    assert gone.status == 204
    for request_id in (done.request_id, refused.request_id, gone.request_id):
        own = send(house.server, "GET", f"/?receipt={request_id}", headers={**HTML, **mia})
        assert own.status == 200
        page = send(house.server, "GET", f"/?receipt={request_id}", headers={**HTML, **nosy}).text
        assert "receipt-" not in page
        assert "refused-name" not in page


class Upload:
    """One that stops half-way until it is told to go on."""

    def __init__(
        self,
        house: Household,
        name: str,
        headers: dict[str, str],
        *,
        by_form: bool,
        folder: str = "",
    ) -> None:
        body = b"x" * 600_000
        sent = {"User-Agent": AGENT, **JSON, **headers}
        if by_form:
            body = form(Part(body, name))
            word = sent.pop("X-CSRF-Token", "")
            target = f"/upload?folder=/{folder}&csrf_token={word}"
            sent["Content-Type"] = f"multipart/form-data; boundary={BOUNDARY}"
        else:
            target = api(f"{folder}/{name}" if folder else name)
        lines = [f"{'POST' if by_form else 'PUT'} {target} HTTP/1.1", "Host: 127.0.0.1",
                 f"Content-Length: {len(body)}", "Connection: close",
                 *(f"{key}: {value}" for key, value in sent.items())]  # fmt: skip
        head = "".join(f"{line}\r\n" for line in [*lines, ""]).encode()
        self._rest = body[400_000:]
        self._socket = socket.create_connection(("127.0.0.1", house.server.port), timeout=PATIENCE)
        self._socket.sendall(head + body[:400_000])
        incoming = house.server.data / "objects" / "incoming"
        deadline = time.monotonic() + PATIENCE
        while not any(incoming.iterdir()):
            assert time.monotonic() < deadline, "the upload never began"
            time.sleep(0.01)

    def finish(self) -> Answer:
        """Send the rest."""
        received = bytearray()
        with self._socket:
            self._socket.sendall(self._rest)
            while piece := self._socket.recv(1 << 16):
                received += piece
        [answer] = answers(bytes(received), "PUT")
        return answer


def _session(house: Household, name: str) -> tuple[dict[str, str], dict[str, Callable[[], object]]]:
    signed = house.enter(name)
    user_id = house.ids[name]
    return house.headers(signed), {
        "disabled": lambda: house.accounts.disable(user_id),
        "signed out": lambda: house.accounts.sign_out(signed.identity),
        "ended": lambda: house.accounts.end_sessions(user_id, but=None),
        "demoted": lambda: house.accounts.change(user_id, role=Role.AUDITOR),
        "reset": lambda: house.accounts.choose_password(
            house.accounts.reset(user_id), "six green geese hurry", where=HERE
        ),
    }


def _token(house: Household, name: str) -> tuple[dict[str, str], dict[str, Callable[[], object]]]:
    token_id, token = house.token(name, Permission.FILES_WRITE)
    user_id = house.ids[name]
    return bearer(token), {
        "token revoked": lambda: house.accounts.revoke_token(user_id, token_id),
        "token disabled": lambda: house.accounts.disable(user_id),
    }


REVOCATIONS = (
    "disabled",
    "signed out",
    "ended",
    "demoted",
    "reset",
    "token revoked",
    "token disabled",
)


@attack("CWE-367 time-of-check time-of-use", "CVE-2026-35604 File Browser")
@pytest.mark.parametrize("by_form", [False, True], ids=["put", "form"])
@pytest.mark.parametrize("how", REVOCATIONS)
def test_rights_lost_in_mid_upload(house: Household, how: str, *, by_form: bool) -> None:
    who = f"Uploader {how} {by_form}"
    house.add(who)
    headers, ways = (_token if how.startswith("token") else _session)(house, who)
    name = f"{how} {by_form}.bin"
    upload = Upload(house, name, headers, by_form=by_form)
    ways[how]()
    answer = upload.finish()
    assert answer.problem(403, "permission_revoked")
    ada = house.headers(house.enter("Ada"))
    listed = send(house.server, "GET", "/api/v1/files", headers=ada).json()["files"]
    assert name not in {item["filename"] for item in listed}
    [failed] = [r for r in house.server.outcome(answer.request_id) if r["event"] == "upload_failed"]
    assert (failed["reason"], failed["filename"]) == ("permission_revoked", name)
    assert failed["user_id"] == house.ids[who]
    assert not any((house.server.data / "objects" / "incoming").iterdir())


@attack("CWE-367 time-of-check time-of-use", "CVE-2026-35604 File Browser")
@pytest.mark.parametrize("by_form", [False, True], ids=["put", "form"])
@pytest.mark.parametrize(("how", "status"), [("read", 403), ("hidden", 404), ("deleted", 404)])
def test_a_folder_lost_in_mid_upload(
    house: Household, how: str, status: int, *, by_form: bool
) -> None:
    estate, folder = Estate(house), f"lost-{how}-{by_form}"
    estate.folder(f"/{folder}", everyone="write")
    upload = Upload(house, "late.bin", _session(house, "Mia")[0], by_form=by_form, folder=folder)
    if how == "deleted":
        assert estate.ask("DELETE", f"/api/v1/folders/{folder}").status == 204
    elif how == "read":
        estate.permit(f"/{folder}", everyone="read")
    else:
        estate.permit(f"/{folder}", Otto="read")
    answer = upload.finish()
    assert answer.status == status, answer.text
    assert house.server.records("event:file_uploaded filename:late.bin") == []
    assert [r["event"] for r in house.server.outcome(answer.request_id)][1:-1] == ["upload_failed"]
    assert not any((house.server.data / "objects" / "incoming").iterdir())


FORMS: dict[str, tuple[str, str]] = {
    "adds an administrator": ("/admin/users", "name=Back+door&role=admin"),
    "promotes itself": ("/admin/users/{me}", "name={name}&role=admin"),
    "makes a token": ("/account/tokens", "token_name=t&scope=files%3Aread&days=never"),
}


@attack("CWE-367 time-of-check time-of-use", "CVE-2026-35604 File Browser")
@pytest.mark.parametrize("how", ["disabled", "signed out", "ended", "demoted", "reset"])
@pytest.mark.parametrize("what", FORMS)
def test_rights_lost_in_mid_form(house: Household, what: str, how: str) -> None:
    """A form may take minutes to arrive; what its sender was at its head does not count."""
    who = f"Clerk {list(FORMS).index(what)} {how}"
    house.add(who, Role.ADMIN)
    headers, ways = _session(house, who)
    target, form_body = FORMS[what]
    body = form_body.format(name=quote_plus(who)).encode()
    lines = [f"POST {target.format(me=house.ids[who])} HTTP/1.1", "Host: 127.0.0.1",
             "Connection: close", "Content-Type: application/x-www-form-urlencoded",
             f"Content-Length: {len(body)}",
             *(f"{key}: {value}" for key, value in headers.items())]  # fmt: skip
    before = {user.name for user in house.accounts.users()}
    with socket.create_connection(("127.0.0.1", house.server.port), timeout=PATIENCE) as sending:
        sending.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode() + body[:-1])
        ways[how]()
        sending.sendall(body[-1:])
        received = bytearray()
        while piece := sending.recv(1 << 16):
            received += piece
    [answer] = answers(bytes(received), "POST")
    assert answer.status in (401, 403), answer.text
    assert {user.name for user in house.accounts.users()} == before
    assert house.accounts.tokens(house.ids[who]) == []
    assert house.accounts.user(house.ids[who]).role is (
        Role.AUDITOR if how == "demoted" else Role.ADMIN
    )


@attack("CWE-367 time-of-check time-of-use", "CVE-2026-35604 File Browser")
def test_rights_that_stay_are_enough(house: Household) -> None:
    """The suite's own check: nothing but the revocation stops such an upload."""
    house.add("Patient")
    for by_form in (False, True):
        headers, _ = _session(house, "Patient")
        assert Upload(house, f"whole {by_form}", headers, by_form=by_form).finish().status == 201

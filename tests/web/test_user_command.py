"""``strongroom user`` and ``strongroom token``, while the server runs."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.serving import Installation


def lines(server: Installation, *arguments: str) -> list[str]:
    return server.run(*arguments).stdout.splitlines()


def refused(server: Installation, code: int, *arguments: str) -> str:
    """What a command says that must end with this code."""
    told = server.run(*arguments, check=False)
    assert told.returncode == code, told
    return told.stderr


def told(server: Installation, *arguments: str) -> Any:
    return json.loads(server.run(*arguments, "--json").stdout)


def test_a_person_is_added_with_a_link_alone_on_the_last_line(server: Installation) -> None:
    [link] = lines(server, "user", "add", "Grace", "--role", "admin")
    assert link.startswith(f"{server.url}/password?link=")
    [secret] = parse_qs(urlsplit(link).query)["link"]
    assert len(secret) == 43
    [grace] = [user for user in told(server, "user", "list") if user["name"] == "Grace"]
    assert (grace["role"], grace["has_password"], grace["disabled"]) == ("admin", False, False)
    created = server.records(f"event:user_created target_user_id:{grace['user_id']}")
    assert [record["extra"]["by"] for record in created] == ["command line"]
    assert "user_id" not in created[0]
    assert secret not in server.log.read_text()
    assert "of that name" in refused(server, 3, "user", "add", "GRACE", "--role", "member")
    assert "role" in refused(server, 2, "user", "add", "Other", "--role", "king")


def test_an_account_is_changed_closed_and_opened(server: Installation) -> None:
    server.run("user", "add", "Root", "--role", "admin")
    added = told(server, "user", "add", "Henry", "--role", "member")
    server.run("user", "change", "henry", "--role", "auditor")
    server.run("user", "disable", "Henry")
    assert "disabled" in refused(server, 3, "user", "reset", "Henry")
    server.run("user", "enable", "Henry")
    [link] = lines(server, "user", "reset", "Henry")
    assert link.split("=")[1] != added["link"].split("=")[1]
    its = f"target_user_id:{added['user_id']}"
    assert [record["event"] for record in server.records(its)][::-1] == [
        "user_created",
        "password_link_created",
        "user_changed",
        "user_disabled",
        "account_change_failed",
        "user_enabled",
        "password_link_created",
    ]
    assert "no such account" in refused(server, 3, "user", "disable", "Nobody")
    assert refused(server, 2, "user", "change", "Henry")
    assert told(server, "user", "unblock", "Henry") == {"lifted": 0}


def test_a_token_is_shown_once_and_revoked(server: Installation) -> None:
    server.run("user", "add", "Ines", "--role", "member")
    [secret] = lines(server, "token", "create", "Ines", "--scope", "files:read", "--days", "7")
    assert secret.startswith("srt_")
    [token] = told(server, "token", "list", "Ines")
    assert token["scopes"] == ["files:read"]
    assert secret not in json.dumps(token)
    server.run("token", "revoke", token["token_id"])
    assert told(server, "token", "list", "Ines") == []
    assert "no such token" in refused(server, 3, "token", "revoke", token["token_id"])
    said = refused(server, 3, "token", "create", "Ines", "--scope", "logs:read")
    assert "no more than its owner" in said


def test_a_quota_is_set_shown_and_taken_away(server: Installation) -> None:
    added = told(server, "user", "add", "Quentin", "--role", "member")
    assert told(server, "user", "quota", "quentin", "1.5MB") == {
        "user_id": added["user_id"], "name": "Quentin", "used_bytes": 0, "quota_bytes": 1_500_000,
    }  # fmt: skip
    assert "1.5 MB" in server.run("user", "quota", "Quentin").stdout
    assert told(server, "user", "quota", "Quentin", "none")["quota_bytes"] is None
    assert told(server, "user", "quota", "Quentin", "default")["quota_bytes"] is None
    changed = server.records(f"event:quota_changed target_user_id:{added['user_id']}")
    assert [record.get("quota_bytes") for record in changed] == [None, 0, 1_500_000]
    assert "none, or default" in refused(server, 2, "user", "quota", "Quentin", "much")
    for more in (str(2**63 - 1), str(2**63), "9" * 30, "10000000000GB"):
        assert "more than there is" in refused(server, 2, "user", "quota", "Quentin", more)
    refused(server, 3, "user", "quota", "Nobody", "1MB")

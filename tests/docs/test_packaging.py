"""What is in ``packaging/`` fits the product: settings that exist, time enough to stop, numbers that are there."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

import pytest
from flask import Flask
from prometheus_client import CollectorRegistry

from strongroom import AuditLog
from strongroom.settings import PREFIX, Settings, load
from strongroom.web.metrics import ServerMetrics
from strongroom.web.server import END_SECONDS

PACKAGING = Path(__file__).parents[2] / "packaging"

OF_COMPOSE = {"STRONGROOM_NAME", "STRONGROOM_CONFIG"}
"""Variables that are no settings of the server."""


def read(name: str) -> str:
    return (PACKAGING / name).read_text("utf-8")


def test_every_variable_is_a_setting() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | OF_COMPOSE
    for path in PACKAGING.iterdir():
        used = set(re.findall(rf"\b{PREFIX}[A-Z_]+", path.read_text("utf-8")))
        assert used <= known, path.name


def test_the_example_of_settings_can_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with what stands in comments."""
    whole = re.sub(r'(?m)^# (\w+ = ".*")$', r"\1", read("strongroom.toml"))
    assert whole.count("\n# ") < read("strongroom.toml").count("\n# ")
    config = tmp_path / "strongroom.toml"
    config.write_text(whole)
    monkeypatch.setenv("STRONGROOM_CONFIG", str(config))
    settings = load()
    assert settings.data == Path("/var/lib/strongroom")
    assert settings.alert_mail == ("ops@example.org",)
    assert settings.public_address == "https://files.example.org/"


def unit() -> ConfigParser:
    """The unit; of a key that stands there several times, the last."""
    parser = ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # its documented way
    parser.read_string(read("strongroom.service"))
    return parser


def test_who_stops_the_server_waits_for_it() -> None:
    needed = Settings.model_fields["shutdown_timeout"].default + END_SECONDS
    assert int(unit()["Service"]["TimeoutStopSec"]) > needed
    grace = re.search(r"stop_grace_period: (\d+)s", read("compose.yaml"))
    assert grace is not None
    assert int(grace[1]) > needed


def test_the_unit_keeps_its_promises() -> None:
    service = unit()["Service"]
    assert service["User"] == service["Group"] == "strongroom"
    assert service["CapabilityBoundingSet"] == ""
    assert service["KillMode"] == "mixed"  # else the workers would get SIGTERM twice
    assert service["Type"] == "notify"
    wanted = {"ProtectSystem": "strict", "NoNewPrivileges": "yes", "MemoryDenyWriteExecute": "yes"}
    assert {key: service[key] for key in wanted} == wanted


def test_the_image_is_nobody_and_copies_what_it_needs() -> None:
    dockerfile, ignored = read("Dockerfile"), read("Dockerfile.dockerignore").splitlines()
    assert re.findall(r"(?m)^USER (\w+)$", dockerfile) == ["10001"]
    for line in re.findall(r"(?m)^COPY (?!--)(.*) \S+$", dockerfile):
        for name in line.split():
            assert (PACKAGING.parent / name).exists(), name
            assert f"!{name}" in ignored


def test_the_rules_are_about_numbers_that_there_are(tmp_path: Path) -> None:
    app = Flask("shop", instance_path=str(tmp_path))
    audit = AuditLog(app, viewer=None)
    registry = CollectorRegistry()
    registry.register(audit.metrics)
    registry.register(ServerMetrics({"data": tmp_path}))
    names = {family.name + suffix for family in registry.collect() for suffix in ("", "_total")} | {
        "strongroom_checkpoint_age_seconds"
    }  # there once something is signed
    audit.close()
    used = set(re.findall(r"\bstrongroom_\w+", read("prometheus-rules.yaml")))
    assert len(used) >= 8
    assert used <= names

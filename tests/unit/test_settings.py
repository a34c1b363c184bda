"""Settings: flag before environment before file before default; errors that say what to write."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from strongroom.errors import SettingsError
from strongroom.settings import Address, Settings, load, unknown_variables


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working folder, and no variable that is ours."""
    for name in os.environ:
        if name.upper().startswith("STRONGROOM_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_defaults() -> None:
    settings = load()
    assert settings.listen == Address("127.0.0.1", 8000)
    assert (settings.workers, settings.threads) == (2, 64)
    assert settings.max_upload_bytes == 10_000_000_000
    assert (settings.audit_failure, settings.log_format) == ("refuse", "console")
    assert settings.allowed_hosts == ()
    assert not settings.log_network


def test_flag_before_environment_before_file_before_default(
    clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load().threads == 64
    (clean / "strongroom.toml").write_text("threads = 3\nworkers = 3\n")
    assert load().threads == 3
    monkeypatch.setenv("STRONGROOM_THREADS", "4")
    assert load().threads == 4
    assert load(threads=5).threads == 5
    assert load(threads=None).threads == 4
    assert load(threads=5).workers == 3


def test_the_file_that_a_variable_names(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clean / "strongroom.toml").write_text("threads = 3\n")
    (clean / "other.toml").write_text("threads = 4\n")
    monkeypatch.setenv("STRONGROOM_CONFIG", str(clean / "other.toml"))
    assert load().threads == 4
    monkeypatch.setenv("STRONGROOM_CONFIG", str(clean / "missing.toml"))
    with pytest.raises(SettingsError, match=r"STRONGROOM_CONFIG.*missing\.toml"):
        load()


def test_a_file_that_cannot_be_read(clean: Path) -> None:
    (clean / "strongroom.toml").write_text("threads = \n")
    with pytest.raises(SettingsError, match=r"strongroom\.toml.*line 1"):
        load()
    (clean / "strongroom.toml").write_bytes(b"data = '\xff'\n")
    with pytest.raises(SettingsError, match=r"strongroom\.toml"):
        load()


def test_all_values_in_a_file(clean: Path) -> None:
    (clean / "strongroom.toml").write_text(
        'listen = "[::1]:80"\ndata = "here"\nallowed_hosts = ["a.example", "b.example"]\n'
        'max_upload_bytes = "1GiB"\nlog_network = true\naudit_failure = "continue"\n'
    )
    settings = load()
    assert settings.listen == Address("::1", 80)
    assert settings.data == Path("here")
    assert settings.allowed_hosts == ("a.example", "b.example")
    assert settings.max_upload_bytes == 2**30
    assert settings.log_network
    assert settings.audit_failure == "continue"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("500", 500),
        ("500B", 500),
        ("5k", 5_000),
        ("5kB", 5_000),
        ("5KB", 5_000),
        ("5KiB", 5 * 1024),
        ("500MB", 500_000_000),
        ("500 MB", 500_000_000),
        ("1.5G", 1_500_000_000),
        ("10GiB", 10 * 2**30),
        ("2TiB", 2 * 2**40),
        (" 7 ", 7),
    ],
)
def test_sizes(monkeypatch: pytest.MonkeyPatch, text: str, size: int) -> None:
    assert load(max_upload_bytes=text).max_upload_bytes == size
    monkeypatch.setenv("STRONGROOM_MAX_UPLOAD_BYTES", text)
    assert load().max_upload_bytes == size


@pytest.mark.parametrize("size", [2**63, str(2**64), "9" * 400, "9300000TB"])
@pytest.mark.parametrize("name", ["max_upload_bytes", "user_quota_bytes", "disk_reserve_bytes"])
def test_more_than_can_be_counted(name: str, size: int | str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: .*more than there is"):
        load(**{name: size})


@pytest.mark.parametrize("text", ["", "x", "10 apples", "-1", "1e9", "10PB", "GB", "1,000", "1_0"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(SettingsError, match=r"max_upload_bytes: .*500MB or 10GiB"):
        load(max_upload_bytes=text)


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback", "printed"),
    [
        ("127.0.0.1:8000", "127.0.0.1", 8000, True, "127.0.0.1:8000"),
        ("127.8.9.1:1", "127.8.9.1", 1, True, "127.8.9.1:1"),
        ("localhost:8000", "localhost", 8000, True, "localhost:8000"),
        ("[::1]:8000", "::1", 8000, True, "[::1]:8000"),
        ("0.0.0.0:80", "0.0.0.0", 80, False, "0.0.0.0:80"),
        ("[::]:80", "::", 80, False, "[::]:80"),
        ("192.0.2.1:65535", "192.0.2.1", 65535, False, "192.0.2.1:65535"),
        ("files.example:443", "files.example", 443, False, "files.example:443"),
        ("localhost.evil.example:80", "localhost.evil.example", 80, False, None),
    ],
)
def test_addresses(text: str, host: str, port: int, loopback: bool, printed: str | None) -> None:
    address = load(listen=text).listen
    assert address == (host, port)
    assert address.is_loopback is loopback
    assert str(address) == (printed or text)
    assert load(listen=str(address)).listen == address


@pytest.mark.parametrize(
    "text",
    [
        "", "8000", ":8000", "localhost", "localhost:", "localhost:http", "localhost:65536",
        "localhost:-1", "localhost: 80", "[]:80", "::1", "[::1]", "fe80::1", "::",
        "127.0.0.1:80:90",
    ],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(SettingsError, match=r"listen: .*127\.0\.0\.1:8000 or \[::1\]:8000"):
        load(listen=text)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("workers", "0", "greater than or equal to 1"),
        ("workers", "257", "less than or equal to 256"),
        ("threads", "many", "valid integer"),
        ("max_upload_bytes", "0", "greater than or equal to 1"),
        ("client_timeout", "3601", "less than or equal to 3600"),
        ("shutdown_timeout", "0", "greater than or equal to 1"),
        ("log_network", "perhaps", "boolean"),
        ("audit_failure", "ignore", "'refuse' or 'continue'"),
        ("log_format", "xml", "'console', 'json' or 'logfmt'"),
        ("log_output", "file", "'stderr', 'stdout' or 'none'"),
    ],
)
def test_an_error_names_the_setting_and_what_is_valid(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    for source in ("flag", "environment"):
        if source == "environment":
            monkeypatch.setenv(f"STRONGROOM_{name.upper()}", value)
        with pytest.raises(SettingsError) as raised:
            load(**({name: value} if source == "flag" else {}))
        message = str(raised.value)
        assert message.startswith(f"{name}: ")
        assert said in message
        assert f"(it is {value!r})" in message or f"(it is {value})" in message


def test_all_errors_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        load(workers=0, threads=0, listen="x")
    names = [line.partition(":")[0] for line in str(raised.value).splitlines()]
    assert sorted(names) == ["listen", "threads", "workers"]


@pytest.mark.parametrize("value", ["1", [1], {"a": 1}])
def test_a_setting_that_does_not_exist(clean: Path, value: Any) -> None:
    with pytest.raises(SettingsError, match=r"colour: there is no such setting"):
        load(colour=value)
    (clean / "strongroom.toml").write_text("colour = 1\n")
    with pytest.raises(SettingsError, match=r"colour: there is no such setting"):
        load()


def test_variables_that_look_like_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_THREADS", "4")
    monkeypatch.setenv("STRONGROOM_CONFIG", "")
    assert unknown_variables() == []
    monkeypatch.setenv("STRONGROOM_THREAD", "4")
    monkeypatch.setenv("STRONGROOM_COLOUR", "red")
    monkeypatch.setenv("STRONGROOMY", "no")
    assert unknown_variables() == ["STRONGROOM_COLOUR", "STRONGROOM_THREAD"]
    assert load().threads == 4


@pytest.mark.parametrize(
    "text", ["a.example,b.example", "a.example b.example", " a.example ,,b.example "]
)
def test_names_of_hosts(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("STRONGROOM_ALLOWED_HOSTS", text)
    assert load().allowed_hosts == ("a.example", "b.example")


def test_where_things_are_kept(clean: Path) -> None:
    settings = load(data="here")
    assert settings.database_url == f"sqlite:///{clean / 'here' / 'strongroom.db'}"
    assert settings.objects_folder == clean / "here" / "objects"
    elsewhere = load(data="here", database="sqlite:////x/y.db", objects="/var/objects")
    assert elsewhere.database_url == "sqlite:////x/y.db"
    assert elsewhere.objects_folder == Path("/var/objects")
    with pytest.raises(SettingsError, match=r"objects: .*s3://bucket"):
        _ = load(objects="s3://bucket").objects_folder


def test_settings_do_not_change() -> None:
    settings = load()
    with pytest.raises(ValidationError):
        settings.threads = 3


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_says_what_it_means(name: str) -> None:
    assert Settings.model_fields[name].description


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("192.0.2.7", ["192.0.2.7/32"]),
        ("10.0.0.0/8, fd00::/8", ["10.0.0.0/8", "fd00::/8"]),
        ("::1 192.0.2.0/255.255.255.0", ["::1/128", "192.0.2.0/24"]),
        ("FD00:0::/8", ["fd00::/8"]),
        ("", []),
    ],
)
def test_networks_of_proxies(clean: Path, text: str, networks: list[str]) -> None:
    assert list(map(str, load(trusted_proxies=text).trusted_proxies)) == networks
    listed = ", ".join(f'"{network}"' for network in networks)
    (clean / "strongroom.toml").write_text(f"trusted_proxies = [{listed}]\n")
    assert list(map(str, load().trusted_proxies)) == networks


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("proxy.example", r"10\.0\.0\.0/8"),
        ("*", r"10\.0\.0\.0/8"),
        ("192.0.2.7:80", r"10\.0\.0\.0/8"),
        ("10.0.0.0/33", r"10\.0\.0\.0/8"),
        ("10.1.2.3/8", r"an address in 10\.0\.0\.0/8"),
        ("0.0.0.0/0", "believe everybody"),
        ("192.0.2.7, ::/0", "believe everybody"),
    ],
)
def test_what_is_no_network_of_proxies(text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=rf"trusted_proxies: .*{said}"):
        load(trusted_proxies=text)


@pytest.mark.parametrize("name", ["https://a.example", "a.example:80", "::1", "a.example/x"])
def test_what_is_no_name_of_a_host(name: str) -> None:
    with pytest.raises(SettingsError, match=r"allowed_hosts: .*files\.example\.org"):
        load(allowed_hosts=name)


@pytest.mark.parametrize(("given", "missing"), [("tls_cert", "tls_key"), ("tls_key", "tls_cert")])
def test_certificate_and_key_or_neither(given: str, missing: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load(**{given: "file.pem", "ledger_key": "SECRET"})
    assert str(raised.value) == f"{given} needs {missing} beside it; set both, or neither"


TLS = {"tls_cert": "c.pem", "tls_key": "k.pem"}


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, "http://127.0.0.1:8000/"),
        ({**TLS}, "https://127.0.0.1:8000/"),
        ({"listen": "0.0.0.0:80"}, "http://localhost:80/"),
        ({"listen": "[::]:443", **TLS}, "https://localhost:443/"),
        ({"listen": "[::]:443", "allowed_hosts": "a.example", **TLS}, "https://a.example:443/"),
        (
            {"listen": "0.0.0.0:80", "allowed_hosts": "a.example", "trusted_proxies": "192.0.2.1"},
            "http://localhost:80/",
        ),
        ({"listen": "[fd00::1]:443", **TLS}, "https://[fd00::1]:443/"),
    ],
)
def test_the_address_to_go_to(given: dict[str, Any], address: str) -> None:
    assert load(**given).address == address


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({"listen": "127.0.0.1:9000"}, "http://127.0.0.1:9000/"),
        (
            {
                "listen": "0.0.0.0:9000",
                "trusted_proxies": "192.0.2.1",
                "allowed_hosts": "files.example.org, other.example.org",
            },
            "https://files.example.org/",
        ),
    ],
)
def test_the_address_for_others(given: dict[str, Any], address: str) -> None:
    assert load(**given).public_address == address

"""Every setting once: name, type, default, meaning. The only reader of environment and TOML.

Order of precedence: flag on the command line, ``STRONGROOM_<NAME>`` in the environment,
``strongroom.toml`` in the working folder (or the file that ``STRONGROOM_CONFIG`` names),
default.
"""

from __future__ import annotations

import os
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from strongroom.errors import SettingsError
from strongroom.settings.shipping import ShippingSettings
from strongroom.settings.values import (
    Address,
    check_age,
    check_hosts,
    check_room,
    read_address,
    read_duration,
    read_names,
    read_networks,
    read_places,
    read_size,
)

PREFIX: Final = "STRONGROOM_"
CONFIG_VARIABLE: Final = "STRONGROOM_CONFIG"


class Settings(BaseSettings):
    """The configuration of one installation. Immutable.

    :raises SettingsError: through :func:`load`, naming each setting that cannot be used
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    listen: Annotated[Address, NoDecode, BeforeValidator(read_address)] = Field(
        Address("127.0.0.1", 8000),
        description="address to serve on; beyond loopback it takes tls_cert and tls_key, "
        "trusted_proxies, or insecure_http",
    )
    data: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        Path("strongroom-data"), description="folder that holds everything Strongroom keeps"
    )
    database: str = Field("", description="database URL; default: strongroom.db in the data folder")
    objects: str = Field(
        "", description="folder for the files' content; default: objects in the data folder"
    )
    workers: int = Field(2, ge=1, le=256, description="worker processes")
    threads: int = Field(64, ge=1, le=1024, description="threads of each worker process")
    max_upload_bytes: Annotated[int, BeforeValidator(read_size)] = Field(
        10 * 10**9,
        ge=1,
        description="largest file, and largest form; 500MB and 10GiB are understood",
    )
    upload_expiry: Annotated[int, BeforeValidator(read_duration)] = Field(
        86_400,
        ge=60,
        description="seconds that an interrupted upload is kept to be resumed; 90m, 24h and 7d "
        "are understood",
    )
    user_quota_bytes: Annotated[int, BeforeValidator(read_size)] = Field(
        0,
        ge=0,
        description="how much each person may store, older versions and trash included; 0 for no "
        "limit; strongroom user quota sets another for one person",
    )
    disk_reserve_bytes: Annotated[int, BeforeValidator(read_size)] = Field(
        10**9,
        ge=0,
        description="what uploads leave free on the disk, for records; at most a twentieth of it "
        "counts",
    )
    trash_days: int = Field(
        30,
        ge=0,
        le=36_500,
        description="days that deleted files and replaced versions are kept; 0 for ever",
    )
    scrub_days: int = Field(
        30,
        ge=0,
        le=3_650,
        description="days within which the content of every file is read and compared once, "
        "slowly and in the background; 0 for never",
    )
    no_auth: bool = Field(
        default=False,
        description="serve without sign-in, on a loopback address only",
    )
    session_idle: Annotated[int, BeforeValidator(read_duration)] = Field(
        43_200,
        ge=60,
        description="seconds unused after which a session ends; 90m, 24h and 7d are understood",
    )
    session_lifetime: Annotated[int, BeforeValidator(read_duration)] = Field(
        604_800,
        ge=60,
        description="seconds after which a session ends in any case; 24h and 7d are understood",
    )
    allowed_hosts: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(read_names), AfterValidator(check_hosts)
    ] = Field(
        (),
        description="names this server answers to beside localhost and its own address, "
        "separated by commas",
    )
    tls_cert: str = Field(
        "", description="file of the certificate and those between it and the root, in PEM"
    )
    tls_key: str = Field("", description="file of the certificate's private key, in PEM")
    trusted_proxies: Annotated[
        tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(read_networks)
    ] = Field(
        (),
        description="addresses and networks of proxies that are believed who the client is "
        "(X-Forwarded-For, -Proto, -Host), separated by commas",
    )
    insecure_http: bool = Field(
        default=False,
        description="listen beyond loopback without TLS: everybody on the way reads passwords",
    )
    origin: str = Field(
        "", description="name of the ledger and of its key, for ever; made up with the key"
    )
    ledger_key: str = Field(
        "",
        repr=False,
        description="file of the key that signs the ledger, or the key itself; "
        "default: ledger.key in the data folder, made at the first start",
    )
    checkpoint_copies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(read_places)] = Field(
        (),
        description="folders and http addresses off this machine that get a copy of each new "
        "checkpoint, separated by commas",
    )
    verify_every: int = Field(
        24, ge=0, le=8760, description="hours between two verifications of everything; 0 for never"
    )
    audit_max_age: Annotated[int, BeforeValidator(read_duration), AfterValidator(check_age)] = (
        Field(
            0, ge=0, description="age at which records of the stream audit are deleted; 0 for never"
        )
    )
    audit_max_bytes: Annotated[int, BeforeValidator(read_size), AfterValidator(check_room)] = Field(
        0,
        ge=0,
        description="room of sealed audit records beyond which the oldest are deleted; 0 for no limit",
    )
    audit_network_age: Annotated[int, BeforeValidator(read_duration), AfterValidator(check_age)] = (
        Field(
            0,
            ge=0,
            description="age at which addresses and user agents are deleted from sealed audit records; "
            "0 for never",
        )
    )
    ops_max_age: Annotated[int, BeforeValidator(read_duration), AfterValidator(check_age)] = Field(
        7_776_000,
        ge=0,
        description="age at which records of the stream ops are deleted; 90d is the default, 0 for "
        "never",
    )
    ops_max_bytes: Annotated[int, BeforeValidator(read_size), AfterValidator(check_room)] = Field(
        0,
        ge=0,
        description="room of sealed ops records beyond which the oldest are deleted; 0 for no limit",
    )
    imported_max_age: Annotated[int, BeforeValidator(read_duration), AfterValidator(check_age)] = (
        Field(
            0,
            ge=0,
            description="age, by their own times, at which imported records are deleted; 0 for never",
        )
    )
    imported_max_bytes: Annotated[int, BeforeValidator(read_size), AfterValidator(check_room)] = (
        Field(
            0,
            ge=0,
            description="room of sealed imported records beyond which the oldest are deleted; 0 for no "
            "limit",
        )
    )
    alert_webhook: str = Field(
        "",
        repr=False,
        description="http address that is told of critical records at once, as JSON; its path and "
        "query may hold a secret",
    )
    alert_mail: Annotated[tuple[str, ...], NoDecode, BeforeValidator(read_names)] = Field(
        (), description="mailboxes that are told of critical records at once, separated by commas"
    )
    alert_mail_from: str = Field(
        "", description="mailbox that such mail comes from; default: the first of alert_mail"
    )
    smtp_server: str = Field(
        "smtp://localhost:25",
        repr=False,
        description="server that takes the mail: smtp://user:password@host:587 (STARTTLS, needed "
        "beyond this machine) or smtps://",
    )
    audit_failure: Literal["refuse", "continue"] = Field(
        "refuse", description="what to do with reads that cannot be recorded"
    )
    log_format: Literal["console", "json", "logfmt"] = Field(
        "console", description="how records are printed"
    )
    log_output: Literal["stderr", "stdout", "none"] = Field(
        "stderr", description="where records are printed"
    )
    log_network: bool = Field(default=False, description="print addresses and user agents too")
    log_file: str = Field(
        "",
        pattern=r"^[^\x00]*$",
        description="file that records are written to as well, as JSON lines; it is rotated, "
        "and shared by all processes",
    )
    log_file_max_bytes: Annotated[int, BeforeValidator(read_size)] = Field(
        100 * 10**6,
        ge=10_000,
        description="size at which the log file is rotated; 500MB and 1GiB are understood",
    )
    log_file_max_age: Annotated[int, BeforeValidator(read_duration)] = Field(
        86_400,
        ge=60,
        description="age of its first record, in seconds, at which the log file is rotated by the "
        "next record; 90m, 24h and 7d are understood",
    )
    log_file_keep: int = Field(
        14, ge=1, le=10_000, description="rotated log files that are kept; older ones are deleted"
    )
    log_file_compress: bool = Field(
        default=True, description="compress rotated log files with gzip"
    )
    shipping: dict[str, ShippingSettings] = Field(
        default_factory=dict,
        description="other systems that records are sent to, each a table `[shipping.<name>]`, see below",
    )
    client_timeout: int = Field(
        30, ge=1, le=3600, description="seconds without a byte after which a client is given up"
    )
    shutdown_timeout: int = Field(
        30, ge=1, le=3600, description="seconds that requests have to finish when the server stops"
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if bool(self.tls_cert) != bool(self.tls_key):
            given, missing = ("cert", "key") if self.tls_cert else ("key", "cert")
            raise ValueError(f"tls_{given} needs tls_{missing} beside it; set both, or neither")
        return self

    @property
    def has_tls(self) -> bool:
        """Whether the server speaks TLS itself."""
        return bool(self.tls_cert)

    @property
    def address(self) -> str:
        """Where people find it, with a slash at the end."""
        scheme = "https" if self.has_tls else "http"
        if not self.listen.is_everywhere:
            return f"{scheme}://{self.listen}/"
        # A proxy has the names; past it, only this machine gets in.
        named = self.allowed_hosts and not self.trusted_proxies
        return f"{scheme}://{self.allowed_hosts[0] if named else 'localhost'}:{self.listen.port}/"

    @property
    def public_address(self) -> str:
        """Where others find it: behind a proxy, by the first of its names."""
        if self.trusted_proxies and self.allowed_hosts:
            return f"https://{self.allowed_hosts[0]}/"
        return self.address

    @property
    def database_url(self) -> str:
        """The database, spelt out."""
        return self.database or f"sqlite:///{self.data.absolute() / 'strongroom.db'}"

    @property
    def log_path(self) -> Path | None:
        """The log file, spelt out; None for none."""
        return Path(self.log_file).expanduser().absolute() if self.log_file else None

    @property
    def objects_folder(self) -> Path:
        """The folder of the objects, spelt out.

        :raises SettingsError: when ``objects`` names something else than a folder
        """
        if "://" in self.objects:
            raise SettingsError(
                f"objects: {self.objects!r} is not supported yet; leave it out or name a folder"
            )
        return (
            Path(self.objects).expanduser().absolute()
            if self.objects
            else self.data.absolute() / "objects"
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # part of the signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # part of the signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then environment, then TOML."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _config_file())


def load(**flags: Any) -> Settings:
    """Read the settings; flags that are None do not count.

    :raises SettingsError: naming every setting that cannot be used, and what would be valid
    """
    config = _config_file()
    if os.environ.get(CONFIG_VARIABLE) and not config.is_file():
        raise SettingsError(f"{CONFIG_VARIABLE}: there is no file {config}")
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(item) for item in error.errors())) from None
    except ValueError as error:  # TOML that cannot be read
        raise SettingsError(f"{config}: {error}") from None


def unknown_variables() -> list[str]:
    """Variables of the environment that look like settings and are not."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_VARIABLE}
    return sorted(
        name for name in os.environ if name.startswith(PREFIX) and name.upper() not in known
    )


def _config_file() -> Path:
    return Path(os.environ.get(CONFIG_VARIABLE) or "strongroom.toml")


def _explain(item: Any) -> str:
    name = ".".join(str(part) for part in _place(item["loc"])) or "settings"
    if item["type"] == "extra_forbidden":
        return f"{name}: there is no such setting; docs/reference/settings.md lists them"
    message = item["msg"].removeprefix("Value error, ")
    if not item["loc"]:
        return str(message)  # about several; the input would be all of them
    told = f"{name}: {message[0].lower()}{message[1:]}"
    # A table may hold a credential, and so may what stands in a wrong place of it.
    return told if len(item["loc"]) > 1 else f"{told} (it is {item['input']!r})"


def _place(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Of a setting; below one that is a table, the names in it, but not the places in a list."""
    return tuple(part for part in location if not isinstance(part, int))

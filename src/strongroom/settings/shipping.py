"""The settings of one destination of shipping: a table ``[shipping.<name>]`` in the TOML file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from strongroom.settings.values import read_duration, read_names, read_size


class ShippingSettings(BaseModel):
    """Where records go, and which. Immutable; what is written of addresses is checked at the start."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: str = Field(
        min_length=1,
        repr=False,
        description="address: https://host/v1/logs or http:// for OTLP, syslog+tls://host:6514, "
        "syslog+tcp://host:601, syslog+udp://host:514, file:/path, or stdout",
    )
    streams: Annotated[
        tuple[Literal["audit", "ops", "imported"], ...], BeforeValidator(read_names)
    ] = Field(("audit", "ops"), min_length=1, description="the streams that go there")
    begin: Literal["oldest", "now"] = Field(
        "oldest",
        description="whether a destination that is new gets the records that are there already",
    )
    network: bool | None = Field(
        None,
        description="send addresses and user agents too; without it they are, except to files and stdout",
    )
    people: bool = Field(
        default=False, description="send the names of people too, which cannot be forgotten there"
    )
    headers: dict[str, str] = Field(
        default_factory=dict,
        repr=False,
        description="headers of each request of OTLP, such as Authorization",
    )
    tls_ca: str = Field(
        "", description="file of certificates to believe, in PEM; default: the system's"
    )
    tls_cert: str = Field(
        "", description="file of our own certificate, in PEM, where one is asked for"
    )
    tls_key: str = Field("", description="file of its private key, in PEM")
    facility: int | None = Field(
        None,
        ge=0,
        le=23,
        description="facility of syslog; without it 13 (log audit) for the stream audit, 16 for others",
    )
    max_message_bytes: Annotated[int, BeforeValidator(read_size)] = Field(
        196_608,
        ge=2_048,
        description="longest message of syslog; longer ones are set aside, since many receivers lose "
        "what follows a frame that is too long (rsyslog: one of 200,000 bytes)",
    )
    max_bytes: Annotated[int, BeforeValidator(read_size)] = Field(
        100 * 10**6, ge=10_000, description="size at which a file is rotated"
    )
    keep: int = Field(14, ge=1, le=10_000, description="rotated files that are kept")
    compress: bool = Field(default=True, description="compress rotated files with gzip")
    stalled_after: Annotated[int, BeforeValidator(read_duration)] = Field(
        900, ge=1, description="seconds without success after which shipping_stalled is recorded"
    )
    retention_waits: Annotated[int, BeforeValidator(read_duration)] = Field(
        2_592_000,
        ge=0,
        description="seconds without success for which retention keeps what was not taken; 30d is the "
        "default",
    )

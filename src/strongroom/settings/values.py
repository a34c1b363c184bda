"""How the values of settings are written: addresses, sizes, durations, networks."""

from __future__ import annotations

import ipaddress
import re
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final, NamedTuple

_ADDRESS: Final = re.compile(
    r"(?:\[(?P<ipv6>[0-9a-fA-F:.]+(?:%\w+)?)\]|(?P<host>[^\s:\[\]]+)):(?P<port>[0-9]{1,5})"
)
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kMGT]i?)?B?", re.IGNORECASE)
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)", re.IGNORECASE)
_MOST: Final = 2**63
"""What databases and file systems count in is less."""

_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_FACTORS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12} | {
    "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40
}  # fmt: skip


class Address(NamedTuple):
    """Where the server listens."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def is_everywhere(self) -> bool:
        """Whether it stands for all addresses of this machine, and so is none to go to."""
        try:
            return ipaddress.ip_address(self.host).is_unspecified
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_address(value: Any) -> Any:
    """``host:port``, where it is not an address already."""
    if not isinstance(value, str):
        return value
    match = _ADDRESS.fullmatch(value)
    if match is None or int(match["port"]) > 65_535:
        raise ValueError("write host:port, such as 127.0.0.1:8000 or [::1]:8000")
    return Address(match["ipv6"] or match["host"], int(match["port"]))


def read_size(value: Any) -> Any:
    """Bytes, where it is not a number already."""
    if isinstance(value, int) and value >= _MOST:
        raise _too_much()
    return parse_size(value) if isinstance(value, str) else value


def parse_size(value: str) -> int:
    """Bytes, of a number or a size such as ``500MB`` or ``10GiB``; less than 2^63.

    :raises ValueError: saying what would be valid
    """
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise ValueError("write a number of bytes, or a size such as 500MB or 10GiB")
    return _whole(match[1], _FACTORS[(match[2] or "").lower()])


def read_duration(value: Any) -> Any:
    """Seconds, where it is not a number already."""
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError("write a number of seconds, or a duration such as 90m, 24h or 7d")
    return _whole(match[1], _SECONDS[match[2].lower()])


def _whole(number: str, factor: int) -> int:
    product = float(number) * factor
    if not product < _MOST:
        raise _too_much()
    return int(product)


def _too_much() -> ValueError:
    return ValueError("that is more than there is; write a smaller number")


def check_age(seconds: int) -> int:
    """An age at which something is deleted: none by mistake, such as 90 where 90d was meant."""
    if 0 < seconds < _SECONDS["d"]:
        raise ValueError("write 0 for never, or at least a day, such as 90d")
    return seconds


def check_room(size: int) -> int:
    """Room beyond which something is deleted: the same."""
    if 0 < size < _FACTORS["m"]:
        raise ValueError("write 0 for no limit, or at least 1MB, such as 20GB")
    return size


def read_names(value: Any) -> Any:
    """Names, separated by commas or blanks."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def check_hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names as the Host header has them, without a port."""
    for name in names:
        if "/" in name or (":" in name and not name.endswith("]")):
            raise ValueError("write names without scheme and port, such as files.example.org")
    return names


def read_networks(value: Any) -> Any:
    """Networks, separated by commas or blanks."""
    entries = read_names(value)
    if not isinstance(entries, (tuple, list)):
        return value
    return tuple(read_network(str(entry)) for entry in entries)


def read_network(text: str) -> IPv4Network | IPv6Network:
    """An address or a network.

    :raises ValueError: saying what would be valid
    """
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            "write addresses or networks, such as 192.0.2.7, 10.0.0.0/8 or fd00::/8"
        ) from None
    if network.prefixlen == 0:
        raise ValueError(f"{text} would believe everybody; name the proxies alone")
    host = ipaddress.ip_address(text.partition("/")[0])
    if host != network.network_address:
        raise ValueError(f"{text} is an address in {network}; write the one or the other")
    return network


def read_places(value: Any) -> Any:
    """Folders may have spaces in their names."""
    if not isinstance(value, str):
        return value
    return tuple(place for part in value.split(",") if (place := part.strip()))

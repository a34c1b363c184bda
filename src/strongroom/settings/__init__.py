"""Every setting once. Nothing else reads the environment or TOML."""

from strongroom.settings.shipping import ShippingSettings
from strongroom.settings.table import CONFIG_VARIABLE, PREFIX, Settings, load, unknown_variables
from strongroom.settings.values import Address, parse_size

__all__ = [
    "CONFIG_VARIABLE",
    "PREFIX",
    "Address",
    "Settings",
    "ShippingSettings",
    "load",
    "parse_size",
    "unknown_variables",
]

"""The configuration: what can be set, and how it is read and checked."""

from router.settings.listen import ROLES, address
from router.settings.load import find_file, load, read
from router.settings.problem import Problem, SettingsError
from router.settings.redact import redacted
from router.settings.root_key import RootKey, new_secret, root_key
from router.settings.sections import (
    S3,
    Account,
    Http,
    Limits,
    Logging,
    Media,
    Retention,
    Service,
    Settings,
    Shards,
    Store,
)

__all__ = [
    "ROLES",
    "S3",
    "Account",
    "Http",
    "Limits",
    "Logging",
    "Media",
    "Problem",
    "Retention",
    "RootKey",
    "Service",
    "Settings",
    "SettingsError",
    "Shards",
    "Store",
    "address",
    "find_file",
    "load",
    "new_secret",
    "read",
    "redacted",
    "root_key",
]

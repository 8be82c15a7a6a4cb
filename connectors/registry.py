"""Finds connectors by name, and reads an account's settings. Nothing is imported before it is asked for."""

from __future__ import annotations

import difflib
import importlib
import os
import stat
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Final, get_origin

import msgspec

from connectors.api import Connector, Manifest, Secret

GROUP: Final = "madoguchi.connectors"
API_VERSION: Final = 1
SECRET_MOUNT: Final = Path("/run/secrets")
"""Where container engines put secrets, readable by all because only the container sees them."""


class RegistryError(Exception):
    """A connector or its settings cannot be used; the message says what to do."""


class UnknownConnector(RegistryError):
    """No installed package offers a connector of that name."""


class MissingExtra(RegistryError):
    """The connector is there, but not what it needs; the message has the install command."""


class UnfitConnector(RegistryError):
    """What the entry point names is no connector for this version."""


class NoSimulator(RegistryError):
    """The connector comes without a fake provider."""


class SettingsError(RegistryError):
    """An account's settings are wrong; the message names the account and the key, never a value."""


def names() -> list[str]:
    """The names of all installed connectors."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def load(name: str) -> type[Connector[Any]]:
    """The connector class of that name.

    Raises:
        UnknownConnector, MissingExtra, UnfitConnector: as their names say; the messages say what to do.
    """
    found = [point for point in entry_points(group=GROUP) if point.name == name]
    if not found:
        raise UnknownConnector(f"no connector is called {name!r}{_nearest(name, names())}")
    return _checked(name, _imported(found[0]))


def settings_of(cls: type[Connector[Any]], raw: Mapping[str, Any], account: str) -> msgspec.Struct:
    """The account's settings as ``cls.Settings``. For a secret ``key``, ``key_file`` may name a file that has it
    (several secrets: one a line).

    Raises:
        SettingsError: unknown or missing keys, wrong types, a secret's file that is missing or that others can read.
    """
    given = dict(raw)
    fields = {field.name: field for field in msgspec.structs.fields(cls.Settings)}
    for name, field in fields.items():
        if _is_secret(field.type) and f"{name}_file" in given:
            text = _from_file(account, name, given)
            given[name] = text.split() if get_origin(field.type) is tuple else text
    strange = _unknown(cls.Settings, given)
    if strange is not None:
        raise SettingsError(f"account {account!r}: there is no setting {strange}")
    try:
        return msgspec.convert(given, cls.Settings, dec_hook=_secret)
    except msgspec.ValidationError as error:
        raise SettingsError(f"account {account!r}: {_plainly(str(error))}") from None


def _unknown(kind: type[msgspec.Struct], given: Mapping[str, Any], place: str = "") -> str | None:
    """The first key that the settings, or a table in them, do not know, with the nearest one; None: all are known."""
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in given.items():
        if key not in fields:
            return f"{place + key!r}{_nearest(key, fields)}"
        inner = _table_of(fields[key])
        found = _unknown(inner, value, f"{place}{key}.") if inner is not None and isinstance(value, dict) else None
        if found is not None:
            return found
    return None


def _table_of(kind: Any) -> type[msgspec.Struct] | None:
    """The struct in ``Struct`` or ``Struct | None``."""
    kinds = [each for each in (kind, *getattr(kind, "__args__", ())) if isinstance(each, type)]
    return next((each for each in kinds if issubclass(each, msgspec.Struct)), None)


def simulator_of(cls: type[Connector[Any]]) -> Any:
    """The class of the connector's fake provider.

    Raises:
        NoSimulator: it has none, or not where it says.
    """
    name = cls.manifest.name
    if cls.simulator is None:
        raise NoSimulator(f"the connector {name!r} has no fake provider; its simulator would be 'module:Class'")
    module, _, attribute = cls.simulator.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise NoSimulator(f"the fake provider of {name!r} should be at {cls.simulator}: {error}") from error


def _imported(point: EntryPoint) -> Any:
    try:
        return point.load()
    except AttributeError as error:
        raise UnfitConnector(f"the entry point {point.name!r} names {point.value}, which does not exist") from error
    except ImportError as error:
        raise MissingExtra(_install_hint(point, error)) from error


def _install_hint(point: EntryPoint, error: ImportError) -> str:
    package = point.dist.name if point.dist is not None else "madoguchi"
    extras = (point.dist.metadata.get_all("Provides-Extra") or []) if point.dist is not None else []
    if point.name in extras:
        return f"the connector {point.name!r} needs more to be installed: pip install '{package}[{point.name}]'"
    return f"the connector {point.name!r} of {package} cannot be imported: {error}"


def _checked(name: str, cls: Any) -> type[Connector[Any]]:
    if not (isinstance(cls, type) and issubclass(cls, Connector)):
        raise UnfitConnector(f"the entry point {name!r} names no subclass of connectors.api.Connector")
    manifest = getattr(cls, "manifest", None)
    if not isinstance(manifest, Manifest):
        raise UnfitConnector(f"the connector {name!r} has no manifest")
    if manifest.api_version != API_VERSION:
        raise UnfitConnector(
            f"the connector {name!r} is made for connector interface {manifest.api_version}, and this is"
            f" {API_VERSION}; install a version of it that fits"
        )
    return cls


def _nearest(word: str, known: Iterable[str]) -> str:
    choices = sorted(known)
    holding = [each for each in choices if len(word) > 2 and word in each]
    close = holding or difflib.get_close_matches(word, choices, 1, 0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are {', '.join(choices)}" if choices else "; none is installed"


# -- secrets --------------------------------------------------------------------------------------------------------


def _is_secret(kind: Any) -> bool:
    return kind is Secret or Secret in getattr(kind, "__args__", ())


def _secret(kind: Any, value: Any) -> Any:
    if kind is not Secret:
        raise NotImplementedError(f"settings have no way to read a {kind!r}")
    if not isinstance(value, str):
        raise ValueError("Expected text")
    if not value:
        raise ValueError("Expected a secret, got nothing")
    return Secret(value)


def _from_file(account: str, name: str, given: dict[str, Any]) -> str:
    """The secret from the file that ``<name>_file`` tells, without the line end that editors add."""
    where = f"account {account!r}: {name}_file"
    path = given.pop(f"{name}_file")
    if name in given:
        raise SettingsError(f"account {account!r}: both {name} and {name}_file are set; keep one")
    if not isinstance(path, str):
        raise SettingsError(f"{where} should be the path of a file")
    try:
        with Path(path).open("rb") as file:
            if _open_to_all(file.fileno()) and SECRET_MOUNT not in Path(path).parents:
                raise SettingsError(f"{where}: everybody on this machine can read {path}; chmod o-r it")
            return file.read(65_536).decode("utf-8").rstrip("\r\n")
    except OSError as error:
        raise SettingsError(f"{where}: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{where}: {path} is not UTF-8 text") from None


def _open_to_all(descriptor: int) -> bool:
    return os.name == "posix" and bool(os.fstat(descriptor).st_mode & stat.S_IROTH)


def _plainly(complaint: str) -> str:
    """msgspec's sentence with the key first, without its path notation; it never has the value."""
    sentence, _, path = complaint.partition(" - at `$")
    key = path.rstrip("`").lstrip(".")
    return f"{key}: {sentence}" if key else sentence

"""Secrets kept in files of their own: ``<key>_file`` beside any secret key."""

from __future__ import annotations

import pathlib
import stat
from typing import Any

from router.settings.problem import Path, Problem
from router.settings.shape import Shape, fields_of, shape_of

_LARGEST = 65_536
_CONTAINER = ("/run/secrets/", "/var/run/secrets/")
"""Docker mounts secrets here, readable for the container's every user, of which there is one."""


class Unreadable(Exception):
    """A secret file cannot be used; says why and what to do."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy


def read_secret(path: pathlib.Path) -> str:
    """The file's text without the newline at its end.

    Raises:
        Unreadable: it is missing, too large, empty, not UTF-8, or every user of the machine may read it.
    """
    try:
        _judge(path)
        text = path.read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise Unreadable(f"{path} cannot be read ({error.strerror})", "check its name and who may read it") from None
    except UnicodeDecodeError:
        raise Unreadable(f"{path} is not UTF-8 text", "write the secret as text") from None
    if not text:
        raise Unreadable(f"{path} is empty", "write the secret into it")
    return text


def _judge(path: pathlib.Path) -> None:
    facts = path.stat()
    if facts.st_mode & stat.S_IROTH and not str(path).startswith(_CONTAINER):
        raise Unreadable(
            f"every user of this machine can read {path}", f"chmod o-r {path} (Kubernetes: defaultMode 0440)"
        )
    if facts.st_size > _LARGEST:
        raise Unreadable(f"{path} is larger than {_LARGEST} bytes", "name the file that has the secret alone")


def fill_in(raw: Any, annotation: Any, path: Path, problems: list[Problem]) -> Any:
    """``raw`` with every ``<key>_file`` of a secret ``<key>`` replaced by the file's text; notes what is wrong."""
    shape = shape_of(annotation)
    if shape.kind == "table" and isinstance(raw, dict):
        return _table(raw, shape, path, problems)
    if shape.kind == "tables" and isinstance(raw, dict):
        return {key: fill_in(value, shape.item, (*path, key), problems) for key, value in raw.items()}
    if shape.kind == "list" and isinstance(raw, list):
        return [fill_in(value, shape.item, (*path, index), problems) for index, value in enumerate(raw)]
    return raw


def _table(raw: dict[str, Any], shape: Shape, path: Path, problems: list[Problem]) -> dict[str, Any]:
    assert shape.struct is not None
    fields = fields_of(shape.struct)
    filled: dict[str, Any] = {}
    for key, value in raw.items():
        target = secret_of(key, fields)
        if target is None:
            filled[key] = fill_in(value, fields[key], (*path, key), problems) if key in fields else value
        elif target in raw:
            problems.append(Problem((*path, key), f"{target} is set too", "keep one of them"))
        else:
            filled.update(_read(target, value, (*path, key), problems))
    return filled


def secret_of(key: str, fields: dict[str, Any]) -> str | None:
    """The secret that ``key`` names the file of, if it does."""
    target = key.removesuffix("_file")
    known = key not in fields and key != target and target in fields
    return target if known and shape_of(fields[target]).secret else None


def _read(target: str, named: Any, path: Path, problems: list[Problem]) -> dict[str, Any]:
    """A list of files gives a list of secrets."""
    try:
        if isinstance(named, list):
            return {target: [read_secret(pathlib.Path(str(one))) for one in named]}
        return {target: read_secret(pathlib.Path(str(named)))}
    except Unreadable as error:
        problems.append(Problem(path, error.cause, error.remedy))
        return {}

"""Raw tables to typed settings, with a sentence for what does not fit."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from connectors.api import Secret
from router.settings.problem import Path, Problem

T = TypeVar("T")
_AT = re.compile(r" - at `(?:key in )?\$(.*)`$")
_STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\d+|\.\.\.)\]")
_KIND = re.compile(r"`([^`]+)`")


class Mismatch(Exception):
    """A value does not fit its type."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def convert(raw: Any, kind: type[T], path: Path = (), *, lax: bool = False) -> T:
    """``raw`` as ``kind``. ``lax``: numbers and booleans may be text, as they are in the environment.

    Raises:
        Mismatch: with where, what was expected and what was found.
    """
    try:
        return msgspec.convert(raw, kind, strict=not lax, dec_hook=_custom)
    except msgspec.ValidationError as error:
        raise Mismatch(_problem(str(error), path)) from None


def _custom(kind: type, value: Any) -> Any:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise TypeError(f"Expected `str`, got `{type(value).__name__}`")


def _problem(message: str, path: Path) -> Problem:
    at = _AT.search(message)
    text = message[: at.start()] if at else message
    if missing := re.match(r"Object missing required field `(.+)`", text):
        return Problem((*path, *_steps(at), missing[1]), "missing", "set it")
    return Problem((*path, *_steps(at)), _plainly(text))


def _steps(at: re.Match[str] | None) -> Path:
    if at is None:
        return ()
    return tuple(name or (int(index) if index.isdigit() else index) for name, index in _STEP.findall(at[1]))


def _plainly(text: str) -> str:
    """msgspec's words in TOML's."""
    text = text[0].lower() + text[1:]
    return _KIND.sub(lambda found: _plain(found[1]), text) if text.startswith("expected") else text


def _plain(kind: str) -> str:
    words = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "array": "a list"}
    words |= {"object": "a table", "null": "nothing"}
    return " or ".join(words.get(part.strip(), part.strip()) for part in kind.split("|") if part.strip() != "null")

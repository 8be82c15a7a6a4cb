"""Whether what an enricher returned is an answer. A plugin's word is not taken for its type."""

from __future__ import annotations

import re
from typing import Any, Final

from router.enrich.api import Found

MOST_ATTRIBUTES: Final = 32
MOST_CHARACTERS: Final = 500
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")


def fault(found: Any) -> str | None:
    """Why it is refused as a whole, without any of its values; None when it is good."""
    if type(found) is not Found:
        return f"it returned {type(found).__name__}, not Found"
    language: Any = found.language  # types are only annotations: msgspec does not check what is made by hand
    attributes: Any = found.attributes
    if language is not None and not (isinstance(language, str) and _LANGUAGE.fullmatch(language)):
        return "its language is no BCP 47 tag"
    if not isinstance(attributes, dict):
        return "its attributes are no table"
    if len(attributes) > MOST_ATTRIBUTES:
        return f"it has {len(attributes)} attributes, and at most {MOST_ATTRIBUTES} are taken"
    return next((why for name, value in attributes.items() if (why := _attribute(name, value))), None)


def _attribute(name: Any, value: Any) -> str | None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return "an attribute's name is not of a-z, 0-9, _, . and -, at most 64 of them"
    if not isinstance(value, str):
        return f"attribute {name} is {type(value).__name__}, not text"
    if len(value) > MOST_CHARACTERS:
        return f"attribute {name} has {len(value)} characters, and at most {MOST_CHARACTERS} are taken"
    try:
        value.encode()
    except UnicodeEncodeError:
        return f"attribute {name} is no Unicode text"
    return None

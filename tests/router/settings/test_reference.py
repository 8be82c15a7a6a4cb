"""The example and the reference page follow from the types: nothing is missing, everything loads."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors import registry
from router.settings import Settings, read
from router.settings.reference import docs_of, example, page
from router.settings.shape import fields_of, shape_of

DEPLOY = Path(__file__).parents[3] / "deploy"
NAMES = {
    "accounts": "NAME",
    "calendars": "office",
    "channels": "whatsapp",
    "classes": "chat",
    "slas": "standard",
    "enrichers": "sentiment",
    "templates": "shipped",
}


def keys(annotation: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    shape = shape_of(annotation)
    struct = shape.struct or (shape_of(shape.item).struct if shape.item is not None else None)
    if struct is None:
        yield path
        return
    path = (*path, NAMES[path[-1]]) if shape.kind == "tables" else path
    for key, inner in fields_of(struct).items():
        if key != "options":
            yield from keys(inner, (*path, key))


def lookup(tree: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        tree = (tree[0] if isinstance(tree, list) else tree)[step]
    return tree


def uncommented(text: str) -> str:
    return re.sub(r"(?m)^#(?=\S)", "", text)


def test_example_is_the_defaults() -> None:
    assert read(example(), "example", {}) == Settings()


def test_every_key_is_in_the_example() -> None:
    tree = tomllib.loads(uncommented(example()))
    wanted = list(keys(Settings))
    assert len(wanted) > 70
    for path in wanted:
        lookup(tree, path)


def test_example_with_everything_uncommented_has_right_names_and_types() -> None:
    text = uncommented(example()).replace("[accounts.NAME]", "[accounts.name]")
    text = text.replace('listen = ""', 'listen = ":80"').replace('secret = ""', f'secret = "{"x" * 32}"')
    settings = read(text, "example", {})
    assert settings.policy.rules[0].when.languages == ("ja",)


def test_values_are_set() -> None:
    settings = read(example({("service", "secret"): f'"{"s" * 40}"'}), None, {})
    assert settings.service.secret == "s" * 40


def test_every_key_is_on_the_page_and_every_own_one_is_explained() -> None:
    text = page()
    for path in keys(Settings):
        assert f"| `{path[-1]}` |" in text
    for section in ("service", "http", "store", "shards", "accounts", "retention", "limits", "logging", "media"):
        part = text.split(f"## [{section}")[1].split("\n## ")[0]
        assert not re.search(r"^\| `.*\|\s*\|$", part, re.M), section


@pytest.mark.parametrize("name", ["webhook", "line", "webchat", "email"])
def test_connectors_are_on_the_page(name: str) -> None:
    assert f'connector = "{name}"' in page()
    for key in fields_of(registry.load(name).Settings):
        assert f"| `{key}` |" in page()


@pytest.mark.parametrize(("file", "made"), [("settings.md", page), ("madoguchi.example.toml", example)])
def test_committed_file_is_fresh(file: str, made: Any) -> None:
    assert (DEPLOY / file).read_text("utf-8") == made(), "run: make gen"


def test_what_a_parent_says_of_its_fields_counts_for_its_children() -> None:
    class Parent(msgspec.Struct):
        key: str
        """Of the parent."""
        other: str
        """Of the parent."""

    class Child(Parent):
        other: str
        """Of the child."""

    assert docs_of(Child) == {"key": "Of the parent.", "other": "Of the child."}

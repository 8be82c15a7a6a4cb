"""The README's code is run, and its configuration read."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from router.enrich import registry
from router.enrich.answer import MOST_ATTRIBUTES, MOST_CHARACTERS
from router.enrich.api import __all__ as public
from router.enrich.crm import PLACEHOLDERS
from router.settings.load import read

README = Path(registry.__file__).with_name("README.md").read_text("utf-8")


def blocks(kind: str, name: str) -> list[str]:
    return re.findall(rf"```{kind}\n# {re.escape(name)}\n(.*?)```", README, re.S)


@pytest.fixture
def module() -> Iterator[ModuleType]:
    (code,) = blocks("python", "regulars.py")
    made = ModuleType("regulars")
    sys.modules["regulars"] = made
    exec(compile(code, "regulars.py", "exec", dont_inherit=True), made.__dict__)
    yield made
    del sys.modules["regulars"]


def test_the_guide_works_as_it_stands(module: ModuleType) -> None:
    (code,) = blocks("python", "test_regulars.py")
    found: dict[str, object] = {}
    exec(compile(code, "test_regulars.py", "exec", dont_inherit=True), found)
    found["test_a_regular"]()  # type: ignore[operator]


def test_its_class_is_taken_as_an_enricher(module: ModuleType, tmp_path: Path) -> None:
    assert registry._fault(module.Regulars) is None
    token = tmp_path / "token"
    token.write_text("t0k\n")
    token.chmod(0o600)
    options = {"url": "https://shop.example/visits", "token_file": str(token)}
    settings = registry.settings_of(module.Regulars, options, "regulars")
    assert settings.token.reveal() == "t0k"  # type: ignore[attr-defined]


def test_its_configuration_is_read() -> None:
    guide, crm = blocks("toml", "madoguchi.toml")
    settings = read(guide, "madoguchi.toml", {})
    assert settings.enrichers["regulars"].options.keys() == {"url", "token_file"}
    assert settings.enrichers["regulars"].budget_s == 0.5
    assert settings.policy.rules[0].when.attributes == {"regular": ("yes",)}
    assert read(crm, "madoguchi.toml", {}).enrichers["crm"].options["attributes"]["tier"] == "customer.level"
    (points,) = blocks("toml", "pyproject.toml")
    assert tomllib.loads(points)["project"]["entry-points"][registry.GROUP] == {"regulars": "regulars:Regulars"}


def test_it_says_what_is_so() -> None:
    for name in PLACEHOLDERS:
        assert f"`{name}`" in README
    for file in re.findall(r"`([a-z]+\.py)`", README.split("## What is promised")[0]):
        assert importlib.util.find_spec(f"router.enrich.{file.removesuffix('.py')}") is not None
    assert (MOST_ATTRIBUTES, MOST_CHARACTERS) == (32, 500)
    assert set(re.findall(r"from router\.enrich\.api import (.*)", README)[0].split(", ")) <= set(public)

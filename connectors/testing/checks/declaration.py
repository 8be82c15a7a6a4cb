"""What a connector declares: its manifest, its settings, and what its tests have cases for."""

from __future__ import annotations

import asyncio
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from connectors.api import Connector
from connectors.registry import RegistryError, settings_of
from connectors.testing import cases as case_files
from connectors.testing.subject import Subject, sends_requests, takes_requests
from contracts.content import KINDS
from contracts.conversation import Reach

_TOML: Final = re.compile(r"```toml\n(.*?)```", re.DOTALL)
_SECRET_WORDS: Final = re.compile(r"(^|_)(secret|token|password|private_key|api_key)(s|_previous)?$")


class DeclarationChecks(Subject):
    """The manifest, the settings, and enough cases."""

    def test_manifest_is_whole(self) -> None:
        manifest = self.connector.manifest
        assert re.fullmatch(r"[a-z][a-z0-9_]*", manifest.name), "the name is lower case"
        assert manifest.title and manifest.title_ja, "it has a title in both languages"
        assert set(manifest.carries) == set(KINDS), "every content kind is declared, and no other"
        for kind, carry in manifest.carries.items():
            assert carry.support == "native" or carry.how, f"{kind}: says into what it is degraded, or why refused"
        assert manifest.text_limit is None or manifest.text_limit > 0
        assert manifest.batch > 0
        assert set(manifest.receipts) <= {"sent", "delivered", "read", "failed"}

    def test_what_is_declared_is_there(self) -> None:
        manifest, made = self.connector.manifest, self.made()
        if manifest.typing and not manifest.sessions:  # a session shows it by itself
            reach = Reach(manifest.name, self.account, self.address, case_files.NOW, thread="thread-1")
            assert made.typing_in(reach, True) is not None, "typing is declared, and no call made"
        if manifest.profile_lookup:
            assert made.profile_request(self.address, None) is not None, "profile_lookup is declared, and no call made"
        if manifest.sessions:
            assert self.connector.session is not Connector.session, "sessions are declared, and session is missing"
        if manifest.listens != "no":
            assert made.listeners(), "it listens by its manifest, and has no listeners"

    def test_settings_of_the_readme_are_valid(self) -> None:
        readme = _readme(Path(inspect.getfile(self.connector)))
        tables = [tomllib.loads(block).get("accounts", {}) for block in _TOML.findall(readme)]
        examples = [dict(account) for table in tables for account in table.values()]
        assert examples, "the README shows an account in a toml block"
        mine = [each for each in examples if each.pop("connector") == self.connector.manifest.name]
        assert mine, f"an example in the README has connector = {self.connector.manifest.name!r}"
        for example in mine:
            self.connector(self.account, settings_of(self.connector, example, self.account))

    def test_settings_are_strict(self) -> None:
        with pytest.raises(RegistryError, match="no setting 'not_a_setting'"):
            settings_of(self.connector, {**self.settings, "not_a_setting": 1}, self.account)
        assert self.connector.Settings.__struct_config__.forbid_unknown_fields, "Settings has forbid_unknown_fields"

    def test_secrets_are_secrets(self) -> None:
        for field in msgspec.structs.fields(self.connector.Settings):
            if _SECRET_WORDS.search(field.name):
                assert "Secret" in str(field.type), f"{field.name} sounds like a secret and is a {field.type}"

    def test_there_are_enough_cases(self) -> None:
        if takes_requests(type(self)):
            told = len(self._inbound())
            assert told >= self.least_inbound, f"{told} inbound cases, and {self.least_inbound} are wanted"
        if sends_requests(type(self)):
            said = len(case_files.outbound_cases(self.cases))
            assert said >= self.least_outbound, f"{said} outbound cases, and {self.least_outbound} are wanted"

    def test_every_code_of_the_provider_has_a_case(self) -> None:
        words = set(self._words())
        missing = [code for code in self.codes if str(code) not in words]
        assert not missing, f"the tables know {missing[0]!r}, and no case has it"

    def _words(self) -> Iterator[str]:
        """Every number and word in answers and inbound payloads."""
        for answer in case_files.answers(self.cases):
            yield str(answer.status)
            yield from re.findall(r"[\w.-]+", answer.body)
        for case in self._inbound().values():
            yield from re.findall(r"[\w.-]+", case.payload().decode("utf-8", "replace"))

    def test_close_is_idempotent(self) -> None:
        asyncio.run(self._close_twice())

    async def _close_twice(self) -> None:
        made = self.made()
        await made.close()
        await made.close()


def _readme(module: Path) -> str:
    """The README beside the connector, or above it where a family shares one."""
    for folder in module.parents[:2]:
        if (folder / "README.md").exists():
            return (folder / "README.md").read_text("utf-8")
    raise AssertionError(f"there is no README.md beside {module.name}")

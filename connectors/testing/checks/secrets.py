"""Secrets show nowhere: not in what is printed of a value, not in reasons and sentences, not in logs."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.registry import RegistryError, settings_of
from connectors.testing import cases as case_files
from connectors.testing.mutate import hostile
from connectors.testing.samples import SAMPLES
from connectors.testing.subject import Subject, sends_requests, takes_requests
from contracts.content import Text


class SecretChecks(Subject):
    """Each looks for the account's secrets in plain."""

    def test_no_secret_shows(self) -> None:
        made = self.made()
        self._hides(f"{made!r} {made.settings!r} {made.settings}", "the connector")
        if sends_requests(type(self)):
            for call in self._every_call():
                self._hides(repr(call), "a call")
                self._hides(repr(dict(call.headers)), "headers (put it into secret_headers)")

    def test_no_secret_is_told_in_a_reason(self) -> None:
        said: list[str] = []
        for name in self._secrets():
            with pytest.raises((RegistryError, ValueError)) as caught:
                settings_of(self.connector, {**self.settings, name: [self.settings[name]]}, self.account)
            said.append(str(caught.value))
        self._hides("\n".join([*said, *self._reasons()]), "a reason or an error")

    def test_no_secret_is_logged(self) -> None:
        with _heard() as heard:
            list(self._reasons())
        self._hides(heard.getvalue(), "what is logged or printed")

    def _hides(self, shown: str, where: str) -> None:
        for name, value in self._secrets().items():
            assert value not in shown, f"{name} shows itself in {where}"

    def _every_call(self) -> list[Any]:
        messages = [case.message for case in case_files.outbound_cases(self.cases).values()]
        found = [self.calls(each) for each in [*messages, self._message(Text("x"))]]
        return [call for calls in found if isinstance(calls, list) for call in calls]

    def _reasons(self) -> Iterator[str]:
        """Every sentence that the connector gives about what is wrong."""
        made = self.made()
        if takes_requests(type(self)):
            for body in [each for payload in self._payloads()[:1] for each in hostile(payload)]:
                request = self.request(body)
                yield f"{made.verify(request)!r} {made.parse(request)!r}"
        if sends_requests(type(self)):
            yield from (repr(self.calls(self._message(sample))) for sample in SAMPLES.values())
            yield from self._answers()

    def _answers(self) -> Iterator[str]:
        for call in self._every_call()[:5]:
            for answer in case_files.answers(self.cases):
                yield repr(self.made().interpret(call, answer.response()))


@contextlib.contextmanager
def _heard() -> Iterator[io.StringIO]:
    """What is logged and printed meanwhile."""
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
            yield heard
    finally:
        root.setLevel(level)
        root.removeHandler(handler)

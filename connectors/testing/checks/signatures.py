"""Is it the provider's? Whatever is missing, wrong, bent, stale or another account's is refused."""

from __future__ import annotations

import hmac
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from connectors.api import Batch, Refused, Request, Response, Verified
from connectors.testing import cases as case_files
from connectors.testing.subject import (
    HOST,
    Subject,
    compares,
    only,
    shakes_hands,
    signs_times,
    simulates,
    takes_requests,
)


class SignatureChecks(Subject):
    """Verification over the raw bytes, and the provider's set-up call."""

    @only(takes_requests)
    def test_genuine_is_verified(self) -> None:
        for body in self._payloads():
            assert isinstance(self.made().verify(self.request(body)), Verified)

    @only(simulates)
    def test_simulated_is_genuine(self) -> None:
        simulated = self.made().simulate(self.address, "こんにちは", 1, 1_789_344_000_000)
        assert simulated is not None
        assert isinstance(self.made().verify(simulated), Verified)
        parsed = self.made().parse(simulated)
        assert isinstance(parsed, Batch) and len(parsed.events) == 1

    @only(takes_requests)
    def test_forged_is_refused(self) -> None:
        body = self._payloads()[0]
        good = self.request(body)
        other = self.request(body + b" ", good.received_at).headers
        signed = {name for name, value in good.headers.items() if other.get(name) != value}
        secrets = self._secrets().values()
        tokens = {name for name, value in good.headers.items() if any(each in value for each in secrets)}
        proofs = set(self.proofs) or signed or tokens
        assert proofs, "a header depends on the body, or has a secret in it"
        for name in proofs:
            for forged in self._forgeries(good.headers[name]):
                if forged != good.headers[name]:
                    assert isinstance(self._verify_with(good, name, forged), Refused), f"{name}: {forged!r}"

    def _forgeries(self, value: str) -> list[str | None]:
        flipped = [value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :] for at in (len(value) // 2, len(value) // 3)]
        return [None, "", " ", "あ", "\udcff", "v1,", "=", ",", "A" * 10_000, value[:-5], value.swapcase(), *flipped]

    def _verify_with(self, good: Request, name: str, value: str | None) -> Any:
        headers = {key: each for key, each in good.headers.items() if key != name}
        if value is not None:
            headers[name] = value
        return self.made().verify(msgspec.structs.replace(good, headers=headers))

    @only(takes_requests)
    def test_one_bit_flipped_is_refused(self) -> None:
        body = self._payloads()[0]
        good = self.request(body)
        if self.request(body + b" ", good.received_at).headers == good.headers:
            return  # this provider sends a token and signs nothing
        for at in range(0, len(body), max(1, len(body) // 16)):
            bent = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
            assert isinstance(self.made().verify(msgspec.structs.replace(good, body=bent)), Refused)

    @only(signs_times)
    def test_stale_is_refused(self) -> None:
        assert self.stale_after_s is not None
        good = self.request(self._payloads()[0])
        for seconds, outcome in ((self.stale_after_s - 1, Verified), (self.stale_after_s + 2, Refused)):
            for late in (timedelta(seconds=seconds), timedelta(seconds=-seconds)):
                request = msgspec.structs.replace(good, received_at=good.received_at + late)
                assert isinstance(self.made().verify(request), outcome)

    @only(takes_requests)
    def test_another_accounts_signature_is_refused(self) -> None:
        other = self.made(**self._others())
        for body in self._payloads()[:3]:
            assert isinstance(other.verify(self.request(body)), Refused), "another account takes our provider's request"

    def _others(self) -> dict[str, Any]:
        """Another account's settings: secrets of the same form with other letters."""
        if self.other_settings is not None:
            return self.other_settings
        return {name: _another(value) for name, value in self._secrets().items()}

    @only(compares)
    def test_comparison_takes_constant_time(self) -> None:
        request = self.request(self._payloads()[0])
        made = self.made()
        with _comparisons(self.connector.__module__.rpartition(".")[0]) as seen:
            made.verify(request)
        assert seen, "verify compares with == instead of connectors.kit.signatures.equal"

    @only(shakes_hands)
    def test_handshake_is_answered(self) -> None:
        found = {name: case for name, case in self._inbound().items() if case.result == "handshake"}
        assert found, 'handshake is overridden, and no case has "result": "handshake"'
        for name, case in found.items():
            answered = self.made().handshake(self.request_of(case))
            assert isinstance(answered, Response), f"{name}: not answered"
            assert case.answer is not None, f"{name}: the case says in answer what we answer"
            assert (answered.status, answered.body.decode()) == (case.answer.status, case.answer.body), name

    @only(shakes_hands)
    def test_handshake_with_a_wrong_token_is_refused(self) -> None:
        for name, case in self._inbound().items():
            answered = case.answer.status if case.answer is not None else 0
            if case.result == "handshake" and answered < 300:
                for wrong in self._with_wrong_secrets(case):
                    assert not self._welcomed(wrong), f"{name}: answered although the token was wrong"

    def _with_wrong_secrets(self, case: case_files.InboundCase) -> Iterator[Request]:
        """The request with each secret in its query made another."""
        good = self.request_of(case)
        for key, value in case.query.items():
            if value in self._secrets().values():
                for other in (_another(value), "", value + " "):
                    query = {**case.query, key: other}
                    yield msgspec.structs.replace(good, query=query, url=f"{HOST}{case.path}?{urlencode(query)}")

    def _welcomed(self, request: Request) -> bool:
        answered = self.made().handshake(request)
        if answered is None:
            return isinstance(self.made().verify(request), Verified)
        return answered.status < 300


def _another(secret: str) -> str:
    """A secret of the same form: hexadecimal stays hexadecimal, and what stands before ``_`` or ``:`` stays."""
    head = max(secret.rfind("_"), secret.rfind(":")) + 1
    table = str.maketrans("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
                          "1234567890bcdefahijklmnopqrstuvwxyzgBCDEFAHIJKLMNOPQRSTUVWXYZG")  # fmt: skip
    return secret[:head] + secret[head:].translate(table)


@contextmanager
def _comparisons(package: str) -> Iterator[list[int]]:
    """Counts the comparisons in constant time, whichever way the module came by the function."""
    seen: list[int] = []
    real = hmac.compare_digest

    def counted(a: Any, b: Any) -> bool:
        seen.append(1)
        return real(a, b)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hmac, "compare_digest", counted)
        for name, module in list(sys.modules.items()):
            for attribute, value in list(vars(module).items()) if package and name.startswith(package) else ():
                if value is real:
                    patch.setattr(module, attribute, counted)
        yield seen

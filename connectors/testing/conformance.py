"""What every connector that speaks HTTP must do, as tests that its author inherits.

A subclass sets ``connector``, ``cases`` and ``settings`` and says how the provider signs. It must not replace a test:
one that does not fit is a fault of the connector, of its cases, or of this kit.
"""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
import pytest

from connectors.api import (
    Batch,
    Connector,
    Failed,
    Ignored,
    Malformed,
    Outbound,
    Parsed,
    ProviderRequest,
    Refused,
    Request,
    Sent,
    Uncertain,
    Verified,
)
from connectors.kit.degrade import pieces_for
from connectors.kit.text import graphemes, size
from connectors.registry import settings_of
from connectors.testing import cases as case_files
from connectors.testing.fence import no_sockets
from connectors.testing.mutate import hostile, mutated
from connectors.testing.samples import CLUSTERS, MEDIA, SAMPLES, text_of
from contracts.codec import to_plain
from contracts.content import KINDS, Part, Text

RESULTS: Final[dict[str, Any]] = {"batch": Batch, "ignored": Ignored, "malformed": Malformed}
MUTATIONS: Final = 300
_TOML: Final = re.compile(r"```toml\n(.*?)```", re.DOTALL)


class ConnectorConformance:
    """Inherit it under a name that begins with ``Test``."""

    connector: ClassVar[type[Connector[Any]]]
    cases: ClassVar[Path]
    settings: ClassVar[dict[str, Any]]
    """As in the config file, secrets in plain."""
    account: ClassVar[str] = "main"
    address: ClassVar[str] = "customer-1"
    """A customer's address as this channel has them."""
    shared_secret: ClassVar[bool] = False
    """The channel proves itself by a secret in a header, the same for every body (Telegram)."""
    stale_after_s: ClassVar[int | None] = None
    """How old a request may be at most, where the channel signs a time."""

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        """The headers with which the provider would send these bytes (lower-case names)."""
        raise NotImplementedError

    # -- how it is put together ---------------------------------------------------------------------------------------

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        replaced = [name for name in vars(cls) if name.startswith("test_") and hasattr(ConnectorConformance, name)]
        if replaced:
            raise TypeError(f"{cls.__name__} replaces {replaced[0]}; a check of the kit cannot be replaced")

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        """One test for each case file."""
        kit: Any = metafunc.cls
        if "inbound_case" in metafunc.fixturenames:
            found: dict[str, Any] = case_files.inbound_cases(kit.cases)
            metafunc.parametrize("inbound_case", found.values(), ids=found.keys())
        if "outbound_case" in metafunc.fixturenames:
            found = dict(case_files.outbound_cases(kit.cases))
            metafunc.parametrize("outbound_case", found.values(), ids=found.keys())
        if "answer" in metafunc.fixturenames:
            table = case_files.answers(kit.cases)
            metafunc.parametrize("answer", table, ids=[f"{each.to}-{each.failure or each.status}" for each in table])

    def made(self) -> Connector[Any]:
        """A connector as the host would make it."""
        return self.connector(self.account, settings_of(self.connector, self.settings, self.account))

    def request(self, body: bytes, at: datetime = case_files.NOW, **headers: str) -> Request:
        """A genuine request with that body."""
        return Request("POST", "", {}, {**self.sign(body, at), **headers}, body, at, "https://madoguchi.example.com/in")

    def pieces(self, parts: tuple[Part, ...], media: Mapping[str, Any] = MEDIA) -> tuple[Part, ...] | Failed:
        """What the host makes of the parts for this channel."""
        return pieces_for(self.connector.manifest, parts, media)

    def calls(self, message: case_files.Message) -> list[ProviderRequest] | Failed:
        """The calls for a message, as the host would ask for them."""
        pieces = self.pieces(message.parts, message.media)
        if isinstance(pieces, Failed):
            return pieces
        made = self.made().render(self._outbound(message, pieces))
        return made if isinstance(made, Failed) else list(made)

    def _outbound(self, message: case_files.Message, pieces: tuple[Part, ...]) -> Outbound:
        return case_files.outbound_of(message, self.account, self.connector.manifest.name, pieces)

    def _message(self, *parts: Part) -> case_files.Message:
        return case_files.Message(parts, self.address, media=MEDIA)

    def _payloads(self) -> list[bytes]:
        found = case_files.inbound_cases(self.cases).values()
        return [case.payload() for case in found if case.result == "batch"]

    # -- manifest and settings ----------------------------------------------------------------------------------------

    def test_manifest_is_whole(self) -> None:
        manifest = self.connector.manifest
        assert re.fullmatch(r"[a-z][a-z0-9_]*", manifest.name), "the name is lower case"
        assert set(manifest.carries) == set(KINDS), "every content kind is declared, and no other"
        for kind, carry in manifest.carries.items():
            assert carry.support == "native" or carry.how, f"{kind}: says into what it is degraded, or why refused"
        assert manifest.text_limit is None or manifest.text_limit > 0
        assert set(manifest.receipts) <= {"sent", "delivered", "read", "failed"}

    def test_settings_of_the_readme_are_valid(self) -> None:
        readme = Path(inspect.getfile(self.connector)).with_name("README.md")
        tables = [tomllib.loads(block).get("accounts", {}) for block in _TOML.findall(readme.read_text("utf-8"))]
        examples = [dict(account) for table in tables for account in table.values()]
        assert examples, "the README shows an account in a toml block"
        for example in examples:
            assert example.pop("connector") == self.connector.manifest.name
            self.connector(self.account, settings_of(self.connector, example, self.account))

    def test_settings_are_strict(self) -> None:
        with pytest.raises(Exception, match="no setting 'not_a_setting'"):
            settings_of(self.connector, {**self.settings, "not_a_setting": 1}, self.account)

    def test_no_secret_shows(self) -> None:
        made = self.made()
        shown = f"{made.settings!r} {made.settings} {self.calls(self._message(Text('x')))!r}"
        for name, value in self.settings.items():
            if self._is_secret(name):
                assert value not in shown, f"{name} shows itself"

    def _is_secret(self, name: str) -> bool:
        kinds = {field.name: str(field.type) for field in msgspec.structs.fields(self.connector.Settings)}
        return "Secret" in kinds[name]

    # -- verify -------------------------------------------------------------------------------------------------------

    def test_genuine_is_verified(self) -> None:
        for body in self._payloads():
            assert isinstance(self.made().verify(self.request(body)), Verified)

    def test_simulated_is_genuine(self) -> None:
        simulated = self.made().simulate(self.address, "こんにちは", 1, 1_789_344_000_000)
        if simulated is None:
            pytest.skip("this connector simulates nothing")
        assert isinstance(self.made().verify(simulated), Verified)
        parsed = self.made().parse(simulated)
        assert isinstance(parsed, Batch) and len(parsed.events) == 1

    def test_forged_is_refused(self) -> None:
        body = self._payloads()[0]
        good = self.request(body)
        other = self.sign(body + b" ", good.received_at)
        signed = {name for name, value in good.headers.items() if self.shared_secret or other.get(name) != value}
        assert signed, "the signature depends on the body"
        for name in signed:
            for forged in self._forgeries(good.headers[name]):
                assert isinstance(self._verify_with(good, name, forged), Refused), f"{name}: {forged!r}"

    def _forgeries(self, value: str) -> list[str | None]:
        flipped = [value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :] for at in (len(value) // 2, len(value) // 3)]
        return [None, "", " ", "あ", "\udcff", "v1,", "=", ",", "A" * 10_000, value[:-5], value.swapcase(), *flipped]

    def _verify_with(self, good: Request, name: str, value: str | None) -> Any:
        headers = {key: each for key, each in good.headers.items() if key != name}
        if value is not None:
            headers[name] = value
        return self.made().verify(msgspec.structs.replace(good, headers=headers))

    def test_one_bit_flipped_is_refused(self) -> None:
        if self.shared_secret:
            pytest.skip("this channel signs no body")
        body = self._payloads()[0]
        good = self.request(body)
        for at in range(0, len(body), max(1, len(body) // 16)):
            bent = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
            assert isinstance(self.made().verify(msgspec.structs.replace(good, body=bent)), Refused)

    def test_stale_is_refused(self) -> None:
        if self.stale_after_s is None:
            pytest.skip("this channel signs no time")
        good = self.request(self._payloads()[0])
        for seconds, outcome in ((self.stale_after_s - 1, Verified), (self.stale_after_s + 2, Refused)):
            for late in (timedelta(seconds=seconds), timedelta(seconds=-seconds)):
                request = msgspec.structs.replace(good, received_at=good.received_at + late)
                assert isinstance(self.made().verify(request), outcome)

    # -- parse --------------------------------------------------------------------------------------------------------

    def test_inbound_case(self, inbound_case: case_files.InboundCase) -> None:
        parsed = self._parse(inbound_case)
        assert type(parsed) is RESULTS[inbound_case.result], parsed
        if isinstance(parsed, Batch):
            assert [to_plain(event) for event in parsed.events] == inbound_case.events
            assert len(parsed.raws) == len(parsed.events), "each event has its piece of the payload"
        reasons = "\n".join(parsed.ignored) if isinstance(parsed, Batch) else parsed.reason
        assert (inbound_case.reason or "") in reasons

    def test_parse_is_pure(self, inbound_case: case_files.InboundCase) -> None:
        with no_sockets():
            assert self._parse(inbound_case) == self._parse(inbound_case)

    def test_events_survive_msgpack(self, inbound_case: case_files.InboundCase) -> None:
        parsed = self._parse(inbound_case)
        for event in parsed.events if isinstance(parsed, Batch) else ():
            assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=type(event)) == event

    def test_ids_are_stable_across_redelivery(self, inbound_case: case_files.InboundCase) -> None:
        later = inbound_case.received_at + timedelta(minutes=30)
        body = self.redelivered(inbound_case.payload())
        again = self.made().parse(self.request(body, later, **inbound_case.headers))
        assert self._ids(again) == self._ids(self._parse(inbound_case))

    def redelivered(self, body: bytes) -> bytes:
        """The body as it comes the second time; the same unless the channel marks it."""
        return body

    def _parse(self, case: case_files.InboundCase) -> Parsed:
        return self.made().parse(self.request(case.payload(), case.received_at, **case.headers))

    def _ids(self, parsed: Parsed) -> list[Any]:
        events = parsed.events if isinstance(parsed, Batch) else ()
        return [getattr(event, "provider_id", None) for event in events]

    def test_hostile_bodies_are_malformed_or_ignored(self) -> None:
        made = self.made()
        for body in self._payloads():
            for broken in hostile(body):
                parsed = made.parse(self.request(broken))
                assert type(parsed) in RESULTS.values()
                # (A form has no quotes to be broken: the same body is no hostile one.)
                assert broken[:1] == b"{" or broken == body or not isinstance(parsed, Batch), broken[:80]

    def test_mutated_bodies_never_raise(self) -> None:
        made, payloads = self.made(), self._payloads()
        for seed in range(MUTATIONS):
            broken = mutated(payloads[seed % len(payloads)], seed)
            parsed = made.parse(self.request(broken))
            assert type(parsed) in RESULTS.values(), f"seed {seed}"
            if isinstance(parsed, Batch):
                msgspec.msgpack.encode(parsed.events)
                [to_plain(event) for event in parsed.events]

    # -- render -------------------------------------------------------------------------------------------------------

    def test_outbound_case(self, outbound_case: case_files.OutboundCase) -> None:
        made = self.calls(outbound_case.message)
        if isinstance(made, Failed):
            assert made.problem.kind == outbound_case.fails
            return
        assert outbound_case.fails is None, made
        assert [
            self._like(call, want)
            for call, want in zip(map(case_files.call_of, made), outbound_case.calls, strict=True)
        ] == outbound_case.calls

    def _like(self, call: case_files.Call, want: case_files.Call) -> case_files.Call:
        """The call with only those headers that the case speaks of."""
        headers = {name: value for name, value in call.headers.items() if name in want.headers}
        return msgspec.structs.replace(call, headers=headers)

    def test_render_is_pure(self, outbound_case: case_files.OutboundCase) -> None:
        with no_sockets():
            assert self.calls(outbound_case.message) == self.calls(outbound_case.message)

    def test_each_kind_is_carried_as_declared(self) -> None:
        for kind, sample in SAMPLES.items():
            support = self.connector.manifest.carries[kind].support
            made = self.calls(self._message(sample))
            if support == "refused":
                assert isinstance(made, Failed) and made.problem.kind == "unsupported", kind
                assert kind in made.problem.sentence
            else:
                assert not isinstance(made, Failed) and made, kind

    def test_texts_are_cut_at_the_limit_between_graphemes(self) -> None:
        limit, unit = self.connector.manifest.text_limit, self.connector.manifest.text_unit
        if limit is None:
            pytest.skip("this channel has no limit")
        for text in ("a" * limit, "a" * (limit + 1), *(each * limit for each in CLUSTERS), text_of(limit * 2)):
            pieces = self.pieces((Text(text),))
            assert not isinstance(pieces, Failed)
            words = [piece.text for piece in pieces if isinstance(piece, Text)]
            assert "".join(words) == text
            assert all(size(piece, unit) <= limit for piece in words)
            assert [each for piece in words for each in graphemes(piece)] == graphemes(text)

    def test_calls_cover_all_pieces_and_resume(self) -> None:
        whole = self._message(*(Text(f"{number}") for number in range(self.connector.manifest.batch % 100 + 2)))
        calls = self.calls(whole)
        assert not isinstance(calls, Failed)
        assert sum(call.covers for call in calls) == len(whole.parts)
        done = 0
        for number, call in enumerate(calls):
            rest = self.calls(msgspec.structs.replace(whole, done=done))
            assert rest == calls[number:], "after a partial success exactly the rest is sent, with the same keys"
            done += call.covers

    # -- interpret ----------------------------------------------------------------------------------------------------

    def test_answer(self, answer: case_files.Answer) -> None:
        made = self.calls(case_files.outbound_cases(self.cases)[answer.to].message)
        assert not isinstance(made, Failed)
        outcome = self.made().interpret(made[answer.call], answer.response())
        match outcome:
            case Sent():
                assert (answer.means, answer.ids) == ("sent", outcome.provider_ids)
            case Uncertain():
                assert answer.means == "uncertain"
            case Failed():
                assert (answer.means, answer.retry_after_s) == (outcome.problem.kind, outcome.retry_after_s)
                assert answer.fallback == outcome.fallback

    def test_answers_cover_the_usual_ones(self) -> None:
        told = {each.failure or each.status for each in case_files.answers(self.cases)}
        assert told >= {200, 400, 401, 403, 404, 409, 410, 413, 429, 500, 503, "unreachable", "timeout", "reset"}

    def test_garbage_answers_never_raise(self) -> None:
        made = self.calls(self._message(Text("x")))
        assert not isinstance(made, Failed)
        for status in (0, 200, 204, 301, 400, 404, 409, 418, 429, 500, 599):
            for body in (
                "",
                "null",
                "<html>",
                "[" * 1_000,
                '{"message":null}',
                '{"sentMessages":[{"id":1}]}',
                '{"id":[]}',
            ):
                answer = case_files.Answer("", "", status=status, body=body, headers={"retry-after": "soon"})
                assert isinstance(self.made().interpret(made[0], answer.response()), Sent | Failed | Uncertain)

    async def test_close_is_idempotent(self) -> None:
        made = self.made()
        await made.close()
        await made.close()

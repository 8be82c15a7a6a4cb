"""Each check of the kit is proven: a connector broken in just one way makes exactly that check go red."""

from __future__ import annotations

import asyncio
import logging
import random
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
import pytest

from connectors.api import (
    Batch,
    Failed,
    Ignored,
    MediaRule,
    NotAccepted,
    Outbound,
    Parsed,
    ProviderRequest,
    ProviderResponse,
    Publish,
    Refused,
    Request,
    Response,
    Secret,
    Sent,
    SessionOpen,
    Sink,
    Then,
    Uncertain,
    Verified,
    problem,
)
from connectors.api import retry_after as both_forms
from connectors.kit.signatures import hmac_sha256
from connectors.testing.conformance import CHECKS
from connectors.testing.provider import Call, Webhook
from contracts.content import Text
from contracts.inbound import InboundMessage, Sender
from tests.connectors.testing.broken.gateway import (
    PHONE,
    SECRET,
    Gateway,
    GatewaySimulator,
    Settings,
    Talk,
    encoded,
    mac,
)
from tests.connectors.testing.broken.kit import ANSWERS, INBOUND, OUTBOUND, Kit, heard, message, red, write

HERE: Final = "tests.connectors.testing.broken.test_broken"


class Broken:
    """How a check is broken: by ``connector``, by words of the test class (``kit``), or by what the cases say."""

    def __init__(
        self,
        connector: type[Gateway] = Gateway,
        *,
        inbound: Mapping[str, Any] | None = None,
        outbound: Mapping[str, Any] | None = None,
        answers: Sequence[Any] = ANSWERS,
        **kit: Any,
    ) -> None:
        self.connector, self.kit, self.answers = connector, kit, answers
        self.inbound = {**INBOUND, **(inbound or {})}
        self.outbound = {**OUTBOUND, **(outbound or {})}

    def run(self, folder: Path) -> dict[str, str]:
        """The checks that go red."""
        cases = write(folder / "cases", self.inbound, self.outbound, self.answers)
        kit: Any = type("Kit", (Kit,), {"connector": self.connector, "cases": cases, **self.kit})
        return red(kit)


def manifest(**changes: Any) -> type[Gateway]:
    """The gateway with something else in its manifest."""
    return type("Declares", (Gateway,), {"manifest": msgspec.structs.replace(Gateway.manifest, **changes)})


def settings(name: str, kind: Any, **more: Any) -> type[Gateway]:
    """The gateway with one setting more."""
    made = msgspec.defstruct("Settings", [(name, kind, "")], bases=(Settings,), frozen=True, kw_only=True, **more)
    return type("Sets", (Gateway,), {"Settings": made})


# -- what is declared -------------------------------------------------------------------------------------------------


class NoLookup(Gateway):
    def profile_request(self, address: str, author: str | None) -> None:
        return None


class OtherReadme(Gateway):
    def __init__(self, account: str, settings: Settings) -> None:
        super().__init__(account, settings)
        if "readme" in settings.api_base:
            raise ValueError("the example in the README is old")


class LooseSettings(msgspec.Struct, frozen=True, kw_only=True):
    secret: Secret
    token: Secret
    verify_token: Secret
    api_base: str = "https://api.gateway.example"
    box: str = ""


class Loose(Gateway):
    Settings = LooseSettings  # type: ignore[assignment]


class ClosesOnce(Gateway):
    open = True

    async def close(self) -> None:
        if not self.open:
            raise RuntimeError("closed already")
        self.open = False


# -- secrets ----------------------------------------------------------------------------------------------------------


class Shows(Gateway):
    def __repr__(self) -> str:
        return f"Gateway({self.settings.token.reveal()})"


class Tells(Gateway):
    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Any:
        outcome = super().interpret(request, response)
        if response.status == 401:
            return Failed(problem("config", f"is {self.settings.token.reveal()} right?"))
        return outcome


class Logs(Gateway):
    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Any:
        logging.getLogger("gateway").info("%s", request.secret_headers)
        return super().interpret(request, response)


# -- signatures -------------------------------------------------------------------------------------------------------


class RefusesSome(Gateway):
    def verify(self, request: Request) -> Verified | Refused:
        return Refused("special") if b"special" in request.body else super().verify(request)


class SimulatesBadly(Gateway):
    def simulate(self, address: str, text: str, number: int, at_ms: int) -> Request | None:
        good = super().simulate(address, text, number, at_ms)
        assert good is not None
        return msgspec.structs.replace(good, body=good.body + b" ")


class BackDoor(Gateway):
    def verify(self, request: Request) -> Verified | Refused:
        return Verified() if request.headers.get("x-signature") == "" else super().verify(request)


def blurred(body: bytes) -> bytes:
    return bytes(byte | 1 for byte in body)


class Blurs(Gateway):
    """Does not look at every bit."""

    simulator = None

    def verify(self, request: Request) -> Verified | Refused:
        return super().verify(msgspec.structs.replace(request, body=blurred(request.body)))

    def simulate(self, address: str, text: str, number: int, at_ms: int) -> Request | None:
        good = super().simulate(address, text, number, at_ms)
        assert good is not None
        signature = mac(self.settings.secret, good.headers["x-time"], blurred(good.body)).decode()
        return msgspec.structs.replace(good, headers={**good.headers, "x-signature": signature})


def sign_blurred(self: Any, body: bytes, at: Any) -> Mapping[str, str]:
    return Kit.sign(self, blurred(body), at)


class Patient(Gateway):
    def verify(self, request: Request) -> Verified | Refused:
        seconds = request.headers.get("x-time", "")
        if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 12):
            return Refused("no x-time")
        from_then = request.received_at.fromtimestamp(int(seconds), request.received_at.tzinfo)
        return super().verify(msgspec.structs.replace(request, received_at=from_then))


class OneSecret(Gateway):
    """Knows its provider's secret by heart."""

    def verify(self, request: Request) -> Verified | Refused:
        always = msgspec.structs.replace(self.settings, secret=Secret(SECRET))
        return Gateway(self.account, always).verify(request)


class Equals(Gateway):
    def verify(self, request: Request) -> Verified | Refused:
        seconds = request.headers.get("x-time", "")
        if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 12):
            return Refused("no x-time")
        if abs(request.received_at.timestamp() - int(seconds)) > 300:
            return Refused("too old")
        wanted = hmac_sha256(self.settings.secret.key(), f"{seconds}.".encode() + request.body).hex()
        return Verified() if request.headers.get("x-signature") == wanted else Refused("wrong")


class AnswersBadly(Gateway):
    def handshake(self, request: Request) -> Response | None:
        answered = super().handshake(request)
        if answered is None or answered.status != 200:
            return answered
        return Response(200, answered.body + b"\n")


class AnswersAll(Gateway):
    def handshake(self, request: Request) -> Response | None:
        return None if request.method != "GET" else Response(200, request.query.get("challenge", "").encode())


# -- parse ------------------------------------------------------------------------------------------------------------


class Mishears(Gateway):
    def event(self, raw: bytes, request: Request) -> Any:
        return super().event(raw.replace(b"special", b"ordinary"), request)


class LooksAtTheClock(Gateway):
    def parse(self, request: Request) -> Parsed:
        time.time()
        return super().parse(request)


class KeepsTuples(Gateway):
    def event(self, raw: bytes, request: Request) -> Any:
        made = super().event(raw, request)
        special = isinstance(made, InboundMessage) and b"special" in raw
        return msgspec.structs.replace(made, extra={"pair": (1, 2)}) if special else made


class NewIds(Gateway):
    def event(self, raw: bytes, request: Request) -> Any:
        made = super().event(raw, request)
        late = request.received_at.minute >= 30 and isinstance(made, InboundMessage)
        return msgspec.structs.replace(made, provider_id=made.provider_id + "-late") if late else made


class Reverses(Gateway):
    def batch(self, events: list[Any], raws: list[bytes], ignored: list[str]) -> Parsed:
        return super().batch(events[::-1], raws[::-1], ignored)


class GivesNoReason(Gateway):
    def parse(self, request: Request) -> Parsed:
        parsed = super().parse(request)
        return Ignored("") if isinstance(parsed, Ignored) else parsed


class HearsItself(Gateway):
    def event(self, raw: bytes, request: Request) -> Any:
        return super().event(raw.replace(b'"echo": true', b'"echo": false'), request)


class TakesNothing(Gateway):
    def parse(self, request: Request) -> Parsed:
        return Batch() if request.body.strip() == b"null" else super().parse(request)


class Stumbles(Gateway):
    def event(self, raw: bytes, request: Request) -> Any:
        if b'"from"' not in raw:
            raise KeyError("from")
        return super().event(raw, request)


# -- render -----------------------------------------------------------------------------------------------------------


class AddsSomething(Gateway):
    def said(self, piece: Any, outbound: Outbound) -> dict[str, Any]:
        return {**super().said(piece, outbound), "colour": "red"}


class Wanders(Gateway):
    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Any:
        outcome = super().interpret(request, response)
        if isinstance(outcome, Then):
            return Then(msgspec.structs.replace(outcome.request, url="https://elsewhere.example"))
        return outcome


class Throws(Gateway):
    def render(self, outbound: Outbound) -> Any:
        uuid.uuid4()
        return super().render(outbound)


class NoPlaces(Gateway):
    def render(self, outbound: Outbound) -> Any:
        if any(type(piece).__name__ == "Location" for piece in outbound.pieces):
            return Failed(problem("unsupported", "no places today"))
        return super().render(outbound)


class CutsShort(Gateway):
    def said(self, piece: Any, outbound: Outbound) -> dict[str, Any]:
        return super().said(Text(piece.text[:999]) if isinstance(piece, Text) else piece, outbound)


class CountsFromNought(Gateway):
    def post(self, path: str, body: Any, key: str, memo: Any = None) -> ProviderRequest:
        made = super().post(path, body, key, memo)
        return msgspec.structs.replace(made, headers={"idempotency-key": key, "x-of": self.total})

    total = "0"

    def render(self, outbound: Outbound) -> Any:
        self.total = str(len(outbound.pieces) - outbound.done)
        return super().render(outbound)


class OneKey(Gateway):
    def post(self, path: str, body: Any, key: str, memo: Any = None) -> ProviderRequest:
        return super().post(path, body, "key" + key.partition(".")[2], memo)


class NamesInHeaders(Gateway):
    def call(self, outbound: Outbound, place: int) -> ProviderRequest:
        made = super().call(outbound, place)
        names = [link.name for link in outbound.media.values()]
        return msgspec.structs.replace(made, headers={**made.headers, "x-file": "".join(names)})


# -- interpret --------------------------------------------------------------------------------------------------------


class Changed(Gateway):
    """Another outcome for one status or failure."""

    status: Any = 0
    outcome: Any = Sent()

    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Any:
        mine = self.status in (response.status, response.failure)
        return self.outcome if mine else super().interpret(request, response)


def changed(status: int | str, outcome: Any) -> type[Gateway]:
    """The gateway that takes one answer for another."""
    return type("Changed", (Changed,), {"status": status, "outcome": outcome})


class NumbersOnly(Gateway):
    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Any:
        outcome = super().interpret(request, response)
        if isinstance(outcome, Failed) and "date" in response.headers:
            assert both_forms(response) == outcome.retry_after_s
            return msgspec.structs.replace(outcome, retry_after_s=None)
        return outcome


class Trusting(Gateway):
    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Any:
        if response.status == 400 and response.body.startswith(b'{"error"'):
            return Failed(problem("rejected", msgspec.json.decode(response.body)["error"]["code"]))
        return super().interpret(request, response)


class TrustingLookup(Gateway):
    def read_profile(self, response: ProviderResponse) -> Any:
        return msgspec.json.decode(response.body)["name"]


# -- listeners --------------------------------------------------------------------------------------------------------


def bare(line: str) -> Batch:
    return Batch((InboundMessage(line, Sender(PHONE), (Text(line),)),), (line.encode(),))


class Doubles(Gateway):
    async def publish(self, sink: Sink, line: str) -> None:
        await super().publish(sink, line)
        await super().publish(sink, line)


class GivesUp(Gateway):
    async def publish(self, sink: Sink, line: str) -> None:
        try:
            await sink.publish(bare(line))
        except NotAccepted:
            await asyncio.sleep(3_600)


class Leaves(Gateway):
    async def publish(self, sink: Sink, line: str) -> None:
        beside = asyncio.create_task(asyncio.sleep(3_600))
        await super().publish(sink, line)
        beside.cancel()


class SavesFirst(Gateway):
    async def hand_over(self, sink: Sink, line: str, number: int) -> None:
        await sink.save("cursor", str(number + 1).encode())
        await self.publish(sink, line)


# -- sessions ---------------------------------------------------------------------------------------------------------


class JsonTalk(Talk):
    def frame(self, text: str, now: Any) -> Any:
        if text.startswith("{"):
            msgspec.json.decode(text)["type"].strip()
        return super().frame(text, now)


class RandomTalk(Talk):
    def frame(self, text: str, now: Any) -> Any:
        return [
            Publish(msgspec.structs.replace(each.event, provider_id=str(random.random())), each.tag)
            for each in super().frame(text, now)
            if isinstance(each, Publish)
        ]


class EagerTalk(Talk):
    def opened(self) -> Any:
        return () if self.who else (Publish(InboundMessage("x", Sender("nobody"), (Text("hello"),)), "x"),)


def talks(kind: type[Talk]) -> type[Gateway]:
    """The gateway with other sessions."""

    def session(self: Gateway, opened: SessionOpen) -> Any:
        return kind(opened)

    return type("Talks", (Gateway,), {"session": session})


# -- simulators -------------------------------------------------------------------------------------------------------


class SignsOnce(GatewaySimulator):
    def signed(self, webhook: Webhook) -> Request:
        made = super().signed(webhook)
        return msgspec.structs.replace(made, headers={}) if webhook.attempt > 1 else made


class Particular(GatewaySimulator):
    def answer(self, call: Call) -> ProviderResponse:
        return self.refuse(400, {}, "not today")


def simulated(kind: type[GatewaySimulator]) -> type[Gateway]:
    """The gateway with another fake provider."""
    return type("Simulated", (Gateway,), {"simulator": f"{HERE}:{kind.__name__}"})


# -- the table --------------------------------------------------------------------------------------------------------

TWICE: Final = {"body": {"events": [message("in-2", "一"), message("in-3", "二")]},
                "events": [heard("in-3", "二"), heard("in-2", "一")]}  # fmt: skip
ECHO: Final = {**INBOUND["echo"], "result": "batch", "events": [heard("out-1", "x")]}
TUPLE: Final = {**INBOUND["special"], "events": [{**heard("in-4", "special"), "extra": {"pair": [1, 2]}}]}
UNSURE: Final = [{**each, "means": "uncertain"} if each.get("failure") == "unreachable" else each for each in ANSWERS]

TABLE: Final[dict[str, Broken]] = {
    "test_manifest_is_whole": Broken(manifest(title_ja="")),
    "test_what_is_declared_is_there": Broken(NoLookup),
    "test_settings_of_the_readme_are_valid": Broken(OtherReadme),
    "test_settings_are_strict": Broken(Loose),
    "test_secrets_are_secrets": Broken(settings("admin_password", str)),
    "test_there_are_enough_cases": Broken(least_outbound=15),
    "test_every_code_of_the_provider_has_a_case": Broken(codes=(503, 4711)),
    "test_close_is_idempotent": Broken(ClosesOnce),
    "test_no_secret_shows": Broken(Shows),
    "test_no_secret_is_told_in_a_reason": Broken(Tells),
    "test_no_secret_is_logged": Broken(Logs),
    "test_genuine_is_verified": Broken(RefusesSome),
    "test_simulated_is_genuine": Broken(SimulatesBadly),
    "test_forged_is_refused": Broken(BackDoor),
    "test_one_bit_flipped_is_refused": Broken(Blurs, sign=sign_blurred),
    "test_stale_is_refused": Broken(Patient),
    "test_another_accounts_signature_is_refused": Broken(OneSecret),
    "test_comparison_takes_constant_time": Broken(Equals),
    "test_handshake_is_answered": Broken(AnswersBadly),
    "test_handshake_with_a_wrong_token_is_refused": Broken(AnswersAll),
    "test_inbound_case": Broken(Mishears),
    "test_parse_is_pure": Broken(LooksAtTheClock),
    "test_events_survive_msgpack": Broken(KeepsTuples, inbound={"special": TUPLE}),
    "test_ids_are_stable_across_redelivery": Broken(NewIds),
    "test_batches_keep_order": Broken(Reverses, inbound={"batch": TWICE}),
    "test_what_is_passed_over_has_a_reason": Broken(GivesNoReason),
    "test_our_own_echoes_are_not_the_customers_words": Broken(HearsItself, inbound={"echo": ECHO}),
    "test_hostile_bodies_are_malformed_or_ignored": Broken(TakesNothing),
    "test_mutated_bodies_never_raise": Broken(Stumbles),
    "test_outbound_case": Broken(AddsSomething),
    "test_calls_that_follow_are_those_of_the_case": Broken(Wanders),
    "test_render_is_pure": Broken(Throws),
    "test_each_kind_is_carried_as_declared": Broken(NoPlaces),
    "test_texts_are_cut_at_the_limit_between_graphemes": Broken(manifest(text_limit=24, text_unit="bytes")),
    "test_a_text_at_the_limit_arrives_whole": Broken(CutsShort),
    "test_calls_cover_all_pieces_and_resume": Broken(CountsFromNought),
    "test_idempotency_key_is_passed_on": Broken(OneKey),
    "test_media_rules_are_kept": Broken(manifest(media={"text": MediaRule()})),
    "test_strange_attachments_never_raise": Broken(NamesInHeaders),
    "test_answer": Broken(changed(404, Failed(problem("rejected")))),
    "test_answers_cover_the_usual_ones": Broken(answers=[each for each in ANSWERS if each.get("status") != 413]),
    "test_retry_after_is_read_in_both_forms": Broken(NumbersOnly),
    "test_no_answer_is_never_sent_again_blindly": Broken(changed("unreachable", Uncertain("?")), answers=UNSURE),
    "test_a_breakdown_is_the_providers": Broken(changed(502, Failed(problem("rejected")))),
    "test_garbage_answers_never_raise": Broken(Trusting),
    "test_lookups_never_raise": Broken(TrustingLookup),
    "test_listener_hears_everything_once": Broken(Doubles),
    "test_listener_goes_on_when_nothing_was_accepted": Broken(GivesUp),
    "test_cancelled_listener_leaves_nothing": Broken(Leaves),
    "test_cancelled_listener_resumes_without_loss": Broken(SavesFirst),
    "test_session_survives_garbage": Broken(talks(JsonTalk)),
    "test_session_publishes_what_a_customer_says": Broken(talks(RandomTalk)),
    "test_session_of_nobody_is_refused_or_empty": Broken(talks(EagerTalk)),
    "test_simulator_posts_what_we_take": Broken(simulated(SignsOnce)),
    "test_simulator_takes_what_we_send": Broken(simulated(Particular)),
}


def test_every_check_is_proven() -> None:
    assert set(TABLE) == set(CHECKS)


def test_a_connector_that_keeps_every_rule_is_green(tmp_path: Path) -> None:
    kit: Any = type("Kit", (Kit,), {"cases": write(tmp_path / "cases", INBOUND, OUTBOUND, ANSWERS)})
    assert [name for name in CHECKS if getattr(kit, name) is None] == [], "every check is for it"
    assert red(kit) == {}


@pytest.mark.parametrize("check", sorted(TABLE))
def test_exactly_this_check_goes_red(check: str, tmp_path: Path) -> None:
    assert set(found := TABLE[check].run(tmp_path)) == {check}, found


class Quiet(Kit):
    cases: ClassVar[Path] = Path("nowhere")


def test_a_check_cannot_be_replaced() -> None:
    def nothing(self: Any) -> None:
        pass

    for name in CHECKS:
        with pytest.raises(TypeError, match=name):
            type("Sly", (Quiet,), {name: nothing})


def test_what_does_not_apply_is_not_collected() -> None:
    receiver = type("Receiver", (Gateway,), {"manifest": msgspec.structs.replace(Gateway.manifest, sessions=False)})
    kit: Any = type("Kit", (Quiet,), {"connector": receiver})
    assert kit.test_session_survives_garbage is None
    assert kit.test_genuine_is_verified is not None


def test_bodies_of_the_gateway_are_what_the_cases_say() -> None:
    assert msgspec.json.decode(encoded("message", "in-1", PHONE, "x"))["events"] == [message("in-1", "x")]

"""How a message of ours is said: exactly the calls of its case, cut and carried as declared, never said twice."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from connectors.api import Failed, ProviderRequest, Then
from connectors.kit.text import graphemes, size
from connectors.testing import cases as case_files
from connectors.testing.fence import pure
from connectors.testing.samples import CLUSTERS, MEDIA, MEDIA_KINDS, SAMPLES, text_of
from connectors.testing.subject import Subject, limits_texts, only, sends_requests
from contracts.content import Text

OTHER_KEY: Final = "00000000-0000-4000-8000-000000000001"


class OutboundChecks(Subject):
    """``render``, case by case and at the limits."""

    @only(sends_requests)
    def test_outbound_case(self, outbound_case: case_files.OutboundCase) -> None:
        made = self.calls(outbound_case.message)
        if isinstance(made, Failed):
            assert made.problem.kind == outbound_case.fails, made
            return
        assert outbound_case.fails is None, made
        self._same(made, outbound_case.calls)

    def _same(self, made: list[ProviderRequest], wanted: list[case_files.Call]) -> None:
        """No call that is not planned, none that is planned and not made."""
        found = [case_files.call_of(call) for call in made]
        assert [(call.method, call.url) for call in found] == [(call.method, call.url) for call in wanted]
        for call, want in zip(found, wanted, strict=True):
            headers = {name: value for name, value in call.headers.items() if name in want.headers}
            assert msgspec.structs.replace(call, headers=headers) == want

    @only(sends_requests)
    def test_calls_that_follow_are_those_of_the_case(self, outbound_case: case_files.OutboundCase) -> None:
        made = self.calls(outbound_case.message)
        if isinstance(made, Failed) or not outbound_case.talk:
            return
        call = made[0]
        for turn in outbound_case.talk:
            outcome = self.made().interpret(call, turn.answer.response())
            if turn.then is None:
                assert not isinstance(outcome, Then), "a call follows that the case does not plan"
                assert case_files.meaning(outcome) == turn.answer.means
                return
            assert isinstance(outcome, Then), f"the case plans {turn.then.method} {turn.then.url}; no call followed"
            self._same([outcome.request], [turn.then])
            call = outcome.request

    @only(sends_requests)
    def test_render_is_pure(self, outbound_case: case_files.OutboundCase) -> None:
        with pure():
            first, again = self.calls(outbound_case.message), self.calls(outbound_case.message)
        assert first == again

    @only(sends_requests)
    def test_each_kind_is_carried_as_declared(self) -> None:
        for kind, sample in SAMPLES.items():
            support = self.connector.manifest.carries[kind].support
            made = self.calls(self._message(sample))
            if support == "refused":
                assert isinstance(made, Failed) and made.problem.kind == "unsupported", kind
                assert kind in made.problem.sentence
            else:
                assert not isinstance(made, Failed) and made, f"{kind} is declared {support}, and gives {made!r}"

    @only(limits_texts)
    def test_texts_are_cut_at_the_limit_between_graphemes(self) -> None:
        limit, unit = self.connector.manifest.text_limit or 0, self.connector.manifest.text_unit
        for text in ("a" * limit, "a" * (limit + 1), *(each * limit for each in CLUSTERS), text_of(limit * 2)):
            pieces = self.pieces((Text(text),))
            assert not isinstance(pieces, Failed)
            words = [piece.text for piece in pieces if isinstance(piece, Text)]
            assert "".join(words) == text
            assert all(size(piece, unit) <= limit for piece in words)
            assert [each for piece in words for each in graphemes(piece)] == graphemes(text)

    @only(limits_texts)
    def test_a_text_at_the_limit_arrives_whole(self) -> None:
        """As declared, the channel takes it: the connector must neither cut nor refuse it."""
        limit = self.connector.manifest.text_limit or 0
        made = self.calls(self._message(Text("a" * limit)))
        assert not isinstance(made, Failed), made
        assert sum(call.body.count(b"a" * limit) for call in made) == 1, "the text stands in the body, once and whole"

    @only(sends_requests)
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

    @only(sends_requests)
    def test_idempotency_key_is_passed_on(self) -> None:
        message = self._message(Text("x"))
        first, other = self.calls(message), self.calls(message, key=OTHER_KEY)
        assert isinstance(first, list) and isinstance(other, list)
        if self.connector.manifest.idempotent:
            assert all(call.idempotent for call in first), "the manifest says idempotent, and a call does not"
        for one, two in zip(first, other, strict=True):
            if one.idempotent:
                assert one != two, "a call that may be repeated has the key of its message in it"

    @only(sends_requests)
    def test_media_rules_are_kept(self) -> None:
        for kind, rule in self.connector.manifest.media.items():
            assert kind in MEDIA_KINDS, f"manifest.media has {kind!r}, which is no kind with an attachment"
            if rule.max_bytes is not None:
                assert not self._says_itself(kind, size=rule.max_bytes + 1), f"{kind}: too large, and sent natively"
            if rule.types and not {"*/*", f"{kind}/*"} & set(rule.types):
                assert not self._says_itself(kind, media_type=f"{kind}/x-nobody-knows"), f"{kind}: of a wrong type"

    def _says_itself(self, kind: str, **strange: Any) -> bool:
        """Is an attachment like that sent as what it is, and not as a text or refused?"""
        part: Any = SAMPLES[kind]
        link = msgspec.structs.replace(MEDIA[part.attachment.id], **strange)
        pieces = self.pieces((part,), {part.attachment.id: link})
        if isinstance(pieces, Failed) or not any(type(piece) is type(part) for piece in pieces):
            return False
        message = case_files.Message((part,), self.address, media={part.attachment.id: link})
        made, usual = self.calls(message), self.calls(self._message(part))
        return isinstance(made, list) and isinstance(usual, list) and _forms(made) == _forms(usual)

    @only(sends_requests)
    def test_strange_attachments_never_raise(self) -> None:
        for kind in MEDIA_KINDS:
            part: Any = SAMPLES[kind]
            for strange in ({"size": 0}, {"size": 2**40}, {"name": 'a\r\nb"/../c'}, {"media_type": ""}, {"name": ""}):
                link = msgspec.structs.replace(MEDIA[part.attachment.id], **strange)
                made = self.calls(case_files.Message((part,), self.address, media={part.attachment.id: link}))
                assert isinstance(made, list | Failed), f"{kind} {strange}"
                headers = [value for call in made for value in call.headers.values()] if type(made) is list else []
                assert not any("\r" in value or "\n" in value for value in headers), f"{kind}: a name breaks a header"


def _forms(calls: list[ProviderRequest]) -> list[Any]:
    """The fields of each call's JSON, or how anything else begins."""
    return [_form(call.body) for call in calls]


def _form(body: bytes) -> Any:
    try:
        return _keys(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body[:40]


def _keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _keys(item) for name, item in value.items()}
    return [_keys(item) for item in value] if isinstance(value, list) else type(value).__name__

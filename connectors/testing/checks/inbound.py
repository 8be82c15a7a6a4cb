"""What a verified request says: exactly the events of its case, whatever the weather, and never an exception."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from connectors.api import Batch, Ignored, Malformed, Parsed, Refused, Request
from connectors.testing import cases as case_files
from connectors.testing.fence import pure
from connectors.testing.mutate import hostile, mutated
from connectors.testing.subject import RESULTS, Subject, only, takes_requests
from contracts.codec import to_json, to_plain
from contracts.inbound import InboundMessage


class InboundChecks(Subject):
    """``parse``, case by case and under attack."""

    @only(takes_requests)
    def test_inbound_case(self, inbound_case: case_files.InboundCase) -> None:
        if inbound_case.result == "refused":
            assert self.made().handshake(self.request_of(inbound_case)) is None
            assert isinstance(self.made().verify(self.request_of(inbound_case)), Refused)
        elif inbound_case.result != "handshake":
            self._compare(self._parse(inbound_case), inbound_case)

    def _compare(self, parsed: Parsed, case: case_files.InboundCase) -> None:
        assert type(parsed) is RESULTS[case.result], parsed
        if isinstance(parsed, Batch):
            assert [to_plain(event) for event in parsed.events] == case.events
            assert len(parsed.raws) == len(parsed.events), "each event has its piece of the payload"
        reasons = "\n".join(parsed.ignored) if isinstance(parsed, Batch) else parsed.reason
        assert (case.reason or "") in reasons
        response = None if isinstance(parsed, Malformed) else parsed.response
        if case.answer is not None:
            assert response is not None
            assert (response.status, response.body.decode()) == (case.answer.status, case.answer.body)

    @only(takes_requests)
    def test_parse_is_pure(self, inbound_case: case_files.InboundCase) -> None:
        request, made = self.request_of(inbound_case), self.made()
        with pure():
            first, again = made.parse(request), made.parse(request)
        assert first == again == self.made().parse(request)

    @only(takes_requests)
    def test_events_survive_msgpack(self, inbound_case: case_files.InboundCase) -> None:
        parsed = self._parse(inbound_case)
        for event in parsed.events if isinstance(parsed, Batch) else ():
            assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=type(event)) == event

    @only(takes_requests)
    def test_ids_are_stable_across_redelivery(self, inbound_case: case_files.InboundCase) -> None:
        later = msgspec.structs.replace(
            self.request_of(inbound_case), received_at=inbound_case.received_at + timedelta(minutes=30)
        )
        again = self.made().parse(self._again(later, inbound_case))
        assert _ids(again) == _ids(self._parse(inbound_case))

    def _again(self, later: Request, case: case_files.InboundCase) -> Request:
        """Posted once more, later: signed anew."""
        body = self.redelivered(later.body)
        if (case.method, case.path, case.query) == ("POST", "", {}):
            return self.request(body, later.received_at, **case.headers)
        bare = msgspec.structs.replace(later, body=body)
        return msgspec.structs.replace(bare, headers={**self.sign_request(bare), **case.headers})

    @only(takes_requests)
    def test_batches_keep_order(self) -> None:
        for name, case in self._inbound().items():
            parsed = self._parse(case) if case.result == "batch" else None
            if isinstance(parsed, Batch):
                places = _places(case.payload(), parsed)
                assert places == sorted(places), f"{name}: the events are not in the payload's order"

    @only(takes_requests)
    def test_what_is_passed_over_has_a_reason(self) -> None:
        results = {name: case.result for name, case in self._inbound().items()}
        assert "ignored" in results.values(), "a case has a kind of event that we do not know, and is ignored"
        for name, case in self._inbound().items():
            parsed = self._parse(case) if case.result in RESULTS else None
            if isinstance(parsed, Ignored | Malformed):
                assert parsed.reason.strip(), f"{name}: passed over without a reason"
            if isinstance(parsed, Batch):
                assert all(each.strip() for each in parsed.ignored), f"{name}: passed over without a reason"

    @only(takes_requests)
    def test_our_own_echoes_are_not_the_customers_words(self) -> None:
        echoes = {name: case for name, case in self._inbound().items() if case.echo}
        assert echoes or not self.echoes, 'this provider echoes what we send: a case of it has "echo": true'
        for name, case in echoes.items():
            parsed = self._parse(case)
            events = parsed.events if isinstance(parsed, Batch) else ()
            assert not any(isinstance(event, InboundMessage) for event in events), f"{name}: taken for a customer's"

    @only(takes_requests)
    def test_hostile_bodies_are_malformed_or_ignored(self) -> None:
        made = self.made()
        for body in self._payloads():
            good = self.request(body)
            for broken in hostile(body):
                parsed = made.parse(msgspec.structs.replace(good, body=broken))
                assert type(parsed) in RESULTS.values()
                if body[:1] == b"{":
                    assert broken[:1] == b"{" or not isinstance(parsed, Batch), broken[:80]

    @only(takes_requests)
    def test_mutated_bodies_never_raise(self) -> None:
        made = self.made()
        good = [self.request(body) for body in self._payloads()]
        for seed in range(self.mutations):
            first = good[seed % len(good)]
            broken = msgspec.structs.replace(first, body=mutated(first.body, seed))
            try:
                _right(made.parse(broken))
            except Exception as error:
                raise AssertionError(f"seed {seed} of {self.mutations}: {error!r} for {broken.body[:400]!r}") from error


def _ids(parsed: Parsed) -> list[Any]:
    events = parsed.events if isinstance(parsed, Batch) else ()
    return [getattr(event, "provider_id", None) for event in events]


def _places(payload: bytes, parsed: Batch) -> list[int]:
    """Where each event's piece begins in the payload, where that can be told."""
    found = [payload.find(raw) for raw in parsed.raws]
    if len(set(found)) == 1:
        found = [payload.find(str(each).encode()) for each in _ids(parsed) if each]
    return [place for place in found if place >= 0]


def _right(parsed: Parsed) -> None:
    """Something the host can keep: known types, each event with its piece, a sender and an id, and storable."""
    assert type(parsed) in RESULTS.values(), type(parsed)
    if not isinstance(parsed, Batch):
        return
    assert len(parsed.events) == len(parsed.raws)
    for event in parsed.events:
        assert event.sender.address, "an event without a sender"
        assert getattr(event, "provider_id", None) != "", "an event with an empty id"
        msgspec.msgpack.encode(event)
        to_json(event)

"""What the provider's answers mean: the table, the two forms of Retry-After, no answer at all, and garbage."""

from __future__ import annotations

from typing import Final

from connectors.api import Failed, ProviderRequest, ProviderResponse, Sent, Then, Uncertain
from connectors.testing import cases as case_files
from connectors.testing.subject import Subject, only, sends_requests
from contracts.content import Text

USUAL: Final = (200, 400, 401, 403, 404, 409, 410, 413, 429, 500, 503, "unreachable", "timeout", "reset")
GARBAGE: Final = (
    "", "null", "[]", "0", '"x"', "<html>", "[" * 1_000, '{"message":null}', '{"error":[]}', '{"error":{"code":"x"}}',
    '{"sentMessages":[{"id":1}]}', '{"messages":[{}]}', '{"id":[]}', '{"ok":true}', '{"ok":"no"}', "\ud800",
)  # fmt: skip
STATUSES: Final = (0, 200, 204, 301, 400, 401, 403, 404, 409, 418, 429, 500, 502, 599)


class AnswerChecks(Subject):
    """``interpret``."""

    @only(sends_requests)
    def test_answer(self, answer: case_files.Answer) -> None:
        made = self.calls(case_files.outbound_cases(self.cases)[answer.to].message)
        assert not isinstance(made, Failed)
        outcome = self.made().interpret(made[answer.call], answer.response())
        assert case_files.meaning(outcome) == answer.means, outcome
        if isinstance(outcome, Sent):
            assert outcome.provider_ids == answer.ids
        if isinstance(outcome, Failed):
            assert outcome.retry_after_s == answer.retry_after_s
            assert outcome.fallback == answer.fallback

    @only(sends_requests)
    def test_answers_cover_the_usual_ones(self) -> None:
        told = {each.failure or each.status for each in case_files.answers(self.cases)}
        missing = [each for each in USUAL if each not in told]
        assert not missing, f"answers.json says nothing of {missing[0]}"

    @only(sends_requests)
    def test_retry_after_is_read_in_both_forms(self) -> None:
        date = {"date": "Mon, 14 Sep 2026 00:00:00 GMT", "retry-after": "Mon, 14 Sep 2026 00:00:09 GMT"}
        for headers in ({"retry-after": "9"}, date):
            outcome = self._meant(ProviderResponse(429, headers))
            assert isinstance(outcome, Failed) and outcome.problem.kind == "throttled", outcome
            assert outcome.retry_after_s == 9.0, f"Retry-After: {headers['retry-after']}"

    @only(sends_requests)
    def test_no_answer_is_never_sent_again_blindly(self) -> None:
        for call in self._sample():
            away = self.made().interpret(call, ProviderResponse(failure="unreachable"))
            assert isinstance(away, Failed) and away.problem.retryable, "nothing was sent: try again"
            for failure in ("timeout", "reset"):
                lost = self.made().interpret(call, ProviderResponse(failure=failure))
                if call.idempotent:
                    assert isinstance(lost, Uncertain) or (isinstance(lost, Failed) and lost.problem.retryable)
                else:
                    assert isinstance(lost, Uncertain), f"after a {failure} nobody knows whether it was sent"

    @only(sends_requests)
    def test_a_breakdown_is_the_providers(self) -> None:
        for status in (500, 502, 503, 504):
            outcome = self._meant(ProviderResponse(status))
            retryable = isinstance(outcome, Failed) and outcome.problem.retryable
            assert retryable or isinstance(outcome, Uncertain), f"{status}: {outcome}"

    @only(sends_requests)
    def test_garbage_answers_never_raise(self) -> None:
        made = self.made()
        for call in self._sample():
            for status in STATUSES:
                for body in GARBAGE:
                    data = body.encode("utf-8", "surrogatepass")
                    outcome = made.interpret(call, ProviderResponse(status, {"retry-after": "soon"}, data))
                    assert isinstance(outcome, Sent | Failed | Uncertain | Then), f"{status} {body!r}: {outcome!r}"

    def _sample(self) -> list[ProviderRequest]:
        made = self.calls(self._message(Text("x")))
        assert not isinstance(made, Failed)
        return made

    def _meant(self, response: ProviderResponse) -> object:
        return self.made().interpret(self._sample()[0], response)


class LookupChecks(Subject):
    """Profiles and media."""

    def test_lookups_never_raise(self) -> None:
        made = self.made()
        for status in STATUSES:
            for body in GARBAGE:
                made.read_profile(ProviderResponse(status, {}, body.encode("utf-8", "surrogatepass")))
        for address in (self.address, "", "あ/../?#", "x" * 5_000):
            made.profile_request(address, None)
            made.typing_request(address, True)
        made.read_request({})

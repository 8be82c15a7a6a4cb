"""The connector and its fake provider understand each other, without a socket in between."""

from __future__ import annotations

from datetime import timedelta

from connectors.api import Batch, Failed, ProviderResponse, Verified
from connectors.registry import settings_of, simulator_of
from connectors.testing import cases as case_files
from connectors.testing.provider import ProviderSimulator
from connectors.testing.subject import HOST, Subject, has_simulator, only, sends_requests, takes_requests
from contracts.content import Text


def both_ways(kit: type[Subject]) -> bool:
    """it has a fake provider, and sends"""
    return has_simulator(kit) and sends_requests(kit)


def posts(kit: type[Subject]) -> bool:
    """it has a fake provider, and takes requests"""
    return has_simulator(kit) and takes_requests(kit)


class SimulatorChecks(Subject):
    """Each with an account of the simulator's own sample."""

    def _simulator(self) -> ProviderSimulator:  # type: ignore[type-arg]
        cls = simulator_of(self.connector)
        settings = settings_of(self.connector, cls.sample("https://provider.example.com"), self.account)
        made: ProviderSimulator = cls(settings, HOST)  # type: ignore[type-arg]
        made.now = case_files.NOW
        return made

    @only(posts)
    def test_simulator_posts_what_we_take(self) -> None:
        simulator = self._simulator()
        connector = self.connector(self.account, simulator.settings)
        simulator.say("こんにちは😀", case_files.NOW)
        (delivery,) = simulator.due(case_files.NOW)
        assert isinstance(connector.verify(delivery.request), Verified)
        first = connector.parse(delivery.request)
        assert isinstance(first, Batch), first
        simulator.answered(delivery, ProviderResponse(503), case_files.NOW)
        (delivery,) = simulator.due(case_files.NOW + timedelta(days=2))
        assert isinstance(connector.verify(delivery.request), Verified), "a redelivery is signed anew"
        again = connector.parse(delivery.request)
        assert isinstance(again, Batch), again
        ids = [[getattr(event, "provider_id", None) for event in each.events] for each in (first, again)]
        assert ids[0] == ids[1], "a redelivery is the same message"

    @only(both_ways)
    def test_simulator_takes_what_we_send(self) -> None:
        simulator = self._simulator()
        connector = self.connector(self.account, simulator.settings)
        simulator.say("こんにちは", case_files.NOW, simulator.customer)
        pieces = self.pieces((Text("やあ"),))
        assert not isinstance(pieces, Failed)
        message = case_files.Message(pieces, simulator.customer)
        calls = connector.render(self._outbound(message, pieces))
        assert not isinstance(calls, Failed), calls
        for call in calls:
            simulator.handle(call, case_files.NOW)
        assert simulator.complaints == []
        assert any("やあ" in each for each in simulator.texts()), "the text reached the customer"

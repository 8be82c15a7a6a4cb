"""The connector and its fake provider understand each other, without a socket in between."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from msgspec.structs import replace

from connectors.api import Batch, Connector, Failed, ProviderResponse, Supplied, Then, Verified
from connectors.registry import settings_of, simulator_of
from connectors.testing import cases as case_files
from connectors.testing.provider import ProviderSimulator
from connectors.testing.subject import HOST, Subject, has_simulator, only, sends_requests, takes_requests
from contracts.content import Text

MOST_STEPS: Final = 4


def both_ways(kit: type[Subject]) -> bool:
    """it has a fake provider, and sends"""
    return has_simulator(kit) and sends_requests(kit)


def posts(kit: type[Subject]) -> bool:
    """it has a fake provider, and takes requests"""
    return has_simulator(kit) and takes_requests(kit)


def supplied_by(connector: Connector[Any], simulator: ProviderSimulator[Any]) -> dict[str, bytes]:
    """Every supply of the connector, as the host would fetch it from this provider."""
    found: dict[str, bytes] = {}
    for supply in connector.supplies():
        request = supply.request
        for _ in range(MOST_STEPS):
            read = connector.read_supply(supply.name, simulator.handle(request, case_files.NOW))
            if not isinstance(read, Then):
                break
            request = read.request
        else:
            raise AssertionError(f"supply {supply.name!r} wants ever more calls")
        assert isinstance(read, Supplied), read
        found[supply.name] = read.value
    return found


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
        supplied = supplied_by(connector, simulator)
        assert isinstance(connector.verify(replace(delivery.request, supplied=supplied)), Verified)
        first = connector.parse(delivery.request)
        assert isinstance(first, Batch), first
        simulator.answered(delivery, ProviderResponse(503), case_files.NOW)
        (delivery,) = simulator.due(case_files.NOW + timedelta(days=2))
        request = replace(delivery.request, supplied=supplied)
        assert isinstance(connector.verify(request), Verified), "a redelivery is signed anew"
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
        supplied = supplied_by(connector, simulator)
        for call in calls:
            simulator.handle(connector.authorise(call, case_files.NOW, "0" * 32, supplied), case_files.NOW)
        assert simulator.complaints == []
        assert any("やあ" in each for each in simulator.texts()), "the text reached the customer"

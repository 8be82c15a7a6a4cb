"""What every connector must do, as tests that its author inherits.

A subclass sets ``connector``, ``cases`` and ``settings`` and says how the provider signs. It must not replace a test:
one that does not fit is a fault of the connector, of its cases, or of this kit. Checks of what a connector does not
do (``connectors.testing.subject`` says when) are not collected.
"""

from __future__ import annotations

from typing import Any

import pytest

from connectors.testing import cases as case_files
from connectors.testing.checks.answers import AnswerChecks, LookupChecks
from connectors.testing.checks.declaration import DeclarationChecks
from connectors.testing.checks.inbound import InboundChecks
from connectors.testing.checks.listeners import ListenerChecks
from connectors.testing.checks.outbound import OutboundChecks
from connectors.testing.checks.secrets import SecretChecks
from connectors.testing.checks.sessions import SessionChecks
from connectors.testing.checks.signatures import SignatureChecks
from connectors.testing.checks.simulator import SimulatorChecks


class ConnectorConformance(
    DeclarationChecks,
    SecretChecks,
    SignatureChecks,
    InboundChecks,
    OutboundChecks,
    AnswerChecks,
    LookupChecks,
    ListenerChecks,
    SessionChecks,
    SimulatorChecks,
):
    """Inherit it under a name that begins with ``Test``."""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        replaced = [name for name in vars(cls) if name in CHECKS]
        if replaced:
            raise TypeError(f"{cls.__name__} replaces {replaced[0]}; a check of the kit cannot be replaced")
        if hasattr(cls, "connector"):
            for name, check in CHECKS.items():
                setattr(cls, name, check if applies(check, cls) else None)

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        """One test for each case file."""
        kit: Any = metafunc.cls
        for name in metafunc.fixturenames:
            found = parameters(kit, name)
            if found is not None:
                metafunc.parametrize(name, found.values(), ids=found.keys())


def applies(check: Any, kit: type[ConnectorConformance]) -> bool:
    """Is the check one for this connector?"""
    condition = check.__dict__.get("only")
    return condition is None or bool(condition(kit))


def parameters(kit: type[ConnectorConformance], name: str) -> dict[str, Any] | None:
    """What a check that asks for ``name`` runs over, by id; None: no parameter of the kit."""
    match name:
        case "inbound_case":
            return dict(case_files.inbound_cases(kit.cases))
        case "outbound_case":
            return dict(case_files.outbound_cases(kit.cases))
        case "answer":
            table = case_files.answers(kit.cases)
            return {f"{at}-{each.to}-{each.failure or each.status}": each for at, each in enumerate(table)}
        case _:
            return None


CHECKS = {
    name: check
    for base in reversed(ConnectorConformance.__mro__)
    for name, check in vars(base).items()
    if name.startswith("test_")
}
"""Every check by its name."""

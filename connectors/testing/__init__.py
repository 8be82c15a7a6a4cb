"""The conformance kit: subclass :class:`ConnectorConformance`, point it at a folder of cases, and run pytest."""

import pytest

# Before the checks are imported, so that a failing one shows the values it compared.
pytest.register_assert_rewrite("connectors.testing.conformance")

from connectors.testing.conformance import ConnectorConformance  # noqa: E402

__all__ = ["ConnectorConformance"]

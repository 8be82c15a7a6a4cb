"""The conformance kit: subclass :class:`ConnectorConformance`, point it at a folder of cases, and run pytest.

The checks need pytest. The fake providers (``connectors.testing.provider``) do not, and also run where it is not there.
"""

from importlib.util import find_spec

if find_spec("pytest") is not None:
    import pytest

    # Before the checks are imported, so that a failing one shows the values it compared.
    pytest.register_assert_rewrite("connectors.testing.checks")

    from connectors.testing.conformance import ConnectorConformance

__all__ = ["ConnectorConformance"]

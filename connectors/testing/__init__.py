"""The conformance kit: subclass :class:`ConnectorConformance`, point it at a folder of cases, and run pytest."""

from connectors.testing.conformance import ConnectorConformance

__all__ = ["ConnectorConformance"]

"""A channel without code: a block of configuration says where things are in their payload, and how to answer."""

from connectors.mapped.connector import MappedConnector

__all__ = ["MappedConnector"]

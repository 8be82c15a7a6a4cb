"""Microsoft Teams, by the Bot Framework."""

from connectors.teams.connector import TeamsConnector

__all__ = ["TeamsConnector"]

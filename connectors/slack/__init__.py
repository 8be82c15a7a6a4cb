"""Slack: Events API, interactivity and the Web API."""

from connectors.slack.connector import SlackConnector

__all__ = ["SlackConnector"]

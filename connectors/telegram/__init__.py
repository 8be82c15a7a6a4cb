"""Telegram Bot API."""

from connectors.telegram.connector import TelegramConnector

__all__ = ["TelegramConnector"]

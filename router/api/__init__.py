"""The API: REST, server-sent events, the agents' WebSocket, and events as signed webhooks."""

from router.api.application import make_api
from router.api.services import AccountHealth, ApiServices, Invitation, Limits
from router.api.tokens import TokenStore

__all__ = ["AccountHealth", "ApiServices", "Invitation", "Limits", "TokenStore", "make_api"]

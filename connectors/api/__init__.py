"""The whole plugin interface: what a connector's author imports."""

from connectors.api.connector import Connector, Listener, Sink, default_interpret, retry_after
from connectors.api.errors import NotAccepted
from connectors.api.manifest import NATIVE, Carry, ChoiceRule, Manifest, MediaRule, degraded, refused
from connectors.api.outbound import MediaLink, Outbound
from connectors.api.outcome import (
    KINDS,
    Batch,
    Failed,
    Ignored,
    Malformed,
    Outcome,
    Parsed,
    Quota,
    Refused,
    Sent,
    Then,
    Uncertain,
    Verified,
    problem,
)
from connectors.api.request import ProviderRequest, ProviderResponse, Request, Response
from connectors.api.secret import Secret
from connectors.api.session import Action, Close, Invite, Publish, Say, Session, SessionOpen, Typing, Watch
from connectors.api.supply import Supplied, Supply

__all__ = [
    "KINDS",
    "NATIVE",
    "Action",
    "Batch",
    "Carry",
    "ChoiceRule",
    "Close",
    "Connector",
    "Failed",
    "Ignored",
    "Invite",
    "Listener",
    "Malformed",
    "Manifest",
    "MediaLink",
    "MediaRule",
    "NotAccepted",
    "Outbound",
    "Outcome",
    "Parsed",
    "ProviderRequest",
    "ProviderResponse",
    "Publish",
    "Quota",
    "Refused",
    "Request",
    "Response",
    "Say",
    "Secret",
    "Sent",
    "Session",
    "SessionOpen",
    "Sink",
    "Supplied",
    "Supply",
    "Then",
    "Typing",
    "Uncertain",
    "Verified",
    "Watch",
    "default_interpret",
    "degraded",
    "problem",
    "refused",
    "retry_after",
]

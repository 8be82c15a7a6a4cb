"""The contracts as documents: a JSON Schema per event, command and model, and AsyncAPI for the streams.

``files`` gives them; ``make gen`` writes them, and a test wants them fresh.
"""

from __future__ import annotations

from inspect import cleandoc
from typing import Any, Final

import msgspec

from contracts import agent, contact, conversation, decision, identity, message, policy, streams
from contracts.commands import AnyCommand
from contracts.events import EventUnion

FOLDER: Final = "contracts/schema"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REF: Final = "#/components/schemas/{name}"

MODELS: Final[tuple[type[msgspec.Struct], ...]] = (
    agent.Agent, agent.AgentState, contact.Contact, conversation.Context, conversation.Conversation, decision.Decision,
    identity.Identity, message.Message, policy.Policy,
)  # fmt: skip
EVENTS: Final[tuple[type[msgspec.Struct], ...]] = EventUnion.__args__
COMMANDS: Final[tuple[type[msgspec.Struct], ...]] = AnyCommand.__args__


def files() -> dict[str, bytes]:
    """Every document by its path from the root of the source."""
    found = {f"{FOLDER}/asyncapi.json": to_bytes(asyncapi())}
    for folder, types in (("events", EVENTS), ("commands", COMMANDS)):
        found |= {f"{FOLDER}/{folder}/{name_of(kind)}.json": to_bytes(schema(kind)) for kind in types}
    return found | {f"{FOLDER}/models/{kind.__name__}.json": to_bytes(schema(kind)) for kind in MODELS}


def name_of(kind: type[msgspec.Struct]) -> str:
    """The ``type`` of an event or command class."""
    return str(kind.__struct_config__.tag)


def schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON Schema of a type, whole in itself. Unknown fields are allowed: newer writers may add optional ones."""
    return {"$schema": _DIALECT, "title": kind.__name__, **msgspec.json.schema(kind)}


def asyncapi() -> dict[str, Any]:
    """The event streams, as AsyncAPI 3."""
    refs, components = msgspec.json.schema_components(EVENTS, ref_template=_REF)
    messages = {name_of(kind): _message(kind, ref) for kind, ref in zip(EVENTS, refs, strict=True)}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Madoguchi event streams", "version": "1", "description": _ABOUT},
        "defaultContentType": "application/msgpack",
        "channels": {
            "events": {
                "address": "{shard}:events",
                "description": "One Redis stream per shard; the key of c:07 is `{c:07}:events`, braces and all.",
                "parameters": {"shard": {"description": _SHARD, "examples": ["{c:00}", "{c:07}", "{d:main}"]}},
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": {
            "followEvents": {
                "action": "receive",
                "channel": {"$ref": "#/channels/events"},
                "summary": "XREAD or XREADGROUP from the id where you stopped; ids are your positions.",
            }
        },
        "components": {"messages": messages, "schemas": components},
    }


_ABOUT: Final = (
    "Every entry has plain fields for skimming (type, conversation, contact, agent, seq, as far as they apply) and the "
    "field data with the event as a msgpack map; times are msgpack timestamps (extension type -1). Events of a "
    "conversation are in order and numbered by seq from 1 without a gap. Pass over unknown types and fields."
)
_SHARD: Final = (
    "The shard's name in braces. How many conversation shards there are is in the hash `m1:layout`, field `shards`; "
    f"the shard that gives out work is {streams.DISPATCH}."
)


def _message(kind: type[msgspec.Struct], ref: dict[str, Any]) -> dict[str, Any]:
    text = {"type": "string"}
    fields = {
        streams.TYPE: {"const": name_of(kind)},
        streams.CONVERSATION: text,
        streams.CONTACT: text,
        streams.AGENT: text,
        streams.SEQ: {"type": "string", "pattern": "^[0-9]+$"},
    }
    found: dict[str, Any] = {
        "name": name_of(kind),
        "title": kind.__name__,
        "contentType": "application/msgpack",
        "headers": {"type": "object", "properties": fields, "required": [streams.TYPE]},
        "payload": ref,
    }
    about = (kind.__doc__ or "").strip().split("\n")[0]
    return {**found, "summary": about} if about else found


def to_bytes(value: Any) -> bytes:
    """JSON that differs only where the meaning does."""
    return msgspec.json.format(msgspec.json.encode(_tidy(value), order="deterministic"), indent=1) + b"\n"


def _tidy(value: Any) -> Any:
    """Descriptions without the indentation that they have as docstrings."""
    if isinstance(value, dict):
        return {
            key: cleandoc(inner) if key == "description" and isinstance(inner, str) else _tidy(inner)
            for key, inner in value.items()
        }
    return [_tidy(inner) for inner in value] if isinstance(value, list | tuple) else value


__all__ = ["COMMANDS", "EVENTS", "FOLDER", "MODELS", "asyncapi", "files", "name_of", "schema", "to_bytes"]

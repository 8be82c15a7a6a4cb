"""The contracts as documents: a JSON Schema per event, command and model, and AsyncAPI for the streams.

``files`` gives them; ``make gen`` writes them, and a test wants them fresh.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable
from datetime import datetime
from inspect import cleandoc
from itertools import pairwise
from typing import Any, Final, get_args, get_type_hints

import msgspec

from contracts import agent, contact, conversation, decision, identity, message, policy, streams
from contracts.commands import AnyCommand, DispatchCommand, TimerDue
from contracts.events import CommandDone, EventUnion

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
    found = msgspec.json.schema(kind)
    _complete(found["$defs"], [kind])
    return {"$schema": _DIALECT, "title": kind.__name__, **found}


# -- what msgspec does not say ---------------------------------------------------------------------------------------


def _complete(schemas: dict[str, Any], kinds: Iterable[Any]) -> None:
    """Adds which texts are times, and what the source says of each field."""
    for kind in _structs(kinds):
        one = schemas[kind.__name__]
        if "description" in one:
            one["description"] = _line(one["description"])
        described = _descriptions(kind)
        for name, hint in get_type_hints(kind).items():
            if name in one["properties"]:
                one["properties"][name] = _told(one["properties"][name], hint, described.get(name))


def _structs(kinds: Iterable[Any]) -> list[Any]:
    """The structs reached from these, each once."""
    found: dict[Any, None] = {}
    left = list(kinds)
    while left:
        kind = left.pop()
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            left += get_args(kind)
        elif kind not in found:
            found[kind] = None
            left += get_type_hints(kind).values()
    return list(found)


def _told(value: dict[str, Any], hint: Any, about: str | None) -> dict[str, Any]:
    if datetime in (hint, *get_args(hint)):
        for each in (value, *value.get("anyOf", ())):
            if each.get("type") == "string":
                each["format"] = "date-time"
    return value if about is None else {"description": about, **value}


def _descriptions(kind: Any) -> dict[str, str]:
    """The text below each field in the source of a struct and of what it inherits from."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, msgspec.Struct) and base is not msgspec.Struct:
            found |= _below_fields(ast.parse(inspect.getsource(base)).body[0])
    return found


def _below_fields(definition: ast.stmt) -> dict[str, str]:
    found = {}
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    for field, text in pairwise(body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                found[name] = _line(words)
    return found


def _line(text: str) -> str:
    return " ".join(text.split())


# -- AsyncAPI --------------------------------------------------------------------------------------------------------


def asyncapi() -> dict[str, Any]:
    """The event streams and the command streams, as AsyncAPI 3. Actions are those of Madoguchi itself."""
    kinds = (*EVENTS, *COMMANDS)
    refs, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    _complete(components, kinds)
    channels = {
        "conversationEvents": _channel("conversation", "events", EVENTS),
        "dispatchEvents": _channel("dispatch", "events", EVENTS),
        "conversationCommands": _channel("conversation", "commands", COMMANDS),
        "dispatchCommands": _channel("dispatch", "commands", COMMANDS),
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Madoguchi streams", "version": "1", "description": _ABOUT},
        "defaultContentType": _MSGPACK,
        "channels": channels,
        "operations": {name: _operation(name, channel) for name, channel in channels.items()},
        "components": {
            "messages": {name_of(kind): _message(kind, ref) for kind, ref in zip(kinds, refs, strict=True)},
            "schemas": _without_discriminators(components),
        },
    }


def _without_discriminators(value: Any) -> Any:
    """OpenAPI's kind of discriminator is not AsyncAPI's; the constants in the alternatives say the same."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key != "discriminator" or not isinstance(item, dict)}
        return {key: _without_discriminators(item) for key, item in kept.items()}
    return [_without_discriminators(item) for item in value] if isinstance(value, list) else value


_MSGPACK: Final = "application/vnd.msgpack"
_OF_DISPATCH: Final = ("agent.", "decision.", "offer.", "policy.")
_OF_BOTH: Final = (CommandDone, TimerDue)
_ABOUT: Final = (
    "Every entry of an event stream has plain fields for skimming (type, conversation, contact, agent, seq, as far as "
    "they apply) and the field data with the event as a msgpack map; times are msgpack timestamps (extension type -1). "
    "Events of a conversation are in order and numbered by seq from 1 without a gap. Pass over unknown types and "
    "fields."
)
_SHARD: Final = (
    "The shard's name in braces. How many conversation shards there are is in the hash "
    f"`{streams.LAYOUT_KEY}`, field `shards`; the shard that gives out work is {streams.DISPATCH}."
)


def _channel(kind: str, folder: str, members: tuple[type[msgspec.Struct], ...]) -> dict[str, Any]:
    names = [name_of(member) for member in members if _belongs(kind, member)]
    shard = streams.DISPATCH if kind == "dispatch" else streams.conversation_shard(7)
    key = streams.events(shard) if folder == "events" else streams.commands(shard)
    return {
        "address": f"{{shard}}:{folder}",
        "title": f"{folder.capitalize()} of the {kind} shards",
        "description": f"One Redis stream per shard, in order; the key of {shard} is `{key}`, braces and all.",
        "parameters": {"shard": {"description": _SHARD, "examples": [f"{{{shard}}}"]}},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }


def _belongs(kind: str, member: Any) -> bool:
    if member in _OF_BOTH:
        return True
    dispatch = member in get_args(DispatchCommand) or name_of(member).startswith(_OF_DISPATCH)
    return dispatch is (kind == "dispatch")


def _operation(name: str, channel: dict[str, Any]) -> dict[str, Any]:
    return {
        "action": "send" if name.endswith("Events") else "receive",
        "title": channel["title"],
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [{"$ref": f"#/channels/{name}/messages/{message}"} for message in channel["messages"]],
    }


def _message(kind: type[msgspec.Struct], ref: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": name_of(kind),
        "title": " ".join(re.findall("[A-Z][a-z]*", kind.__name__)).capitalize(),
        "contentType": _MSGPACK,
        "payload": ref,
    }
    if kind in EVENTS:
        found["headers"] = _plain_fields(kind)
    return {**found, "description": _line(kind.__doc__)} if kind.__doc__ else found


def _plain_fields(kind: type[msgspec.Struct]) -> dict[str, Any]:
    text = {"type": "string"}
    fields = {
        streams.TYPE: {"const": name_of(kind)},
        streams.CONVERSATION: text,
        streams.CONTACT: text,
        streams.AGENT: text,
        streams.SEQ: {"type": "string", "pattern": "^[0-9]+$"},
    }
    return {"type": "object", "properties": fields, "required": [streams.TYPE]}


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

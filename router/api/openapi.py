"""OpenAPI 3.1 of the table of routes and the types' own schemas. ``python -m router.api.openapi`` writes it."""

from __future__ import annotations

import re
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import msgspec

from contracts.export import to_bytes
from router.api.body import fields_of
from router.api.call import Route
from router.api.problems import CONTENT_TYPE, Problem
from router.api.table import ROUTES
from router.api.writes import Late

TARGET: Final = Path(__file__).parents[2] / "contracts" / "schema" / "openapi.json"
_REF: Final = "#/components/schemas/{name}"
_VARIABLE: Final = re.compile(r"\{(\w+)\}")
_WRITE_PROBLEMS: Final = (404, 409, 422, 503)

_ABOUT: Final = (
    "Conversations of all channels, the people in them and the agents who answer. Bodies are strict: unknown fields "
    "are refused. Writes wait for their outcome; a late one answers 202 with the place to look. Give writes an "
    "`Idempotency-Key`, and repeat them with it after a 503. Errors are problem+json (RFC 9457)."
)


@cache
def document(public_url: str = "") -> bytes:
    """The document as JSON."""
    return to_bytes(describe(public_url))


def describe(public_url: str = "") -> dict[str, Any]:
    """The document as plain values."""
    schemas, components = _schemas()
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Madoguchi", "version": "1", "description": _ABOUT, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": public_url or "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "mdg_..."}},
        },
    }


def _types() -> list[Any]:
    found: list[Any] = [Problem, Late]
    for route in ROUTES:
        found += [kind for kind in (route.answer, route.body, route.query) if kind is not None]
    return list(dict.fromkeys(found))


def _schemas() -> tuple[dict[Any, Any], dict[str, Any]]:
    types = _types()
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    for route in ROUTES:
        if route.body is not None:
            _close(components[route.body.__name__])
    return dict(zip(types, schemas, strict=True)), {_plain_name(name): value for name, value in components.items()}


def _close(schema: dict[str, Any]) -> None:
    """Unknown fields of a body are refused, so the schema says so."""
    schema["additionalProperties"] = False


def _plain_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)


def _operation(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "tags": [_tag(route)],
        "parameters": [*_variables(route), *_query(route), *_headers(route)],
        "responses": _responses(route, schemas),
    }
    if route.handler.__doc__:
        operation["description"] = route.handler.__doc__.split("\n\n")[0]
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schemas[route.body]}}}
    operation["security"] = [{"token": [route.scope]}] if route.scope is not None else []
    return operation


def _tag(route: Route) -> str:
    return route.path.split("/")[2]


def _variables(route: Route) -> list[dict[str, Any]]:
    names = _VARIABLE.findall(route.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    properties = msgspec.json.schema(route.query)["$defs"][route.query.__name__]["properties"]
    return [{"name": name, "in": "query", "schema": properties[name]} for name in fields_of(route.query)]


def _headers(route: Route) -> list[dict[str, Any]]:
    if not route.write or route.body is None:
        return []
    about = "The same key with the same body is carried out once; kept for a day."
    schema = {"type": "string", "maxLength": 200}
    return [{"name": "Idempotency-Key", "in": "header", "description": about, "schema": schema}]


def _responses(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    done: dict[str, Any] = {"description": HTTPStatus(route.status).phrase}
    if route.answer is not None:
        done["content"] = {"application/json": {"schema": _renamed(schemas[route.answer])}}
    elif route.media_type:
        done["content"] = {route.media_type: {}}
    responses = {str(route.status): done}
    if route.write:
        responses["202"] = _json("Taken, and not carried out yet; look at Location", schemas[Late])
    for status in _statuses(route):
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase, "content": {CONTENT_TYPE: {"schema": schemas[Problem]}}
        }  # fmt: skip
    return responses


def _json(description: str, schema: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _renamed(schema: Any) -> Any:
    if isinstance(schema, dict) and "$ref" in schema:
        head, _, name = schema["$ref"].rpartition("/")
        return {"$ref": f"{head}/{_plain_name(name)}"}
    return schema


def _statuses(route: Route) -> list[int]:
    found = set(route.problems)
    if route.scope is not None:
        found |= {401, 403}
    if route.query is not None:
        found.add(400)
    if route.body is not None:
        found |= {400, 413, 415, 422}
    if route.write:
        found |= set(_WRITE_PROBLEMS)
    return sorted(found)


def main() -> None:
    """Writes the document to its place in the contracts."""
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(document())


if __name__ == "__main__":
    main()

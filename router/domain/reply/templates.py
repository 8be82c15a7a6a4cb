"""Named messages with a text in each language: chosen and filled in once, for all channels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from connectors.api import Failed, Manifest, problem
from contracts.content import Part, Template, Text

_PLACE: Final = re.compile(r"\{([a-z0-9_]+)\}")


class Approved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A template as a provider has approved it."""

    name: str
    """The provider's name of it."""
    languages: dict[str, str] = {}
    """The provider's spelling of a language, where it is another than ours: ``en = "en_US"``."""


class MessageTemplate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A named message, ``[templates.NAME]``. Channels with approved templates get theirs, all others the text."""

    texts: dict[str, str]
    """By language (BCP 47): the text, with its parameters in braces: ``Your order {number} is on its way.``"""
    params: tuple[str, ...] = ()
    """The parameters' names, in the order in which providers count them."""
    channels: dict[str, Approved] = {}
    """By channel (``whatsapp``): the provider's approved template."""


def faults(template: MessageTemplate) -> Iterator[str]:
    """What is wrong with a declared template, in words."""
    if not template.texts:
        yield "has no text in any language"
    for language, text in template.texts.items():
        for name in sorted(set(_PLACE.findall(text)) - set(template.params)):
            yield f"the text in {language!r} has {{{name}}}, which is not among params"


def language_of(template: MessageTemplate, *wanted: str | None) -> str:
    """The language to say it in: the first wanted one that it has, exactly or by its main part, else its first."""
    for language in filter(None, wanted):
        if language in template.texts:
            return language
        main = language.partition("-")[0].lower()
        for known in template.texts:
            if known.partition("-")[0].lower() == main:
                return known
    return next(iter(template.texts))


def said(
    templates: Mapping[str, MessageTemplate], manifest: Manifest, part: Template, language: str | None, default: str
) -> Part | Failed:
    """A template as the channel gets it: the provider's own where there is one, else a text. One that is not declared
    goes as it is, for channels that know it by that name; customers of others would read the name."""
    template = templates.get(part.name)
    if template is None:
        carry = manifest.carries.get("template")
        if carry is None or carry.support == "degraded":
            return Failed(problem("unsupported", f"the template {part.name} is not declared here, so it has no text"))
        return part
    missing = [name for name in template.params if name not in part.params]
    if missing:
        return Failed(problem("rejected", f"the template {part.name} needs {', '.join(missing)}"))
    chosen = language_of(template, part.language, language, default)
    if approved(template, manifest):
        theirs = template.channels[manifest.name]
        params = {name: part.params[name] for name in template.params}
        return Template(theirs.name, theirs.languages.get(chosen, chosen), params)
    return Text(_PLACE.sub(lambda found: part.params.get(found[1], found[0]), template.texts[chosen]))


def approved(template: MessageTemplate, manifest: Manifest) -> bool:
    """Whether the channel has an approved template for it."""
    carry = manifest.carries.get("template")
    return carry is not None and carry.support == "native" and manifest.name in template.channels


def all_said(
    templates: Mapping[str, MessageTemplate],
    manifest: Manifest,
    parts: tuple[Part, ...],
    language: str | None,
    default: str,
) -> tuple[Part, ...] | Failed:
    """The parts, each template as the channel gets it."""
    if not any(isinstance(part, Template) for part in parts):
        return parts
    found: list[Part] = []
    for part in parts:
        made = said(templates, manifest, part, language, default) if isinstance(part, Template) else part
        if isinstance(made, Failed):
            return made
        found.append(made)
    return tuple(found)

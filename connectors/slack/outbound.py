"""Our messages into calls of the Web API, and what Slack answers into outcomes. Pure.

Slack answers 200 to everything; ``ok`` and ``error`` in the body tell what came of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from msgspec.structs import replace

from connectors.api import (
    Failed,
    Outbound,
    Outcome,
    ProviderRequest,
    ProviderResponse,
    Sent,
    Then,
    Uncertain,
    problem,
)
from connectors.api.outcome import ProblemKind
from connectors.kit.http import interpret as by_status
from connectors.kit.http import retry_after
from connectors.kit.json import BadJson, read
from connectors.slack import payload as slack
from connectors.slack.inbound import provider_id
from connectors.slack.messages import Upload, call_of
from connectors.slack.mrkdwn import escape
from connectors.slack.settings import SlackSettings

JSON: Final = "application/json; charset=utf-8"
FORM: Final = "application/x-www-form-urlencoded"
UPLOAD_S: Final = 120.0
DONE: Final = frozenset({"already_reacted", "no_reaction"})
"""Errors that say that it is as we wanted it."""
UNCLEAR: Final = frozenset({"fatal_error"})
"""It may have been carried out in part."""
ERRORS: Final[dict[str, ProblemKind]] = {
    "ratelimited": "throttled",
    "rate_limited": "throttled",
    "message_limit_exceeded": "throttled",
    "internal_error": "unreachable",
    "service_unavailable": "unreachable",
    "request_timeout": "unreachable",
    "team_added_to_org": "unreachable",
    "invalid_auth": "config",
    "not_authed": "config",
    "account_inactive": "config",
    "token_revoked": "config",
    "token_expired": "config",
    "missing_scope": "config",
    "not_allowed_token_type": "config",
    "no_permission": "config",
    "access_denied": "config",
    "org_login_required": "config",
    "ekm_access_denied": "config",
    "team_access_not_granted": "config",
    "accesslimited": "config",
    "messages_tab_disabled": "config",
    "channel_not_found": "recipient_gone",
    "not_in_channel": "recipient_gone",
    "is_archived": "recipient_gone",
    "user_not_found": "recipient_gone",
    "users_not_found": "recipient_gone",
    "user_disabled": "recipient_gone",
    "cannot_dm_bot": "recipient_gone",
    "user_not_visible": "recipient_gone",
    "restricted_action": "opted_out",
    "restricted_action_read_only_channel": "opted_out",
    "restricted_action_thread_only_channel": "opted_out",
    "restricted_action_non_threadable_channel": "opted_out",
    "restricted_action_thread_locked": "opted_out",
    "msg_too_long": "too_large",
    "msg_blocks_too_long": "too_large",
    "file_upload_size_restricted": "too_large",
    "no_text": "rejected",
    "invalid_blocks": "rejected",
    "invalid_arguments": "rejected",
    "thread_not_found": "rejected",
    "message_not_found": "rejected",
    "invalid_name": "rejected",
    "duplicate_message_not_found": "rejected",
}
"""Slack's errors; one that is not here is rejected."""

_answer: Final = msgspec.json.Decoder(slack.Answer)
_channel: Final = msgspec.json.Decoder(slack.Named)


class Extra(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What ``provider_extra`` may hold, in Slack's own spelling."""

    reply_broadcast: bool | None = None
    unfurl_links: bool | None = None
    unfurl_media: bool | None = None
    mrkdwn: bool | None = None
    """True: the text's ``*bold*`` and ``_italic_`` are shown so."""
    username: str | None = None
    icon_url: str | None = None
    icon_emoji: str | None = None


def render(settings: SlackSettings, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
    """A call for each piece that is left; an upload begins with the first of its own."""
    try:
        extra = msgspec.to_builtins(msgspec.convert(dict(outbound.extra or {}), Extra))
    except msgspec.ValidationError as error:
        return Failed(problem("unsupported", f"provider_extra: {error}"))
    requests = []
    for place in range(outbound.done, len(outbound.pieces)):
        call = call_of(outbound, outbound.pieces[place], place)
        if call.upload is not None:
            requests.append(_first(settings, call.upload))
        elif call.method == "chat.postMessage":
            requests.append(post(settings, call.method, {**call.fields, **extra}))
        else:
            requests.append(post(settings, call.method, call.fields, idempotent=True))
    return requests


def interpret(settings: SlackSettings, request: ProviderRequest, response: ProviderResponse) -> Outcome | Then:
    """What Slack's answer means; see the table in this package's README."""
    if response.failure is not None or (response.status != 200 and response.status < 400):
        return by_status(request, response)
    upload = request.memo if isinstance(request.memo, Upload) else None
    if upload is not None and upload.url and not request.secret_headers:
        taken = response.status == 200
        return Then(_completed(settings, upload)) if taken else _by_status(request, response)
    answer = read(response.body, _answer)
    if isinstance(answer, BadJson):
        return _by_status(request, response)
    if not answer.ok:
        return _refused(answer.error or "unknown_error", request, response)
    return _sent(answer) if upload is None else _onward(settings, upload, answer)


def post(settings: SlackSettings, method: str, fields: dict[str, Any], **more: Any) -> ProviderRequest:
    """A call with a JSON body. Slack has no idempotency key."""
    return ProviderRequest(
        "POST",
        f"{settings.api_base}/api/{method}",
        {"content-type": JSON},
        token(settings),
        msgspec.json.encode(fields),
        **more,
    )


def token(settings: SlackSettings) -> dict[str, str]:
    """The bot's token, as a header."""
    return {"authorization": f"Bearer {settings.bot_token.reveal()}"}


# -- uploads: (open the direct message,) ask for a place, bring the bytes, share ------------------------------------


def _first(settings: SlackSettings, upload: Upload) -> ProviderRequest:
    if upload.channel is None:
        return post(settings, "conversations.open", {"users": upload.person}, idempotent=True, memo=upload)
    return _place(settings, upload)


def _place(settings: SlackSettings, upload: Upload) -> ProviderRequest:
    body = urlencode({"filename": upload.name, "length": len(upload.data)}).encode()
    url = f"{settings.api_base}/api/files.getUploadURLExternal"
    return ProviderRequest("POST", url, {"content-type": FORM}, token(settings), body, idempotent=True, memo=upload)


def _bytes(upload: Upload) -> ProviderRequest:
    """To the place that Slack named; without our token."""
    headers = {"content-type": "application/octet-stream"}
    return ProviderRequest(
        "POST", upload.url, headers, body=upload.data, idempotent=True, memo=upload, timeout_s=UPLOAD_S
    )


def _completed(settings: SlackSettings, upload: Upload) -> ProviderRequest:
    """The one call of them that the customer sees."""
    fields: dict[str, Any] = {"files": [{"id": upload.file_id, "title": upload.name}], "channel_id": upload.channel}
    if upload.thread_ts is not None:
        fields["thread_ts"] = upload.thread_ts
    if upload.comment and upload.comment.strip():
        fields["initial_comment"] = escape(upload.comment)
    return post(settings, "files.completeUploadExternal", fields, memo=upload)


def _onward(settings: SlackSettings, upload: Upload, answer: slack.Answer) -> Outcome | Then:
    """What follows a good answer within an upload."""
    if upload.channel is None:
        opened = read(msgspec.json.encode(answer.channel), _channel)
        if isinstance(opened, BadJson):
            return Failed(problem("bad_answer", "conversations.open told no channel"))
        return Then(_place(settings, replace(upload, channel=opened.id)))
    if not upload.url:
        if answer.upload_url is None or answer.file_id is None:
            return Failed(problem("bad_answer", "files.getUploadURLExternal told no place"))
        return Then(_bytes(replace(upload, url=answer.upload_url, file_id=answer.file_id)))
    return Sent()  # the message's ts is not told; it comes with the event, as our own words


# -- answers --------------------------------------------------------------------------------------------------------


def _sent(answer: slack.Answer) -> Sent:
    if isinstance(answer.channel, str) and answer.ts is not None:
        return Sent((provider_id(answer.channel, answer.ts),))
    return Sent()


def _refused(error: str, request: ProviderRequest, response: ProviderResponse) -> Outcome:
    if error in DONE:
        return Sent()
    if error in UNCLEAR and not request.idempotent:
        return Uncertain(f"Slack answered {error}")
    kind = "unreachable" if error in UNCLEAR else ERRORS.get(error, "rejected")
    return Failed(problem(kind, error[:100], error[:100]), retry_after(response))


def _by_status(request: ProviderRequest, response: ProviderResponse) -> Outcome:
    """Answers without a body that is Slack's. After a 504 the message may have been posted."""
    if response.status == 200 or (response.status == 504 and not request.idempotent):
        return Uncertain(f"Slack answered {response.status} and nothing that it documents")
    return by_status(request, response)

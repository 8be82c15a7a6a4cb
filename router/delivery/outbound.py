"""Makes one message ready for its connector: the way to the customer, the pieces, links and bytes of attachments."""

from __future__ import annotations

import uuid
from datetime import datetime

from connectors.api import Failed, MediaLink, Outbound, problem
from connectors.kit.degrade import pieces_for
from contracts.attachment import Attachment
from contracts.content import Part, Template, attachments_of
from contracts.conversation import Conversation, Reach
from contracts.message import Message
from router.accounts import Account
from router.domain.reply.facts import ReplyFacts
from router.domain.reply.templates import all_said
from router.domain.reply.ways import window_end
from router.media.links import Links
from router.media.store import MediaStore

_NAMESPACE = uuid.UUID("6f6f0d3c-5a43-5c6e-9d5d-3d1f5f6f7b21")
_MOST_BLOBS = 25 * 1024 * 1024


class Preparer:
    """Builds :class:`connectors.api.Outbound` values."""

    def __init__(self, media: MediaStore, links: Links, facts: ReplyFacts | None = None) -> None:
        self._media = media
        self._links = links
        self._facts = facts or ReplyFacts()

    async def prepare(
        self,
        account: Account,
        message: Message,
        conversation: Conversation,
        answered: Message | None,
        attempt: int,
        done: int,
        now: datetime,
        targets: dict[str, str] | None = None,
    ) -> Outbound | Failed:
        """The message for its connector; Failed when the channel cannot carry it."""
        attachments = attachments_of(message.parts)
        media = {each.id: link for each in attachments if (link := self._link(each, message.at, now)) is not None}
        reach = reach_of(conversation, message)
        parts = self._sayable(account, message, conversation, reach, now)
        pieces = parts if isinstance(parts, Failed) else pieces_for(account.connector.manifest, parts, media)
        if isinstance(pieces, Failed):
            return pieces
        return Outbound(
            message=message.id,
            conversation=conversation.id,
            account=account.name,
            reach=reach,
            pieces=pieces,
            key=str(uuid.uuid5(_NAMESPACE, message.id)),
            now=now,
            done=done,
            attempt=attempt,
            subject=message.subject or conversation.subject,
            reply_to=None if answered is None else answered.provider_id,
            references=reach.references,
            author_name=message.author_name,
            media=media,
            blobs=await self._blobs(account, attachments),
            extra=message.extra,
            token=good_token(reach, now),
            automatic="automatic" in message.flags,
            targets=targets or {},
        )

    def _sayable(
        self, account: Account, message: Message, conversation: Conversation, reach: Reach, now: datetime
    ) -> tuple[Part, ...] | Failed:
        """The parts with templates in the channel's form. What waited here may be too late: nothing is called then."""
        manifest, facts = account.connector.manifest, self._facts
        parts = all_said(facts.templates, manifest, message.parts, conversation.language, facts.language)
        ends = window_end(manifest, reach, person=(message.author or "").startswith("agent:"))
        if isinstance(parts, Failed) or ends is None or ends > now or manifest.after_window == "open" or reach.ours:
            return parts
        if manifest.after_window == "template" and all(isinstance(part, Template) for part in parts):
            return parts
        return Failed(problem("window_closed"))

    def _link(self, attachment: Attachment, at: datetime, now: datetime) -> MediaLink | None:
        url = self._links.lasting_url(attachment, at.timestamp(), now.timestamp())
        if url is None:
            return None
        return MediaLink(url, attachment.name or attachment.id, attachment.media_type, attachment.size or 0)

    async def _blobs(self, account: Account, attachments: list[Attachment]) -> dict[str, bytes]:
        """Bytes are read only for channels that take the file itself."""
        takes = account.channel_class == "email" or account.connector.manifest.uploads
        if not takes or sum(each.size or 0 for each in attachments) > _MOST_BLOBS:
            return {}
        read = {each.id: await self._media.get(each.sha256) for each in attachments if each.sha256 is not None}
        return {id: data for id, data in read.items() if data is not None}


def reach_of(conversation: Conversation, message: Message) -> Reach:
    """The way the message goes: as the customer last used it, or bare when they never wrote there."""
    for reach in reversed(conversation.reaches):
        if (reach.channel, reach.account, reach.address) == (message.channel, message.account, message.address):
            return reach
    return Reach(message.channel, message.account, message.address, message.at)


def may_have_used_token(reach: Reach, begun: datetime) -> bool:
    """Whether an attempt that began then, or later, can have spent the reply token that is still noted."""
    return good_token(reach, begun) is not None


def good_token(reach: Reach, now: datetime) -> str | None:
    """The reply token, if it is still good."""
    reply = reach.reply
    if reply is None or reply.token is None:
        return None
    if reply.token_expires_at is not None and reply.token_expires_at <= now:
        return None
    return reply.token

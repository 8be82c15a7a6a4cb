"""What one of Slack's messages says, as our parts."""

from __future__ import annotations

from connectors.slack import mrkdwn
from connectors.slack import payload as slack
from contracts.attachment import Attachment
from contracts.content import Audio, File, Image, Part, Text, Unsupported, Video
from contracts.ids import attachment_id, message_id

LOOK_UP = "file:"
"""A source that is not a URL but a file's id: of Slack Connect, whose address has to be asked for."""
MOST_FILES = 50


def parts_of(message: slack.Message, account: str, identifier: str) -> tuple[Part, ...]:
    """The words first, then the files; what was passed on counts when there is nothing else."""
    ours = message_id(account, identifier)
    words = (Text(mrkdwn.plain(message.text)),) if message.text and message.text.strip() else ()
    files = [_file(each, attachment_id(ours, place)) for place, each in enumerate((message.files or [])[:MOST_FILES])]
    return (*words, *files) or _shared(message) or (Unsupported("message"),)


def _shared(message: slack.Message) -> tuple[Part, ...]:
    texts = [each.text or each.fallback for each in (message.attachments or [])[:20]]
    return tuple(Text(mrkdwn.plain(text)) for text in texts if text and text.strip())


def _file(file: slack.StoredFile, id: str) -> Part:
    if file.mode == "external" and file.url_private:  # kept elsewhere: Slack knows the link only
        return Text("\n".join(part for part in (file.title or file.name, file.url_private) if part))
    attachment = _attachment(file, id)
    match attachment.media_type.partition("/")[0]:
        case "image":
            return Image(attachment)
        case "audio":
            return Audio(attachment, file.duration_ms)
        case "video":
            return Video(attachment, file.duration_ms)
        case _:
            return File(attachment)


def _attachment(file: slack.StoredFile, id: str) -> Attachment:
    media_type = (file.mimetype or "application/octet-stream").lower()
    name = file.name or file.title
    problem = {"tombstone": "the file was deleted", "hidden_by_limit": "the workspace's plan hides the file"}
    if file.mode in problem:
        return Attachment(id, name, media_type, file.size, state="failed", problem=problem[file.mode], source=file.id)
    source = file.url_private_download or file.url_private or LOOK_UP + file.id
    return Attachment(id, name, media_type, file.size, source=source)

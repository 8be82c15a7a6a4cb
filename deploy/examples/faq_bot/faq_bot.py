"""A bot that answers frequent questions, and hands over to people when it cannot.

An agent with a token of its own, at the agents' WebSocket: it speaks only while it has the conversation, and says which
floor it speaks for, so that what it says too late is refused. Usage: see README.md beside this file.
"""

import asyncio
import contextlib
import itertools
import os
import re
import sys
import tomllib
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

PERSON = "faq:person"
FOR_GOOD = {4401: "the token is not good", 4403: "the token is of no agent", 4404: "the agent is not declared"}


def normal(text: str) -> str:
    """Full-width and half-width, upper and lower case are the same."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def language_of(text: str, default: str) -> str:
    """Japanese when any kana or kanji is there."""
    japanese = re.search("[\u3040-\u30ff\u3400-\u9fff]", text)
    return "ja" if japanese else "en" if any(map(str.isalpha, text)) else default


def contains(text: str, word: str) -> bool:
    """Latin words stand alone; Japanese is written without spaces."""
    word = normal(word)
    return re.search(rf"\b{re.escape(word)}\b", text) is not None if word.isascii() else word in text


class Book:
    """The questions and answers."""

    def __init__(self, path: Path) -> None:
        found = tomllib.loads(path.read_text("utf-8"))
        self.queue: str = found["queue"]
        self.misses: int = found.get("misses", 2)
        self.people: list[str] = found["people"]
        self.texts: dict[str, dict[str, str]] = found["texts"]
        self.questions = {str(one["id"]): one for one in found["questions"]}

    def wants_person(self, text: str) -> bool:
        return text == PERSON or any(contains(normal(text), word) for word in self.people)

    def matches(self, text: str) -> list[dict[str, Any]]:
        """The questions that fit best; several when it is not sure, none when it has no idea."""
        if text.removeprefix("faq:") in self.questions:
            return [self.questions[text.removeprefix("faq:")]]
        scores = {id: self._score(normal(text), one) for id, one in self.questions.items()}
        best = max(scores.values(), default=0)
        return [self.questions[id] for id, score in scores.items() if best and score == best]

    def _score(self, heard: str, question: dict[str, Any]) -> int:
        both = (question["ja"], question["en"])
        exact = any(heard == normal(one["title"]) for one in both)
        return 100 if exact else sum(contains(heard, word) for one in both for word in one["words"])

    def choice(self, questions: list[dict[str, Any]], language: str) -> dict[str, Any]:
        """A question with buttons; the last one leads to a person."""
        words, offered = self.texts[language], questions or [*self.questions.values()]
        options = [{"label": one[language]["title"], "value": f"faq:{one['id']}"} for one in offered[:8]]
        options += [{"label": words["person"], "value": PERSON}]
        return {"kind": "choice", "text": words["which"], "options": options}


@dataclass
class Talk:
    """A conversation that the bot has."""

    floor: int
    language: str = "en"
    misses: int = 0
    heard: set[str] = field(default_factory=set)
    story: list[str] = field(default_factory=list)


class Bot:
    """One connection's work, one frame after the other."""

    def __init__(self, book: Book, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.book = book
        self.me = ""
        self.talks: dict[str, Talk] = {}
        self._socket = socket
        self._frames: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._asked: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)

    async def run(self) -> None:
        """Until the connection ends."""
        async with asyncio.TaskGroup() as group:
            worker = group.create_task(self._work())
            async for message in self._socket:
                frame = message.json()
                if frame["type"] == "result":
                    self._asked.pop(frame["id"]).set_result(frame)
                else:
                    self._frames.put_nowait(frame)
            worker.cancel()

    async def ask(self, type: str, **fields: Any) -> bool:
        """Whether it was carried out. A ``key`` makes it one write, also over a reconnect."""
        id = f"b{next(self._numbers)}"
        self._asked[id] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"type": type, "id": id, **fields})
        return bool((await self._asked[id])["ok"])

    async def _work(self) -> None:
        while True:
            frame = await self._frames.get()
            if frame["type"] == "welcome":
                self.me = frame["agent"]["agent"]["id"]
            elif frame["type"] == "ready":
                await self.ask("presence", declared="online")
            elif frame["type"] == "conversation" and frame["conversation"].get("agent") == self.me:
                await self._begin(frame["conversation"]["id"], frame["conversation"]["floor"], frame["context"])
            elif frame["type"] == "event":
                await self._event(frame["event"])

    async def _event(self, event: dict[str, Any]) -> None:
        id = event.get("conversation") or ""
        if event["type"] == "conversation.assigned" and event["agent"] == self.me:
            await self._begin(id, event["floor"], event["context"])
        elif event["type"] in ("conversation.unassigned", "conversation.assigned"):
            self.talks.pop(id, None)  # somebody else has it now: not a word more
        elif event["type"] == "message.received" and id in self.talks:
            await self._hear(id, [event["message"]])

    async def _begin(self, id: str, floor: int, context: dict[str, Any]) -> None:
        self.talks[id] = Talk(floor, (context["contact"].get("language") or "en")[:2])
        said = [one for one in context["messages"] if one["conversation"] == id and one["direction"] != "note"]
        inbound = itertools.takewhile(lambda one: one["direction"] == "inbound", reversed(said))
        if new := [*inbound][::-1]:
            await self._hear(id, new)

    async def _hear(self, id: str, messages: list[dict[str, Any]]) -> None:
        talk, last = self.talks[id], messages[-1]["id"]
        if last in talk.heard:
            return
        talk.heard.add(last)
        parts = [part for one in messages for part in one["parts"]]
        text = " ".join(part.get("value") or part.get("text") or "" for part in parts).strip()
        shown = " ".join(part.get("label") or part.get("text") or "" for part in parts).strip()
        talk.language = language_of(shown, talk.language)
        talk.story.append(f"- {shown[:300] or parts[0]['kind']}")
        await self._answer(id, talk, last, text)

    async def _answer(self, id: str, talk: Talk, message: str, text: str) -> None:
        found, words = self.book.matches(text), self.book.texts.get(talk.language, self.book.texts["en"])
        talk.misses = talk.misses + 1 if len(found) != 1 else 0
        skill = found[0].get("skill") if len(found) == 1 else None
        if self.book.wants_person(text) or skill or talk.misses >= self.book.misses:
            await self._hand_over(id, talk, message, skill, words)
        elif len(found) == 1:
            talk.story.append(f"  -> {found[0][talk.language]['title']}")
            await self._say(id, talk, message, {"kind": "text", "text": found[0][talk.language]["answer"]})
        else:
            await self._say(
                id, talk, message, self.book.choice(found or [*self.book.questions.values()], talk.language)
            )

    async def _say(self, id: str, talk: Talk, message: str, part: dict[str, Any]) -> None:
        if not await self.ask("reply", conversation=id, floor=talk.floor, key=f"to-{message}", parts=[part]):
            self.talks.pop(id, None)

    async def _hand_over(self, id: str, talk: Talk, message: str, skill: str | None, words: dict[str, str]) -> None:
        await self._say(id, talk, message, {"kind": "text", "text": words["handing"]})
        summary = "\n".join([words["summary"], *talk.story[-20:]])
        how = {"queue": self.book.queue, "summary": summary, "skills": [{"skill": skill}] if skill else []}
        await self.ask("handoff", conversation=id, floor=talk.floor, key=f"over-{message}", **how)
        self.talks.pop(id, None)


async def main(book: Book, url: str, token: str) -> None:
    """Connects again and again, until the token is refused."""
    async with aiohttp.ClientSession() as http:
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with http.ws_connect(f"{url}/v1/agent", heartbeat=20) as socket:
                    await socket.send_json({"type": "hello", "token": token})
                    await Bot(book, socket).run()
                    if (why := FOR_GOOD.get(socket.close_code or 0)) is not None:
                        sys.exit(why)
            await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(main(Book(Path(sys.argv[1])), os.environ["MADOGUCHI_URL"], os.environ["MADOGUCHI_TOKEN"]))

"""Mails as they are written in the field, with what must be read out of them. All made for this project."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import pytest

from connectors.email.inbound import Envelope
from connectors.email.outbound import words
from tests.connectors.email.ledger import text_of
from tests.connectors.email.mails import entity, mail, message, multipart, read

JIS = "iso2022_jp"
KANA = b"\x1b(I1232\x1b(B"
CIRCLED = b'\x1b$B-!-"-#\x1b(B'  # NEC row 13
MICHI = b"\x1b$B|b\x1b(B"  # 髙 of IBM's extensions
NAMES_UTF8 = "%E8%A6%8B%E7%A9%8D%E6%9B%B8.pdf"
PDF = "Content-Type: application/pdf\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment"
ALT = (
    entity("Content-Type: text/plain; charset=utf-8", "平文です"),
    entity("Content-Type: text/html; charset=utf-8", "<p>HTML<b>です</b></p>"),
)


class Case(NamedTuple):
    name: str
    raw: bytes
    text: str | None = None
    subject: str | None = None
    sender: str | None = None
    shown: str | None = None
    """The sender's name."""
    quoted: str | None = None
    files: tuple[str | None, ...] = ()
    flags: frozenset[str] = frozenset()


def plain(name: str, body: bytes, label: str, text: str, **more: Any) -> Case:
    return Case(name, mail(body, content_type=f"text/plain; charset={label}"), text, **more)


def subject(name: str, value: bytes | str, expected: str, **more: Any) -> Case:
    return Case(name, mail(subject=value), subject=expected, **more)


def named(name: str, headers: str, expected: str | None) -> Case:
    return Case(
        name,
        multipart("mixed", entity("Content-Type: text/plain", "see"), entity(headers, "aGVsbG8=")),
        "see",
        files=(expected,),
    )


CASES = [
    # -- Japanese bodies ---------------------------------------------------------------------------------------------
    plain("jis", "日本語のメール".encode(JIS), "iso-2022-jp", "日本語のメール"),
    plain("jis upper case label", "本日は晴天".encode(JIS), "ISO-2022-JP", "本日は晴天"),
    plain("jis half-width kana", KANA, "iso-2022-jp", "ｱｲｳｲ"),
    plain("jis NEC circled digits", CIRCLED, "iso-2022-jp", "①②③"),
    plain("jis IBM extension", MICHI + "橋様".encode(JIS), "iso-2022-jp", "髙橋様"),
    plain("jis over two lines", "一行目\r\n二行目".encode(JIS), "iso-2022-jp", "一行目\n二行目"),
    plain("jis ms label", CIRCLED, "iso-2022-jp-ms", "①②③"),
    plain("cp50221", KANA + CIRCLED, "cp50221", "ｱｲｳｲ①②③"),
    plain("jis wave dash", "１０〜１２時".encode(JIS), "iso-2022-jp", "１０〜１２時"),
    plain("jis escape missing at the end", b"\x1b$B$\"$$", "iso-2022-jp", "あい"),
    plain("jis labelled as ascii", "文字".encode(JIS), "us-ascii", "文字"),
    plain("sjis", "こんにちは".encode("cp932"), "shift_jis", "こんにちは"),
    plain("sjis with cp932 characters", "①㈱髙".encode("cp932"), "Shift_JIS", "①㈱髙"),
    plain("x-sjis", "表示ソ能".encode("cp932"), "x-sjis", "表示ソ能"),
    plain("windows-31j", "纊褜".encode("cp932"), "Windows-31J", "纊褜"),
    plain("sjis half-width kana", "ﾊﾝｶｸ".encode("cp932"), "sjis", "ﾊﾝｶｸ"),
    plain("euc-jp", "漢字とかな".encode("euc_jp"), "euc-jp", "漢字とかな"),
    plain("x-euc-jp", "見積書".encode("euc_jp"), "x-euc-jp", "見積書"),
    plain("euc with NEC circled digits", b"\xad\xa1\xad\xa2" + "番".encode("euc_jp"), "euc-jp", "①②番"),
    plain("eucjp-ms", "株式会社".encode("euc_jp"), "eucjp-ms", "株式会社"),
    plain("utf-8 emoji", "了解です🙇‍♂️👍🏽".encode(), "utf-8", "了解です🙇‍♂️👍🏽"),
    plain("utf8mb4", "日本".encode(), "utf8mb4", "日本"),
    plain("utf-8 with a mark", b"\xef\xbb\xbf" + "始め".encode(), "utf-8", "始め"),
    plain("utf-8 labelled as sjis cannot be", "日本語テキスト".encode(), "iso-2022-jp", "日本語テキスト",
          flags=frozenset({"charset_guessed"})),
    plain("sjis labelled as utf-8", "日本語のテキスト".encode("cp932"), "utf-8", "日本語のテキスト",
          flags=frozenset({"charset_guessed"})),
    plain("euc labelled as ascii", "日本語のテキスト".encode("euc_jp"), "us-ascii", "日本語のテキスト",
          flags=frozenset({"charset_guessed"})),
    plain("unknown label", "日本".encode(), "unknown-8bit", "日本", flags=frozenset({"charset_guessed"})),
    plain("rot13 is no charset", b"uryyb", "rot13", "uryyb"),
    plain("punycode is no charset", b"abc-" * 50, "punycode", "abc-" * 50),
    plain("a charset of rubbish", "日本".encode(), '"\x01%$"', "日本", flags=frozenset({"charset_guessed"})),
    plain("one broken byte in utf-8", ("あ" * 40).encode() + b"\xff", "utf-8", "あ" * 40 + "\ufffd",
          flags=frozenset({"charset_guessed"})),
    Case("base64 sjis", mail("お世話になっております".encode("cp932"), encoding="base64",
                             content_type="text/plain; charset=shift_jis"), "お世話になっております"),
    Case("quoted-printable", mail(b"=E6=97=A5=\r\n=E6=9C=AC soft", encoding="quoted-printable"), "日本 soft"),
    Case("base64 spoiled", mail(b"5pel5pys6Kqe!!*\r\n", encoding="8bit").replace(b"8bit", b"base64"), "日本語"),
    Case("flowed", mail("一つの 段落が \n続きます\n次", content_type="text/plain; charset=utf-8; format=flowed"),
         "一つの 段落が 続きます\n次"),
    Case("flowed delsp", mail("長い日本 \n語の文で \nす",
                              content_type="text/plain; charset=utf-8; format=flowed; delsp=yes"),
         "長い日本語の文です"),
    Case("flowed stuffed", mail(" > not a quote\n >stuffed", content_type="text/plain; format=flowed"),
         "> not a quote\n>stuffed"),
    # -- other languages ---------------------------------------------------------------------------------------------
    plain("korean", "안녕하세요".encode("cp949"), "ks_c_5601-1987", "안녕하세요"),
    plain("simplified chinese", "你好，世界".encode("gb18030"), "gb2312", "你好，世界"),
    plain("traditional chinese", "您好".encode("big5"), "big5", "您好"),
    plain("windows quotes in latin-1", "It’s €5".encode("cp1252"), "iso-8859-1", "It’s €5"),
    plain("russian", "Здравствуйте".encode("koi8-r"), "koi8-r", "Здравствуйте"),
    Case("utf-16", mail("日本".encode("utf-16-be"), encoding="base64", content_type="text/plain; charset=utf-16be"),
         "日本"),
    # -- headers -----------------------------------------------------------------------------------------------------
    subject("encoded words", "=?UTF-8?B?5pel5pys?= =?UTF-8?B?6Kqe?=", "日本語"),
    subject("character split over two words", "=?UTF-8?B?5pel5pw=?=\r\n =?UTF-8?B?rOiqng==?=", "日本語"),
    subject("jis word", "=?ISO-2022-JP?B?GyRCRnxLXDhsGyhC?=", "日本語"),
    subject("jis word with circled digit", "=?ISO-2022-JP?B?GyRCLSEbKEI=?=", "①"),
    subject("jis word with kana", "=?iso-2022-jp?B?GyhJMTIzGyhC?=", "ｱｲｳ"),
    subject("sjis word in Q", "=?Shift_JIS?Q?=8A=94=8E=AE=89=EF=8E=D0?=", "株式会社"),
    subject("word and text", "Re: =?utf-8?q?=E4=BB=B6=E5=90=8D?= (2)", "Re: 件名 (2)"),
    subject("underscores are spaces", "=?utf-8?Q?a_b=5Fc?=", "a b_c"),
    subject("raw utf-8", "生の件名".encode(), "生の件名"),
    subject("raw sjis", "表題です".encode("cp932"), "表題です", flags=frozenset({"charset_guessed"})),
    subject("raw jis", "件名です".encode(JIS), "件名です"),
    subject("word with language", "=?UTF-8*ja?B?5pel5pys?=", "日本"),
    subject("broken word stays", "=?UTF-8?B?5pel", "=?UTF-8?B?5pel"),
    subject("line breaks hidden in a word", "=?utf-8?Q?a=0D=0ABcc:_x?=", "a Bcc: x"),
    subject("folded with a tab", "one\r\n\ttwo", "one two"),
    Case("jis name", mail(sender="=?ISO-2022-JP?B?GyRCOzNFRBsoQg==?= <Yamada@Example.COM>"),
         sender="yamada@example.com", shown="山田"),
    Case("quoted name with comma", mail(sender='"Yamada, Taro" <t@example.com>'), sender="t@example.com",
         shown="Yamada, Taro"),
    Case("quoted encoded name", mail(sender='"=?UTF-8?B?5bGx55Sw?=" <t@example.com>'), sender="t@example.com",
         shown="山田"),
    Case("comment as name", mail(sender="t@example.com (Taro)"), sender="t@example.com", shown="Taro"),
    Case("an address as name", mail(sender='"boss@bank.example" <evil@example.net>'), sender="evil@example.net",
         shown="boss@bank.example"),
    Case("carrier address", mail(sender="taro..x.@docomo.ne.jp"), sender="taro..x.@docomo.ne.jp"),
    Case("carrier address quoted", mail(sender='<"taro..x."@docomo.ne.jp>'), sender="taro..x.@docomo.ne.jp"),
    Case("idn domain", mail(sender="a@日本語.jp"), sender="a@xn--wgv71a119e.jp"),
    Case("two senders", mail(sender="a@example.com, b@example.com"), sender="a@example.com",
         flags=frozenset({"several_senders"})),
    # -- parts and files ---------------------------------------------------------------------------------------------
    Case("alternative", multipart("alternative", *ALT), "平文です"),
    Case("html only", mail("<html><style>x{}</style><p>一行目<br>二行目</p><p>次&amp;次</p>",
                           content_type="text/html; charset=utf-8"), "一行目\n二行目\n\n次&次"),
    Case("html in jis", mail("<p>漢字</p>".encode(JIS), content_type="text/html; charset=iso-2022-jp"), "漢字"),
    Case("html list and link", mail('<ul><li>一</li><li><a href="https://a.example/x">二</a></li></ul>',
                                    content_type="text/html; charset=utf-8"), "- 一\n- 二 <https://a.example/x>"),
    Case("html with gmail's quote",
         mail('<div>返事</div><div class="gmail_quote"><div>2026年…</div><blockquote>前の話</blockquote></div>',
              content_type="text/html; charset=utf-8"), "返事", quoted="2026年…\n前の話"),
    Case("html of nothing but a quote", mail('<blockquote type="cite">全部</blockquote>',
                                             content_type="text/html; charset=utf-8"), "全部"),
    Case("inline image", multipart("related", ALT[1], entity(
        "Content-Type: image/png\nContent-ID: <i1>\nContent-Disposition: inline; filename=a.png", "x")),
        "HTMLです", files=("a.png",)),
    Case("text, file, text", multipart("mixed", entity("Content-Type: text/plain", "one"),
                                       entity(f"{PDF}; filename=a.pdf", "aGVsbG8="),
                                       entity("Content-Type: text/plain", "two")), "one\n\ntwo", files=("a.pdf",)),
    Case("text file is a file", multipart("mixed", entity("Content-Type: text/plain", "see"),
                                          entity("Content-Type: text/plain; name=log.txt", "log")),
         "see", files=("log.txt",)),
    Case("mail in a mail", multipart("mixed", entity("Content-Type: text/plain", "fwd"),
                                     entity("Content-Type: message/rfc822", "Subject: inner\n\nsecret")),
         "fwd", files=("message.eml",)),
    Case("calendar", multipart("alternative", *ALT, entity("Content-Type: text/calendar; method=REQUEST", "BEGIN")),
         "平文です", files=("invite.ics",)),
    Case("empty plain beside html", multipart("alternative", entity("Content-Type: text/plain", " \n"), ALT[1]),
         "HTMLです"),
    named("rfc 2231 name", f"{PDF}; filename*=UTF-8''{NAMES_UTF8}", "見積書.pdf"),
    named("rfc 2231 name in pieces", f"{PDF};\n filename*0*=UTF-8''%E8%A6%8B%E7%A9%8D;\n filename*1*=%E6%9B%B8;\n"
          " filename*2=.pdf", "見積書.pdf"),
    named("rfc 2231 jis in pieces", f"{PDF};\n filename*0*=ISO-2022-JP''%1B$BF|K\\%1B(B;\n filename*1=.pdf",
          "日本.pdf"),
    named("rfc 2047 name in quotes", f'{PDF}; filename="=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=.pdf"', "日本.pdf"),
    named("both forms of a name", f"{PDF}; filename=\"x.pdf\"; filename*=UTF-8''{NAMES_UTF8}", "見積書.pdf"),
    named("raw utf-8 name", f'{PDF}; filename="見積書.pdf"', "見積書.pdf"),
    named("name with spaces unquoted", f"{PDF}; filename=my file.pdf", "my file.pdf"),
    named("path", f'{PDF}; filename="../../etc/passwd"', "passwd"),
    named("windows path", f'{PDF}; filename="C:\\\\temp\\\\a.pdf"', "a.pdf"),
    named("turned around", f"{PDF}; filename*=UTF-8''a%E2%80%AEfdp.exe", "afdp.exe"),
    named("reserved", f"{PDF}; filename=CON.pdf", "_CON.pdf"),
    named("dots only", f'{PDF}; filename="..."', None),
    named("very long", f"{PDF}; filename={'あ' * 200}.pdf", "あ" * 83 + ".pdf"),
    # -- malformed ---------------------------------------------------------------------------------------------------
    Case("nothing at all", b""),
    Case("no headers", b"\r\njust words", "just words"),
    Case("no body", b"From: a@example.com\r\nSubject: x", "", "x"),
    Case("bare line feeds", b"From: a@example.com\nSubject: x\n\nbody\nline\n", "body\nline", "x"),
    Case("boundary never closed", multipart("mixed", entity("Content-Type: text/plain", "in")).replace(
        b"--b1--", b""), "in"),
    Case("boundary never comes", mail("words", content_type="multipart/mixed; boundary=zz"), "words"),
    Case("boundary missing", mail("words", content_type="multipart/mixed"), "words"),
    Case("message id cut", mail(message_id="<a@[b"), "こんにちは"),
    Case("no colon lines", b"garbage line\r\nFrom: a@example.com\r\n\r\nx", "x", sender="a@example.com"),
    Case("surrogates", mail(b"\xed\xa0\x80"), flags=frozenset({"charset_guessed"})),
    Case("nul bytes", mail(b"a\x00b", subject=b"x\x00y"), "ab", "xy"),
    Case("content type of rubbish", mail("words", content_type=";;;=\"\\"), "words"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_reads(case: Case) -> None:
    found = message(case.raw)
    text = text_of(found)
    assert case.text is None or text.text == case.text
    assert case.subject is None or found.subject == case.subject
    assert case.sender is None or found.sender.address == case.sender
    assert case.shown is None or found.sender.profile.name == case.shown
    assert case.quoted is None or text.quoted == case.quoted
    assert tuple(part.attachment.name for part in found.parts[1:]) == case.files  # type: ignore[union-attr]
    assert set(found.flags) == case.flags
    msgspec.msgpack.encode(found)


def test_the_corpus_is_large_enough() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


def test_files_come_with_their_bytes_and_the_same_ids_each_time() -> None:
    raw = multipart("mixed", entity("Content-Type: text/plain", "x"), entity(f"{PDF}; filename=a.pdf", "aGVsbG8="))
    found = message(raw)
    attachment = found.parts[1].attachment  # type: ignore[union-attr]
    assert attachment.size == 5
    assert message(raw) == found
    assert read(raw).blobs == {attachment.id: b"hello"}


def test_a_date_in_the_future_or_of_garbage_is_the_time_of_receipt() -> None:
    envelope = Envelope(received_at=datetime(2026, 9, 14, 1, 0, 5, tzinfo=UTC))
    late = mail().replace(b"10:00:00 +0900", b"23:00:00 +0900")
    assert message(late, envelope).sent_at == envelope.received_at
    for date in (b"yesterday", b"Mon, 99 Sep 2026 10:00:00 +9999", b"", b"\xff\xfe"):
        assert (
            message(mail().replace(b"Mon, 14 Sep 2026 10:00:00 +0900", date), envelope).sent_at == envelope.received_at
        )
    jst = message(mail().replace(b"+0900", b"JST"), envelope).sent_at
    assert jst is not None
    assert jst.isoformat() == "2026-09-14T01:00:00+00:00"


def test_our_own_encoded_words_are_read_back() -> None:
    text = "とても長い件名です、" * 20 + "🙇‍♂️"
    assert message(mail(subject=words(text))).subject == text

"""What is said on the telephone when the settings say nothing else, and how a language is named to Twilio."""

from __future__ import annotations

from typing import Final

from connectors.twilio.voice.settings import VoiceSettings

BUILT_IN: Final[dict[str, dict[str, str]]] = {
    "greeting": {
        "ja": "お電話ありがとうございます。",
        "en": "Thank you for calling.",
    },
    "waiting": {
        "ja": "担当者におつなぎいたします。そのままお待ちください。折り返しをご希望の方は1を、"
        "メッセージで続けられる方は2を、伝言を残される方は3を押してください。",
        "en": "Please hold the line for the next person. To be called back press 1, to go on by message press 2, "
        "to leave a message press 3.",
    },
    "waiting_without_sms": {
        "ja": "担当者におつなぎいたします。そのままお待ちください。折り返しをご希望の方は1を、"
        "伝言を残される方は3を押してください。",
        "en": "Please hold the line for the next person. To be called back press 1, to leave a message press 3.",
    },
    "elsewhere": {
        "ja": "メッセージで続けるためのリンクを、ショートメッセージでお送りいたします。",
        "en": "We are sending you an SMS with links to go on by message.",
    },
    "invitation": {
        "ja": "こちらから続けられます。",
        "en": "Go on here:",
    },
    "connecting": {
        "ja": "おつなぎいたします。",
        "en": "We are putting you through.",
    },
    "busy": {
        "ja": "申し訳ございません。別の担当者におつなぎいたします。",
        "en": "We are sorry. We will try somebody else.",
    },
    "voicemail": {
        "ja": "発信音の後に、お名前とご用件をお話しください。終わりましたらシャープを押してください。",
        "en": "Please leave your name and your message after the tone, and press the hash key when you have finished.",
    },
    "goodbye": {
        "ja": "ありがとうございました。失礼いたします。",
        "en": "Thank you. Goodbye.",
    },
    "noted": {
        "ja": "承りました。",
        "en": "Thank you.",
    },
    "called_back": {
        "ja": "お待たせいたしました。先ほどはお電話ありがとうございました。",
        "en": "Thank you for waiting. You had called us.",
    },
}
LOCALES: Final = {
    "ja": "ja-JP", "en": "en-US", "de": "de-DE", "es": "es-ES", "fr": "fr-FR", "it": "it-IT", "ko": "ko-KR",
    "pt": "pt-BR", "zh": "cmn-CN",
}  # fmt: skip


def words(settings: VoiceSettings, name: str, language: str) -> str:
    """The text in that language, or in the one that the settings name, or in any."""
    known = {**BUILT_IN[name], **settings.texts.get(name, {})}
    return spoken(known, language, settings.language)


def spoken(known: dict[str, str], *languages: str) -> str:
    """The first that is there, exactly or by its main part; else any; nothing when there is none."""
    for language in languages:
        for tag in (language, language.partition("-")[0]):
            if tag in known:
                return known[tag]
    return next(iter(known.values()), "")


def locale(language: str) -> str:
    """How Twilio wants a language to be named: with its country."""
    return language if "-" in language else LOCALES.get(language, language)


def language_of(settings: VoiceSettings, number: str) -> str:
    """What is spoken with a caller."""
    begins = [each for each in settings.languages if number.startswith(each)]
    return settings.languages[max(begins, key=len)] if begins else settings.language

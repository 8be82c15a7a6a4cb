"""What customers are told when the policy says nothing else: by name, then by language. And their plain answers.

``{position}`` and ``{minutes}`` are numbers, ``{queue}`` is the queue's title. A line with a placeholder that has no
value is left out.
"""

from __future__ import annotations

from typing import Final

CALLBACK: Final = "callback"
"""What comes back when the customer picks to be called back."""

BUILT_IN: Final[dict[str, dict[str, str]]] = {
    "position": {
        "en": "Thank you for waiting.\nYou are number {position} in line.\nThe wait is about {minutes} min.",
        "ja": "お待たせしております。順番にご案内しておりますので、今しばらくお待ちください。\n"
        "現在の順番は{position}番目です。\n待ち時間の目安は約{minutes}分です。",
    },
    "moved": {
        "en": "Your enquiry has been passed on.\nIt is now with: {queue}\nYou are number {position} in line there.\n"
        "The wait is about {minutes} min.",
        "ja": "お問い合わせの担当窓口が変わりました。\n新しい窓口は「{queue}」です。\n"
        "新しい窓口での順番は{position}番目です。\n待ち時間の目安は約{minutes}分です。",
    },
    "closed": {
        "en": "Thank you for your message. We are closed at the moment.\n"
        "We have received it, and will reply as soon as we are open again.",
        "ja": "お問い合わせいただき、ありがとうございます。ただいま営業時間外です。\n"
        "お問い合わせは承りました。営業再開後、担当者より順次ご返信いたします。",
    },
    "full": {
        "en": "Thank you for your message. A great many people are writing to us just now.\n"
        "We have received it, and will reply as soon as we can.",
        "ja": "お問い合わせいただき、ありがとうございます。ただいまお問い合わせが大変混み合っております。\n"
        "ご返信までお時間をいただいており、誠に申し訳ございません。順次ご対応いたしますので、今しばらくお待ちください。",
    },
    "late": {
        "en": "We are sorry to keep you waiting. Our answer is taking longer than it should.\n"
        "You have not been forgotten: we will reply as soon as we can.",
        "ja": "お待たせしており、誠に申し訳ございません。ご返信に通常よりお時間をいただいております。\n"
        "確認でき次第、担当者よりご返信いたしますので、今しばらくお待ちください。",
    },
    "alternative": {
        "en": "The wait is long at the moment.\nIt is about {minutes} min.\n"
        'If you would rather not wait, reply "callback" and we will contact you when it is your turn. '
        "You keep your place in line.",
        "ja": "ただいま大変混み合っており、ご案内までお時間をいただいております。\n"
        "待ち時間の目安は約{minutes}分です。\n"
        "順番が参りましたら、こちらからご連絡することもできます。ご希望の場合は「折り返し」とご返信ください。"
        "順番はそのまま保持いたします。",
    },
    "callback": {
        "en": 'Would you like us to contact you when it is your turn? Then reply "callback". '
        "You keep your place in line.",
        "ja": "お待ちいただく代わりに、順番が参りましたらこちらからご連絡することもできます。"
        "ご希望の場合は「折り返し」とご返信ください。順番はそのまま保持いたします。",
    },
    "callback_noted": {
        "en": "Thank you. We will contact you when it is your turn; you do not have to wait here.",
        "ja": "かしこまりました。順番が参りましたら、こちらからご連絡いたします。"
        "このままお待ちいただく必要はございません。",
    },
    "voicemail": {
        "en": "We are sorry that nobody can take your call at the moment.\n"
        "Please leave your name, your number and a message. We will get back to you.",
        "ja": "誠に申し訳ございませんが、ただいま電話に出ることができません。\n"
        "お名前、お電話番号、ご用件をお残しください。確認のうえ、担当者よりご連絡いたします。",
    },
    "mail": {
        "en": "We cannot reply at once at the moment.\n"
        "Please tell us here what it is about. We will read it and reply; you do not have to wait.",
        "ja": "誠に申し訳ございませんが、ただいますぐにご返信することができません。\n"
        "ご用件をこちらにお送りください。内容を確認のうえ、担当者よりご返信いたします。"
        "このままお待ちいただく必要はございません。",
    },
}

CALLBACK_LABEL: Final = {"en": "Contact me later", "ja": "折り返しを希望する"}
"""What the customer presses, where the channel has buttons."""

CALLBACK_WORDS: Final = frozenset(
    {
        CALLBACK,
        "call back",
        "call me back",
        "call me",
        "contact me",
        "contact me later",
        "please call back",
        "please call me back",
        "please call me",
        "折り返し",
        "折返し",
        "折り返し希望",
        "折り返しを希望",
        "折り返し希望します",
        "折り返しを希望します",
        "折り返しを希望する",
        "折り返しお願いします",
        "折り返しをお願いします",
        "折り返しお願いいたします",
        "折り返しをお願いいたします",
        "折り返し連絡ください",
        "折り返しください",
        "折り返し電話",
        "電話してください",
        "電話をください",
        "連絡してください",
        "連絡ください",
        "連絡をください",
    }
)
"""Answers that take the offer, compared after NFKC and case folding, without punctuation around them."""

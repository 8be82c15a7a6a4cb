"""Words that customers send alone and that belong to one language: too short for statistics, plain to everybody."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_WORDS: Final = {
    "en": "hello hey thanks thank refund please help yes order invoice cancel cancelled morning afternoon the my is it"
    " where when what how you your not doesn't can't won't haven't hasn't i'm don't with address delivery shipping"
    " reset subscription",
    "de": "hallo danke bitte rechnung rückerstattung bestellung guten tag moin lieferung hilfe nein ja ich nicht"
    " passwort vergessen stornieren stornierung erstattung kündigung kündigen paket tschüss",
    "fr": "bonjour bonsoir merci salut facture remboursement commande livraison colis oui aide s'il svp annuler"
    " annulation où je mon ma est pas",
    "es": "hola gracias buenos buenas factura reembolso pedido ayuda devolución envío quiero sí adiós cancelar mi"
    " está dónde por favor",
    "pt": "olá obrigado obrigada oi bom boa reembolso pedido ajuda não sim fatura entrega cancelar meu minha onde",
    "it": "ciao grazie buongiorno buonasera fattura rimborso ordine aiuto spedizione annullare mio dove è",
    "nl": "hallo bedankt dank goedemorgen goedemiddag factuur bestelling terugbetaling hulp ja nee annuleren wachtwoord"
    " mijn waar",
    "sv": "hej tack faktura beställning återbetalning hjälp ja nej avbeställa god morgon var är min",
    "pl": "dziękuję cześć dzień dobry faktura zwrot zamówienie pomoc tak nie proszę",
    "tr": "merhaba teşekkürler teşekkür fatura sipariş siparişim iade yardım evet hayır lütfen iptal selam",
    "id": "halo terima kasih selamat pagi siang pesanan pengembalian tolong bantu batalkan apa kapan saya barang lupa",
    "ru": "спасибо привет здравствуйте пожалуйста заказ возврат да нет помощь",
    "uk": "дякую привіт вітаю замовлення повернення так ні допоможіть",
    "ar": "شكرا مرحبا السلام عليكم طلبي استرداد نعم من فضلك",
    "fa": "سلام ممنون متشکرم سفارش لطفا بله",
    "hi": "धन्यवाद नमस्ते कृपया ऑर्डर हाँ",
    "vi": "chào cảm ơn hóa đơn hoàn tiền đơn hàng giúp vâng không xin",
}
OWNERS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        word: frozenset(language for language, words in _WORDS.items() if word in words.split())
        for word in " ".join(_WORDS.values()).split()
    }
)
"""The languages of each word: some have two."""


def languages_of(words: list[str]) -> dict[str, int]:
    """How many of the words each language has."""
    found: dict[str, int] = {}
    for word in words:
        for language in OWNERS.get(word, ()):
            found[language] = found.get(language, 0) + 1
    return found

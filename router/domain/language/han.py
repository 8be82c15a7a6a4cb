"""Japanese or Chinese, of a text in Chinese characters alone or nearly so.

Which country uses a character is read off the character sets of the three: the first level of JIS X 0208 (what Japan
writes every day), GB 2312 (mainland China's simplified characters) and Big5 (Taiwan's traditional ones). They come
with Python as codecs. So 領収書 is Japanese by 収, 发票 Chinese by 发, and 会議 Japanese since nobody else writes
会 beside 議. What they share (返金, 退款) is told by words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, Literal

import regex

Country = Literal["japan", "simplified", "traditional", "china", "not simplified", "not traditional", "any"]
_FIRST: Final = 0x4E00
_LAST: Final = 0x9FFF
_COUNTRIES: Final[Mapping[tuple[bool, bool, bool], Country]] = MappingProxyType(
    {
        (True, False, False): "japan",
        (False, True, False): "simplified",
        (False, False, True): "traditional",
        (False, True, True): "china",
        (True, False, True): "not simplified",
        (True, True, False): "not traditional",
    }
)
_JAPANESE_WORDS: Final = """
返金 返品 注文 解約 退会 予約 送料 在庫 住所 至急 了解 承知 再配達 配達 不良品 初期不良 不具合
故障中 定期便 定期購入 停止希望 希望 会員 料金 無料 有料 番号 名義 手続 申込 申請書 振込 口座
引落 支払 請求書 納品書 領収書 明細 見積 再発行 紛失 破損 未着 届先 届 荷物 問合 相談 質問 御社
弊社 貴社 株式会社 有限会社 担当者 連絡 返信 返事 電話番号 携帯 写真 画像 添付 大丈夫 日本語 変更
追跡 営業 受付 受取 受注 発送 出荷 入荷 取消 取寄 取扱 交換希望 確認中 確認済 確認願 感謝 宜敷
御願 何時 何日 何処 一昨日 今朝 今晩 昨日 迷惑 苦情 最悪 残念 使用方法 使方 説明書 取説 仮登録
本登録 会社 学校 病院 都道府県 丁目 番地 様 殿 円 税込 税抜 消費税 割引
"""
_CHINESE_WORDS: Final = """
退款 退货 退貨 换货 換貨 发票 發票 请问 請問 订单 訂單 你好 您好 你们 你們 谢谢 謝謝 多谢 多謝
多少 什么 什麼 甚麼 怎么 怎麼 怎样 怎樣 客服 快递 快遞 发货 發貨 出货 出貨 收货 收貨 收到 没有
沒有 没收 沒收 可以 可否 能否 是否 帮我 幫我 帮忙 幫忙 尺寸 质量 質量 人工 账号 帳號 帐号 账户
帳戶 密码 密碼 优惠 優惠 包邮 包郵 运费 運費 查询 查詢 付款 手机 手機 支付 订购 訂購 到货 到貨
再见 再見 好的 不是 是的 我的 我要 我想 我们 我們 他们 他們 还没 還沒 为什么 為什麼 哪里 哪裡
哪裏 哪儿 这个 這個 那个 那個 现在 現在 今天 明天 昨天 时候 時候 联系 聯繫 聯絡 价格 價格 便宜
购买 購買 商家 卖家 賣家 店家 物流 单号 單號 地址 修改 忘记 忘記 登录 登錄 登入 注册 註冊 失败
失敗 在吗 在嗎 请 請 吗 嗎 呢 吧 啊 了 的 我 你 您 很 谁 誰 这 這 还 還 给 給 把 被 让
讓 会不会 要不要 有没有 能不能
"""
_SHARED_AFTER_ALL: Final = frozenset({"了解", "終了", "完了", "目的", "我慢", "我々", "的確", "申請", "普請", "請求"})
"""Where a Chinese word is only a part of a Japanese one."""


class Kinds(dict[str, Country]):
    """Where a character is used, worked out when it is first asked for; as many as there are characters."""

    def __missing__(self, letter: str) -> Country:
        found: Country = "any"
        if _FIRST <= ord(letter) <= _LAST:
            sets = (_is_everyday_japanese(letter), _is_in(letter, "gb2312"), _is_in(letter, "big5"))
            found = _COUNTRIES.get(sets, "any")
        self[letter] = found
        return found


class Han:
    """Tells Japanese from Chinese."""

    def __init__(self) -> None:
        self._kinds = Kinds()
        self._japanese = _any_of(_JAPANESE_WORDS.split())
        self._chinese = _any_of(_CHINESE_WORDS.split())
        self._shared = _any_of(_SHARED_AFTER_ALL)

    def chinese(self, text: str) -> int:
        """How much speaks for Chinese. 0: nothing; 4 and more: it is."""
        kinds = Counter(map(self._kinds.__getitem__, text))
        marks = kinds["simplified"] + kinds["traditional"] + kinds["china"]
        return 2 * marks + 2 * len(self._chinese.findall(self._shared.sub(" ", text)))

    def japanese(self, text: str) -> int:
        """How much speaks for Japanese, its kana apart."""
        kinds = Counter(map(self._kinds.__getitem__, text))
        mixed = bool(kinds["not simplified"] and kinds["not traditional"])
        return 3 * kinds["japan"] + 3 * mixed + 2 * len(self._japanese.findall(text)) + 2 * text.count("々")

    def decide(self, text: str) -> Literal["ja", "zh"] | None:
        """None: it could be either."""
        japanese, chinese = self.japanese(text), self.chinese(text)
        if japanese == chinese:
            return None
        return "ja" if japanese > chinese else "zh"


def _any_of(words: Iterable[str]) -> regex.Pattern[str]:
    """The longest of them first, so that each letter counts once."""
    ordered = sorted(words, key=len, reverse=True)
    return regex.compile("|".join(map(regex.escape, ordered)))


def _is_everyday_japanese(letter: str) -> bool:
    try:
        first = letter.encode("euc_jp")[0]
    except UnicodeEncodeError:
        return False
    return 0xB0 <= first <= 0xCF  # rows 16 to 47; three-byte codes begin with 0x8F


def _is_in(letter: str, charset: str) -> bool:
    try:
        letter.encode(charset)
    except UnicodeEncodeError:
        return False
    return True

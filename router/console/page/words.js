// What the page says, in Japanese and English.
const WORDS = {
  token: ["トークン", "Token"], sign_in: ["はじめる", "Sign in"], sign_out: ["終了", "Sign out"], presence: ["状態", "Presence"],
  online: ["対応できます", "Available"], busy: ["取り込み中", "Busy"], away: ["離席中", "Away"], offline: ["受付を閉じる", "Offline"],
  mine: ["担当中", "Mine"], waiting: ["お待ちのお客様", "Waiting"], none_mine: ["担当中の会話はありません", "You have no conversations"],
  none_waiting: ["お待ちの方はいません", "Nobody is waiting"], nothing_open: ["会話を選んでください", "Choose a conversation"],
  offer: ["ご依頼", "Offer"], accept: ["引き受ける", "Accept"], decline: ["見送る", "Decline"], claim: ["引き受ける", "Take"],
  answer: ["返信", "Answer"], note: ["メモ", "Note"], send: ["送信", "Send"], resolve: ["解決", "Resolve"], reopen: ["再開", "Reopen"],
  transfer: ["引き継ぎ", "Transfer"], hand_over: ["別の窓口へ", "Other channel"], context: ["お客様", "Customer"], back: ["戻る", "Back"],
  identities: ["連絡先", "Identities"], earlier: ["ほかの会話", "Other conversations"], agents: ["これまでの担当", "Earlier agents"],
  tags: ["タグ", "Tags"], attributes: ["属性", "Attributes"], times: ["時間", "Times"], why: ["割り当ての理由", "Why this came to you"],
  waited: ["返事をお待ち", "Waits for an answer"], opened: ["はじまり", "Opened"], first_response: ["最初の返信", "First answer"],
  customer: ["お客様", "Customer"], typing: ["お客様が入力中…", "The customer is typing…"], via: ["返信先", "Goes by"],
  connecting: ["接続しています…", "Connecting…"], lost: ["接続が切れました。つなぎ直しています…", "Connection lost, connecting again…"],
  write_answer: ["返信を書く", "Write an answer"], write_note: ["同僚だけに見えるメモ", "A note only colleagues see"],
  queue: ["窓口", "Queue"], agent: ["担当者", "Agent"], to: ["引き継ぎ先", "To"], word: ["ひとこと", "A word for them"], cancel: ["やめる", "Cancel"], close: ["閉じる", "Close"],
  code_about: ["このコードをお客様に伝えてください。別の窓口で入力すると、同じ会話が続きます。", "Give this code to the customer. Typed on another channel, it continues this conversation."],
  until: ["まで有効", "good until"], verified: ["確認済み", "verified"], unreachable: ["届きません", "unreachable"],
  received: ["", ""], queued: ["送信待ち", "queued"], sending: ["送信中", "sending"], sent: ["送信済み", "sent"], delivered: ["届きました", "delivered"],
  read: ["既読", "read"], failed: ["送れませんでした", "not sent"], uncertain: ["送れたか不明", "may not have been sent"], edited: ["編集済み", "edited"],
  unsent: ["送信者が取り消しました", "taken back by the sender"], open: ["対応中", "open"], snoozed: ["保留", "snoozed"], resolved: ["解決済み", "resolved"], closed: ["終了", "closed"],
  image: ["画像", "Picture"], audio: ["音声", "Sound"], video: ["動画", "Video"], file: ["ファイル", "File"], location: ["場所", "Place"], sticker: ["スタンプ", "Sticker"],
  contact_card: ["連絡先カード", "Contact card"], call: ["電話", "Call"], template: ["テンプレート", "Template"], reaction: ["リアクション", "Reaction"], unsupported: ["表示できない内容", "Cannot be shown"],
  fetching: ["取り込み中", "being fetched"], could_not_fetch: ["取り込めませんでした", "could not be fetched"],
  previous_agent: ["前回も担当したため", "You had this customer before"], requested_agent: ["あなたが指名されたため", "You were asked for"],
  longest_idle: ["手が空いていた時間が最も長いため", "You had been idle the longest"], most_spare: ["最も余裕があるため", "You had the most room"], nobody_eligible: ["対応できる人がいません", "Nobody could take it"],
  considered: ["検討した人", "Who was considered"], eligible: ["候補", "eligible"], not_in_queue: ["窓口が違う", "not in the queue"], disabled: ["無効", "disabled"],
  no_capacity: ["余裕なし", "no room"], class_limit: ["種類の上限", "class limit"], declined: ["見送り", "declined"], disconnected: ["未接続", "not connected"],
  not_preferred: ["優先外", "not preferred"], excluded: ["対象外", "excluded"], rule: ["ルール", "Rule"], expired: ["時間切れになりました", "The offer has expired"],
  withdrawn: ["ほかの人に移りました", "It went to somebody else"], bad_token: ["このトークンは使えません", "This token is not good"], no_agent: ["担当者のトークンではありません", "This token is of no declared agent"],
  cannot_go: ["この方法では送れません", "Cannot be sent this way"], instead: ["代わりに", "Instead"], free: ["無料", "Free"], pieces: ["通に分割", "pieces"],
  as_text: ["文字に置き換え", "partly as text"], billed: ["有料", "billed"], window_ends: ["返信期限間近", "window ends soon"], in_trouble: ["障害中・待機", "channel in trouble, will wait"], quota_low: ["残りわずか", "quota nearly used up"],
  why_window_closed: ["返信できる期間が過ぎました", "The window for answers is over"], why_opted_out: ["お客様が受信を止めています", "The customer does not want messages here"],
  why_unsupported: ["この内容は扱えません", "The channel cannot carry this"], why_no_way: ["届ける方法がありません", "There is no way to this customer"],
  not_sent_yet: ["まだ送られていません", "not taken yet"], today: ["今日", "Today"],
  next_response: ["次の返信", "Next answer"], resolution: ["解決まで", "Resolution"], late: ["超過", "late"], at_risk: ["まもなく期限", "at risk"], paused: ["停止中", "paused"],
  promises: ["お約束", "Promises"], all_reasons: ["くわしく", "All reasons"], summary: ["引き継ぎの要約", "Summary of the handoff"],
  wrap_up: ["後処理", "Wrap-up"], finish_wrap_up: ["後処理を完了", "Finish wrap-up"], silent: ["お客様の返事待ち（枠は空いています）", "The customer is silent; it holds no room"],
  consult: ["相談", "Consult"], consulting: ["相談中", "Asking"], end_consult: ["相談を終える", "End the advice"],
  you_are_asked: ["さんから相談されています。答えは同僚だけに見えます。", "asks for your advice. Only colleagues see what you write."],
  take_over: ["引き取る", "Take over"], reason: ["理由", "Reason"], priority: ["優先", "Priority"], callbacks: ["折り返しのお約束", "Call-backs"],
  callback: ["折り返し希望", "Wants to be called back"], now_due: ["いま", "now"], bot: ["ボット", "bot"],
  preferred_agent: ["お客様の希望の担当のため", "The customer prefers you"], round_robin: ["順番のため", "It was your turn"], least_today: ["今日の担当数が最も少ないため", "You had the least work today"],
  most_proficient: ["最も詳しいため", "You know it best"], nearest_skilled: ["必要な知識に最も近いため", "Your skills fit most closely"], claimed: ["ご自分で引き受けました", "You took it yourself"],
  taken_over: ["引き取られたため", "It was taken over"], waits_for_agent: ["希望の担当を待っています", "Waits for a certain agent"], queue_closed: ["受付時間外です", "The queue is closed"],
  lacks_skill: ["知識が不足", "lacks a skill"], exclusive: ["専念中", "busy with one thing"], off_shift: ["勤務時間外", "off shift"], shift_ending: ["まもなく勤務終了", "shift ends soon"], message: ["件", "messages"], you: ["あなた", "you"],
};

let place = 0;

export function choose(language) {
  place = language === "ja" ? 0 : 1;
  document.documentElement.lang = place === 0 ? "ja" : "en";
}

export const language = () => (place === 0 ? "ja" : "en");

export function word(name) {
  const found = WORDS[name];
  return found ? found[place] : name;
}

export function sayAll(root = document) {
  for (const node of root.querySelectorAll("[data-word]")) node.textContent = word(node.dataset.word);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", word(node.dataset.label));
}

export function clock(text) {
  return new Intl.DateTimeFormat(language(), { hour: "2-digit", minute: "2-digit" }).format(new Date(text));
}

export function day(text) {
  const date = new Date(text);
  if (date.toDateString() === new Date().toDateString()) return word("today");
  return new Intl.DateTimeFormat(language(), { year: "numeric", month: "short", day: "numeric", weekday: "short" }).format(date);
}

// Time left, or (below 0) passed: m:ss within the hour, otherwise in hours or days.
export function span(seconds) {
  const whole = Math.abs(Math.trunc(seconds));
  if (whole < 3600) return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  const [amount, unit] = whole < 86400 ? [Math.floor(whole / 3600), "hour"] : [Math.floor(whole / 86400), "day"];
  return new Intl.NumberFormat(language(), { style: "unit", unit, unitDisplay: "short" }).format(amount);
}

export function ago(text) {
  const seconds = Math.max(0, (Date.now() - new Date(text)) / 1000);
  const [amount, unit] = seconds < 60 ? [Math.floor(seconds), "second"] : seconds < 3600 ? [Math.floor(seconds / 60), "minute"]
    : seconds < 86400 ? [Math.floor(seconds / 3600), "hour"] : [Math.floor(seconds / 86400), "day"];
  return new Intl.NumberFormat(language(), { style: "unit", unit, unitDisplay: "short" }).format(amount);
}

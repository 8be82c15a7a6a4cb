/* Madoguchi web chat. One script tag, no dependencies, nothing fetched from elsewhere:
 *   <script src="https://HOST/in/ACCOUNT/widget.js" async data-lang="ja"></script>
 * Optional: data-title, data-greeting, data-color="#274a78", data-side="left", data-open, data-user="JWT".
 * Text from people is only ever set as text. See connectors/webchat/README.md for the protocol. */
(() => {
"use strict";
const script = document.currentScript;
const here = script && new URL(script.src).pathname.match(/^(.*)\/in\/([^/]+)\/widget\.js$/);
if (!here || window.Madoguchi) return;
const options = script.dataset;
const origin = new URL(script.src).origin;
const base = origin + here[1];
const endpoint = `${base}/in/${here[2]}`;

// -- words -----------------------------------------------------------------------------------------------------------

const WORDS = {
  ja: {
    title: "お問い合わせ", open: "チャットを開く", close: "閉じる", send: "送信", attach: "ファイルを添付",
    placeholder: "メッセージを入力", greeting: "こんにちは。\nご用件をお聞かせください。", log: "会話",
    connecting: "接続しています…", ready: "メッセージをお待ちしています", offline: "オフラインです。つながり次第、送信します",
    waiting: "担当者におつなぎしています", with_agent: "担当者が対応しています", ended: "このご相談は終了しました",
    stopped: "現在チャットをご利用いただけません", signIn: "ページを再読み込みしてください",
    sending: "送信中…", uploading: "アップロード中…", sent: "送信済み", failed: "送信できませんでした",
    retry: "再試行", remove: "取り消す", today: "今日", yesterday: "昨日", you: "あなた", agent: "担当者",
    automatic: "自動応答", typing: "担当者が入力しています", edited: "編集済み", unsent: "メッセージは取り消されました",
    unsupported: "このメッセージは表示できません", pending: "準備中…", map: "地図で見る", unread: "件の未読",
    elsewhere: "別の方法で続ける", elsewhereHow: "続けたい連絡先に、\nこのコードを送ってください。\n今の会話をそのまま引き継ぎます。",
    copy: "コードをコピー", copied: "コピーしました", goOn: "{} で続ける", first: "先にメッセージをひとことお送りください", back: "会話に戻る", slow: "少し待ってからもう一度お試しください",
    too_long: "メッセージが長すぎます", too_large: "ファイルが大きすぎます（{} まで）", type: "この種類のファイルは送れません",
    drop: "ここにファイルをドロップ", photo: "画像", email: "メール", left: "あと {} バイト",
  },
  en: {
    title: "Chat with us", open: "Open chat", close: "Close", send: "Send", attach: "Attach a file",
    placeholder: "Write a message", greeting: "Hello.\nHow can we help?", log: "Conversation",
    connecting: "Connecting…", ready: "We are here to help", offline: "You are offline. We will send it once you are back",
    waiting: "Finding someone to help you", with_agent: "Someone is with you", ended: "This conversation has ended",
    stopped: "Chat is not available right now", signIn: "Please reload the page",
    sending: "Sending…", uploading: "Uploading…", sent: "Sent", failed: "Not sent",
    retry: "Try again", remove: "Discard", today: "Today", yesterday: "Yesterday", you: "You", agent: "Support",
    automatic: "Automatic reply", typing: "Support is typing", edited: "edited", unsent: "This message was taken back",
    unsupported: "This message cannot be shown here", pending: "Preparing…", map: "Show on a map", unread: "unread",
    elsewhere: "Continue elsewhere", elsewhereHow: "Send this code over the channel you prefer. The conversation goes on where it is now.",
    copy: "Copy code", copied: "Copied", goOn: "Continue in {}", first: "Please send a message first", back: "Back to the conversation", slow: "Please wait a moment and try again",
    too_long: "The message is too long", too_large: "The file is too large (up to {})", type: "This kind of file cannot be sent",
    drop: "Drop the file here", photo: "Image", email: "email", left: "{} bytes left",
  },
};
const lang = (options.lang || document.documentElement.lang || navigator.language || "ja").toLowerCase().startsWith("ja") ? "ja" : "en";
const w = WORDS[lang];
const say = (words, value) => words.replace("{}", value);

// -- memory: the browser's, or this page's where that is denied ------------------------------------------------------

const prefix = `madoguchi:${endpoint}:`;
const memory = new Map();
const store = {
  get(key) {
    try { const text = localStorage.getItem(prefix + key); if (text !== null) return JSON.parse(text); } catch { /* denied */ }
    return memory.get(key);
  },
  set(key, value) {
    memory.set(key, value);
    try { localStorage.setItem(prefix + key, JSON.stringify(value)); } catch { /* denied or full */ }
  },
  remove(key) {
    memory.delete(key);
    try { localStorage.removeItem(prefix + key); } catch { /* denied */ }
  },
  keys() {
    const found = new Set(memory.keys());
    try { for (const key of Object.keys(localStorage)) if (key.startsWith(prefix)) found.add(key.slice(prefix.length)); } catch { /* denied */ }
    return [...found];
  },
};
const random = (bytes) => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(bytes))))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

// -- page elements ---------------------------------------------------------------------------------------------------

const el = (tag, props = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null && child !== false));
  return node;
};
const icon = (path) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
};
const ICONS = {
  chat: "M4 5.5h16a1.5 1.5 0 0 1 1.5 1.5v9a1.5 1.5 0 0 1-1.5 1.5h-7.5L7.5 21v-3.5H4A1.5 1.5 0 0 1 2.5 16V7A1.5 1.5 0 0 1 4 5.5ZM7.5 10h9M7.5 13.3h5.5",
  close: "M6 6l12 12M18 6L6 18",
  send: "M12 19V5.5M6 11.5l6-6 6 6",
  clip: "M19.5 11.5l-7.6 7.6a4.6 4.6 0 0 1-6.5-6.5l8-8a3.1 3.1 0 0 1 4.4 4.4l-7.9 7.9a1.5 1.5 0 0 1-2.2-2.2l7.2-7.2",
  move: "M14 4.5h5.5V10M19.5 4.5l-8 8M17.5 14v4a1.5 1.5 0 0 1-1.5 1.5H6A1.5 1.5 0 0 1 4.5 18V8A1.5 1.5 0 0 1 6 6.5h4",
  file: "M13.5 3.5H7A1.5 1.5 0 0 0 5.5 5v14A1.5 1.5 0 0 0 7 20.5h10a1.5 1.5 0 0 0 1.5-1.5V8.5ZM13.5 3.5v5h5",
};

const CSS = `
:host{all:initial;--accent:#274a78;--on-accent:#fff;--bg:#fff;--soft:#f2f4f7;--line:#e3e7ed;--ink:#1c232d;--dim:#5d6877;--bad:#b3261e;
  --focus:#2f76d2;--shadow:0 12px 40px rgba(20,30,50,.18),0 2px 8px rgba(20,30,50,.08);
  position:fixed;z-index:2147483000;inset:auto;color-scheme:light dark}
@media (prefers-color-scheme:dark){:host{--bg:#171b21;--soft:#252b34;--line:#323a46;--ink:#eceff3;--dim:#a3aebc;--bad:#ff8a80;--focus:#8ab8f5;
  --shadow:0 12px 40px rgba(0,0,0,.5)}}
*{box-sizing:border-box;margin:0}
[hidden]{display:none!important}
.root{font:15px/1.7 system-ui,-apple-system,"Hiragino Sans","Hiragino Kaku Gothic ProN","Noto Sans JP","Noto Sans CJK JP","Yu Gothic UI",Meiryo,sans-serif;
  color:var(--ink);line-break:strict;overflow-wrap:anywhere;text-autospace:normal;text-size-adjust:100%;-webkit-text-size-adjust:100%}
.root:lang(en){line-height:1.5}
button,textarea{font:inherit;color:inherit;letter-spacing:inherit}
button{border:0;background:none;padding:0;cursor:pointer;-webkit-tap-highlight-color:transparent}
button:disabled{cursor:default}
:focus-visible{outline:2px solid var(--focus);outline-offset:2px}
svg{width:24px;height:24px;fill:none;stroke:currentColor;stroke-width:1.7;stroke-linecap:round;stroke-linejoin:round;display:block}
.launcher{position:fixed;right:max(20px,env(safe-area-inset-right));bottom:max(20px,env(safe-area-inset-bottom));width:58px;height:58px;border-radius:50%;
  background:var(--accent);color:var(--on-accent);display:grid;place-items:center;box-shadow:var(--shadow);transition:transform .18s,opacity .18s}
.launcher:hover{transform:translateY(-2px)}
.launcher svg{width:27px;height:27px}
.left .launcher{right:auto;left:max(20px,env(safe-area-inset-left))}
.badge{position:absolute;top:-3px;right:-3px;min-width:22px;height:22px;padding:0 6px;border-radius:11px;background:#c62f26;color:#fff;font-size:12px;line-height:22px;
  font-weight:600;text-align:center;font-variant-numeric:tabular-nums}
.panel{position:fixed;right:20px;bottom:92px;width:384px;height:min(640px,calc(100dvh - 116px));background:var(--bg);border-radius:18px;box-shadow:var(--shadow);
  display:flex;flex-direction:column;overflow:hidden;animation:rise .2s cubic-bezier(.2,.7,.3,1)}
.left .panel{right:auto;left:20px}
@keyframes rise{from{opacity:0;transform:translateY(12px)}}
header{display:flex;align-items:center;gap:4px;padding:14px 10px 14px 20px;background:var(--accent);color:var(--on-accent);flex:none}
header div{flex:1;min-width:0}
h2{font-size:16px;font-weight:600;line-height:1.4;letter-spacing:.02em;font-feature-settings:"palt"}
.status{font-size:12px;line-height:1.5;opacity:.88;min-height:18px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.tool{width:44px;height:44px;border-radius:12px;display:grid;place-items:center;flex:none}
.tool svg{width:22px;height:22px}
header .tool:hover{background:rgba(255,255,255,.14)}
header :focus-visible{outline-color:currentColor;outline-offset:-3px}
.log{flex:1;min-height:0;overflow-y:auto;overscroll-behavior:contain;padding:16px;display:flex;flex-direction:column;scrollbar-width:thin}
.hello{color:var(--dim);text-align:center;white-space:pre-line;margin:auto;padding:12px;text-wrap:balance;word-break:auto-phrase}
.day{align-self:center;font-size:11.5px;color:var(--dim);padding:14px 0 6px;font-variant-numeric:tabular-nums}
.said{display:flex;flex-direction:column;align-items:flex-start;max-width:84%;margin-top:10px;align-self:flex-start}
.said.mine{align-items:flex-end;align-self:flex-end}
.said.more{margin-top:3px}
.said.more .who{display:none}
.who{font-size:12px;color:var(--dim);padding:0 4px 2px}
.bubble{background:var(--soft);border-radius:6px 18px 18px 18px;padding:9px 14px;white-space:pre-wrap;unicode-bidi:plaintext;max-width:100%}
.more .bubble{border-radius:18px}
.mine .bubble{background:var(--accent);color:var(--on-accent);border-radius:18px 18px 6px 18px}
.bubble+.bubble,.bubble+.media,.media+.bubble,.media+.media,.choices{margin-top:4px}
.bubble.dim{background:none;color:var(--dim);border:1px dashed var(--line);font-size:13.5px}
a{color:inherit;text-underline-offset:3px}
.bubble a{color:var(--focus)}
.mine .bubble a{color:inherit}
.foot{font-size:11px;line-height:1.5;color:var(--dim);padding:2px 4px 0;font-variant-numeric:tabular-nums}
.cont:not(.bad,.wait) .foot,.ok{display:none}
.last .ok{display:inline}
.bad .foot{color:var(--bad)}
.foot button{text-decoration:underline;text-underline-offset:3px;margin-inline-start:8px;padding:2px 0;color:var(--ink)}
.wait .bubble,.wait .media{opacity:.65}
.media{display:block;max-width:100%;border-radius:16px;overflow:hidden;background:var(--soft)}
.media img,.media video{display:block;max-width:100%;max-height:280px;min-height:48px;object-fit:cover}
.media audio{display:block;width:260px;max-width:100%}
a.file,span.file{display:flex;gap:10px;align-items:center;padding:10px 14px;text-decoration:none;color:var(--ink)}
.file svg{flex:none;color:var(--dim)}
.file small{display:block;color:var(--dim);font-size:12px;line-height:1.4}
.choices{display:flex;flex-wrap:wrap;gap:8px;padding-top:4px}
.choice{min-height:40px;padding:6px 16px;border-radius:20px;border:1.5px solid var(--accent);color:var(--accent);background:var(--bg);text-decoration:none;text-align:start;line-height:1.5}
@media (prefers-color-scheme:dark){.choice{color:var(--ink);border-color:var(--dim)}}
.choice:hover:enabled{background:var(--soft)}
.choice:disabled{opacity:.5}
.choice[aria-pressed=true]{background:var(--accent);color:var(--on-accent);opacity:1}
.dots{display:flex;gap:5px;padding:14px 16px;align-self:flex-start;background:var(--soft);border-radius:6px 18px 18px 18px;margin-top:10px}
.dots i{width:7px;height:7px;border-radius:50%;background:var(--dim);animation:dot 1.2s infinite}
.dots i:nth-child(2){animation-delay:.15s}.dots i:nth-child(3){animation-delay:.3s}
@keyframes dot{0%,60%,100%{opacity:.3}30%{opacity:1}}
form{flex:none;display:flex;align-items:flex-end;gap:4px;padding:8px 8px max(8px,env(safe-area-inset-bottom));border-top:1px solid var(--line);background:var(--bg)}
form .tool{color:var(--dim)}
form .tool:hover{background:var(--soft)}
textarea{flex:1;min-width:0;resize:none;border:1px solid transparent;border-radius:22px;background:var(--soft);padding:9px 16px;font-size:16px;line-height:1.55;max-height:132px;outline:0;
  scrollbar-width:none;display:block;height:44px}
textarea:focus-visible{outline:0;border-color:var(--focus);box-shadow:0 0 0 1px var(--focus)}
textarea::placeholder{color:var(--dim);opacity:1}
form .send{border-radius:50%;background:var(--accent);color:var(--on-accent);transition:opacity .15s}
form .send:hover{background:var(--accent)}
form .send:disabled{opacity:.35}
.note{flex:none;font-size:12.5px;color:var(--dim);padding:6px 18px;border-top:1px solid var(--line);background:var(--bg)}
.note.bad{color:var(--bad)}
.sheet{position:absolute;inset:0;background:var(--bg);display:flex;flex-direction:column;gap:14px;align-items:center;justify-content:center;padding:28px;text-align:center;z-index:2}
.sheet p{white-space:pre-line;text-wrap:balance;color:var(--dim)}
.sheet h3{font-size:18px;font-weight:600;font-feature-settings:"palt"}
.code{font:600 24px/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;letter-spacing:.06em;background:var(--soft);border-radius:14px;padding:14px 20px;user-select:all;max-width:300px}
.wide{min-height:46px;padding:8px 22px;border-radius:23px;border:1px solid var(--line);width:100%;max-width:300px;text-decoration:none;display:grid;place-items:center}
.wide.main{background:var(--accent);color:var(--on-accent);border-color:transparent}
.drop{position:absolute;inset:8px;border:2px dashed var(--accent);border-radius:14px;background:var(--bg);opacity:.94;display:grid;place-items:center;z-index:3;pointer-events:none}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (max-width:480px){
  .panel,.left .panel{inset:0;top:var(--top,0);width:100%;height:var(--tall,100dvh);border-radius:0;animation-name:none}
  header{padding-top:max(12px,env(safe-area-inset-top))}
  .open .launcher{display:none}
  .said{max-width:88%}}
@media (min-width:481px) and (max-height:520px){.panel{bottom:8px;height:calc(100dvh - 16px);right:88px}.left .panel{left:88px}}
@media (prefers-reduced-motion:reduce){*{animation:none!important;transition:none!important}}
@media (forced-colors:active){.bubble,.panel,.launcher,textarea,.media{border:1px solid}}
`;

const host = el("div");
const shadow = host.attachShadow({ mode: "open" });
const badge = el("span", { class: "badge", hidden: true });
const launcher = el("button", { class: "launcher", type: "button", "aria-label": w.open, "aria-expanded": "false", onclick: () => toggle() }, icon(ICONS.chat), badge);
const status = el("p", { class: "status", role: "status" });
const log = el("div", { class: "log", role: "log", "aria-label": w.log, "aria-live": "off", tabindex: "0" });
const hello = el("p", { class: "hello" }, options.greeting || w.greeting);
const dots = el("div", { class: "dots", hidden: true }, el("span", { class: "sr" }, w.typing), el("i"), el("i"), el("i"));
const note = el("p", { class: "note", role: "alert", hidden: true });
const box = el("textarea", { rows: "1", placeholder: w.placeholder, "aria-label": w.placeholder, enterkeyhint: "send", autocomplete: "off" });
const picker = el("input", { type: "file", multiple: true, hidden: true, tabindex: "-1", "aria-hidden": "true" });
const attach = el("button", { class: "tool", type: "button", "aria-label": w.attach, title: w.attach, onclick: () => picker.click() }, icon(ICONS.clip));
const send = el("button", { class: "tool send", type: "submit", "aria-label": w.send, disabled: true }, icon(ICONS.send));
const form = el("form", {}, attach, picker, box, send);
const drop = el("div", { class: "drop", hidden: true }, w.drop);
const title = options.title || w.title;
const panel = el("section", { class: "panel", role: "dialog", "aria-label": title, hidden: true },
  el("header", {},
    el("div", {}, el("h2", {}, title), status),
    el("button", { class: "tool", type: "button", "aria-label": w.elsewhere, title: w.elsewhere, onclick: () => invite() }, icon(ICONS.move)),
    el("button", { class: "tool", type: "button", "aria-label": w.close, title: w.close, onclick: () => toggle(false) }, icon(ICONS.close))),
  log, note, form, drop);
const root = el("div", { class: `root${options.side === "left" ? " left" : ""}`, lang }, panel, launcher);
log.append(hello, dots);

const dress = () => {
  try {
    const sheet = new CSSStyleSheet(); // not subject to the page's style-src
    sheet.replaceSync(CSS);
    shadow.adoptedStyleSheets = [sheet];
  } catch { shadow.append(el("style", {}, CSS)); }
  if (/^#[0-9a-f]{6}$/i.test(options.color || "")) {
    const [r, g, b] = [1, 3, 5].map((at) => (parseInt(options.color.slice(at, at + 2), 16) / 255) ** 2.2);
    host.style.setProperty("--accent", options.color);
    host.style.setProperty("--on-accent", 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.36 ? "#111" : "#fff");
  }
  shadow.append(root);
};

// -- showing messages ------------------------------------------------------------------------------------------------

const shown = new Map(); // message id -> node
const waiting = new Map(); // client id -> {item, node}: said here, not yet back from the server
const time = new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit" });
const dayName = new Intl.DateTimeFormat(lang, { month: "long", day: "numeric", weekday: "short" });
const day = (at) => {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 864e5);
  return days === 0 ? w.today : days === 1 ? w.yesterday : dayName.format(at);
};
const bytes = (n) => n < 1e6 ? `${Math.max(1, Math.round(n / 1024))} KB` : `${(n / 1048576).toFixed(1)} MB`;
const safe = (url) => {
  try { const known = new URL(url, base); return /^https?:$/.test(known.protocol) ? known.href : null; } catch { return null; }
};
const link = (url, props, ...children) => el("a", { href: url, target: "_blank", rel: "noopener noreferrer nofollow", ...props }, ...children);

const words = (text) => {
  const bubble = el("div", { class: "bubble", dir: "auto" });
  let from = 0;
  for (const match of text.matchAll(/https?:\/\/[!-~]+/g)) {
    const url = match[0].replace(/[.,;:!?'"<>)\]}]+$/, "");
    if (!safe(url)) continue;
    bubble.append(text.slice(from, match.index), link(safe(url), {}, url));
    from = match.index + url.length;
  }
  bubble.append(text.slice(from));
  return bubble;
};
const quiet = (text) => el("div", { class: "bubble dim" }, text);

const file = (kind, attachment) => {
  const url = attachment.url && safe(attachment.url);
  const type = attachment.media_type || "";
  if (url && kind === "image" && /^image\/(png|jpeg|gif|webp)$/.test(type)) {
    const image = el("img", { src: url, alt: attachment.name || w.photo, loading: "lazy", referrerpolicy: "no-referrer", onload: stay });
    return link(url, { class: "media" }, image);
  }
  if (url && (kind === "audio" || kind === "video")) return el("div", { class: "media" }, el(kind, { src: url, controls: true, preload: "metadata" }));
  const size = attachment.state === "pending" ? w.pending : attachment.size ? bytes(attachment.size) : "";
  const inside = [icon(ICONS.file), el("span", {}, attachment.name || w.photo, el("small", {}, size))];
  return url ? link(url, { class: "media file" }, ...inside) : el("span", { class: "media file" }, ...inside);
};

const choices = (part, message) => el("div", { class: "choices", role: "group", "aria-label": part.text }, ...part.options.map((option) => {
  if (option.url && safe(option.url)) return link(safe(option.url), { class: "choice" }, option.label);
  const button = el("button", { class: "choice", type: "button", onclick: () => {
    button.setAttribute("aria-pressed", "true");
    put({ postback: { value: option.value, label: option.label, message } });
    box.focus();
  } }, option.label);
  return button;
}));

const PARTS = {
  text: (part) => part.text ? [words(part.text)] : [],
  image: (part) => [file("image", part.attachment), part.caption && words(part.caption)],
  video: (part) => [file("video", part.attachment), part.caption && words(part.caption)],
  audio: (part) => [file("audio", part.attachment)],
  file: (part) => [file("file", part.attachment), part.caption && words(part.caption)],
  location: (part) => {
    const bubble = words([part.title, part.address].filter(Boolean).join("\n"));
    const at = `${Number(part.latitude)}/${Number(part.longitude)}`;
    bubble.append(bubble.textContent ? "\n" : "", link(`https://www.openstreetmap.org/#map=16/${at}`, {}, w.map));
    return [bubble];
  },
  contact_card: (part) => [words([part.name, ...part.phones, ...part.emails].join("\n"))],
  choice: (part, message) => [words(part.text), choices(part, message)],
};
const body = (parts, message) => parts.flatMap((part) => Object.hasOwn(PARTS, part.kind) ? PARTS[part.kind](part, message) : [quiet(w.unsupported)]).filter(Boolean);

const draw = (message) => {
  const mine = message.from === "visitor";
  const at = new Date(message.at);
  const who = mine ? w.you : message.name || (message.from === "automatic" ? w.automatic : w.agent);
  const node = el("div", { class: `said${mine ? " mine" : ""}` },
    el("span", { class: mine ? "sr" : "who" }, who),
    el("div", { class: "body", role: "presentation" }),
    el("div", { class: "foot" }));
  node.querySelector(".body").replaceWith(...body(message.parts, message.id));
  node.at = at;
  node.who = who;
  foot(node, [time.format(at), message.edited && w.edited]);
  if (mine) node.querySelector(".foot").append(el("span", { class: "ok" }, `・${w.sent}`));
  return node;
};
const foot = (node, said) => node.querySelector(".foot").replaceChildren(...said.filter(Boolean).flatMap((piece, at) => at && typeof piece === "string" ? ["・", piece] : [piece]));
const rewrite = (node, nodes) => {
  node.querySelectorAll(":scope > :not(.who, .sr, .foot)").forEach((old) => old.remove());
  node.querySelector(".foot").before(...nodes);
};

let bottom = true;
log.addEventListener("scroll", () => { bottom = log.scrollHeight - log.scrollTop - log.clientHeight < 60; });
function stay() { if (bottom) log.scrollTop = log.scrollHeight; }

/* What came back from the server stands in its order; what is still on its way stands below it. */
const settle = (node) => {
  const first = [...waiting.values()][0]?.node;
  const before = first && first.isConnected && first !== node ? first : dots;
  const previous = last(before);
  if (!previous || day(previous.at) !== day(node.at)) before.before(el("div", { class: "day" }, day(node.at)));
  before.before(node);
  arrange();
};
const last = (before) => {
  let node = before.previousElementSibling;
  while (node && !node.at) node = node.previousElementSibling;
  return node;
};
const arrange = () => {
  let previous = null;
  for (const node of log.querySelectorAll(".day")) if (!node.nextElementSibling.at) node.remove(); // its messages went
  const nodes = [...log.children].filter((node) => node !== dots && node !== hello);
  for (const node of nodes) {
    const more = Boolean(previous && previous.at && node.at && previous.who === node.who && node.at - previous.at < 3e5);
    node.classList.toggle("more", more);
    if (previous) previous.classList.toggle("cont", more);
    node.classList.remove("cont", "last");
    previous = node;
  }
  hello.hidden = nodes.length > 0;
  while (log.childElementCount > 500) hello.nextElementSibling.remove();
  let answered = false;
  for (const node of nodes.reverse()) {
    for (const button of node.querySelectorAll("button.choice")) button.disabled = answered;
    if (!answered && node.classList.contains("mine")) { answered = true; node.classList.add("last"); }
  }
  stay();
};

// -- saying: an outbox that outlives the page ------------------------------------------------------------------------

let limits = { text: 4096, file: 10485760, types: [], attachments: 10 };
let sending = null; // the client id on its way; one at a time keeps the order
let patience = 0;

const outbox = () => store.keys().filter((key) => key.startsWith("out:")).map((key) => store.get(key)).filter(Boolean)
  .filter((item) => !item.as || item.as === (visitor || (pass && pass.visitor))).sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));

const put = (what) => {
  const item = { id: random(12), at: Date.now(), as: visitor || "", ...what };
  store.set(`out:${item.id}`, item);
  store.set("talked", true);
  await_(item);
  flush();
};
const await_ = (item) => {
  if (waiting.has(item.id)) return;
  const parts = item.postback ? [{ kind: "text", text: item.postback.label || item.postback.value }]
    : [...(item.text ? [{ kind: "text", text: item.text }] : []), ...(item.attachments || []).map((attachment) => ({ kind: "file", attachment }))];
  const node = draw({ from: "visitor", at: item.at, parts });
  node.classList.add("wait");
  waiting.set(item.id, { item, node });
  foot(node, [w.sending]);
  bottom = true;
  const previous = last(dots);
  if (!previous || day(previous.at) !== day(node.at)) dots.before(el("div", { class: "day" }, day(node.at)));
  dots.before(node);
  arrange();
};
const flush = () => {
  if (!ready || sending) return;
  const item = outbox()[0];
  if (!item) return;
  await_(item);
  sending = item.id;
  clearTimeout(patience);
  patience = setTimeout(() => { sending = null; flush(); }, 1e4);
  const { id, text, attachments, postback } = item;
  transmit({ type: "say", id, text, attachments, postback });
};
const accepted = ({ id, message }) => {
  store.remove(`out:${id}`);
  const entry = waiting.get(id);
  if (entry && shown.has(message)) { entry.node.remove(); waiting.delete(id); }
  else if (entry) { entry.node.classList.remove("wait"); foot(entry.node, [time.format(entry.node.at), w.sent]); }
  next(id);
};
const refused = ({ id, reason }) => {
  if (reason === "slow_down" || reason === "try_again") {
    clearTimeout(patience);
    patience = setTimeout(() => { sending = null; flush(); }, 1500);
    return;
  }
  store.remove(`out:${id}`);
  const entry = waiting.get(id);
  if (entry) fail(entry.node, reason, () => { waiting.delete(id); put({ ...entry.item, id: random(12), at: Date.now() }); }, () => waiting.delete(id));
  next(id);
};
const next = (id) => {
  if (sending !== id) return;
  clearTimeout(patience);
  sending = null;
  flush();
};
const fail = (node, reason, again, forget) => {
  node.classList.remove("wait");
  node.classList.add("bad");
  const gone = (then) => () => { node.remove(); then(); arrange(); };
  foot(node, [w[reason] && typeof w[reason] === "string" && reason !== "type" ? w[reason] : w.failed,
    el("button", { type: "button", onclick: gone(again) }, w.retry), el("button", { type: "button", onclick: gone(forget) }, w.remove)]);
};

// -- files -----------------------------------------------------------------------------------------------------------

const upload = async (given) => {
  const problem = given.size > limits.file ? say(w.too_large, bytes(limits.file)) : limits.types.length && !limits.types.includes(given.type) ? w.type : null;
  if (problem) return tell(problem, true);
  const node = draw({ from: "visitor", at: Date.now(), parts: [{ kind: "file", attachment: { name: given.name, size: given.size, media_type: given.type } }] });
  node.classList.add("wait");
  foot(node, [w.uploading]);
  bottom = true;
  dots.before(node);
  arrange();
  try {
    const response = await fetch(`${endpoint}/upload`, { method: "POST", body: given, credentials: "omit",
      headers: { authorization: `Bearer ${await token()}`, "content-type": given.type, "x-file-name": encodeURIComponent(given.name || "") } });
    if (!response.ok) throw new Error((await response.json()).error);
    const attachment = await response.json();
    node.remove();
    put({ attachments: [attachment] });
  } catch (error) { fail(node, error.message === "too_large" ? "failed" : error.message, () => upload(given), () => {}); }
};
const files = (list) => { if (limits.attachments) for (const given of [...list].slice(0, 10)) upload(given); };
picker.addEventListener("change", () => { files(picker.files); picker.value = ""; });

// -- the line to the server ------------------------------------------------------------------------------------------

let socket = null, ready = false, position = null, visitor = null, attempt = 0, timer = 0, heard = 0, stopped = false, wanted = false;
let pass = store.get("token") || null; // {token, expires_at, visitor}
let user = options.user || null, fresh = 0;
if (user) pass = null;
let handover = (location.hash.match(/[#&]madoguchi=([^&]{1,200})/) || [])[1];

const token = async () => {
  if (pass && pass.expires_at * 1000 > Date.now() + 3e4) return pass.token;
  let nonce = store.get("nonce");
  if (!nonce) store.set("nonce", nonce = random(16));
  const response = await fetch(`${endpoint}/token`, { method: "POST", body: JSON.stringify(user ? { user } : { nonce }), credentials: "omit" });
  if (!response.ok) {
    if (user && response.status === 401) { window.dispatchEvent(new CustomEvent("madoguchi:user-expired")); halt(w.signIn); }
    if (response.status === 403) halt(w.stopped);
    throw new Error("token");
  }
  keep(await response.json());
  return pass.token;
};
const keep = (issued) => { pass = issued; if (!user) store.set("token", issued); };
const halt = (why) => { stopped = true; status.textContent = why; };
const transmit = (frame) => { if (socket && socket.readyState === 1) socket.send(JSON.stringify(frame)); };

const connect = async () => {
  clearTimeout(timer);
  wanted = true;
  if (socket || stopped) return;
  const mine = socket = {}; // taken: nobody else connects meanwhile
  state();
  try {
    const secret = await token();
    if (socket !== mine) return;
    const line = socket = new WebSocket(`${base.replace(/^http/, "ws")}/chat/${here[2]}`);
    heard = Date.now();
    line.onopen = () => transmit({ type: "hello", v: 1, token: secret, after: position || undefined, lang, handover,
      page: location.href.split(/[?#]/)[0].slice(0, 2000) });
    line.onmessage = (event) => { heard = Date.now(); receive(JSON.parse(event.data)); };
    line.onclose = (event) => { if (socket === line) lost(event.code); };
  } catch { if (socket === mine) lost(0); }
};
const lost = (code) => {
  socket = null;
  ready = false;
  sending = null;
  clearTimeout(patience);
  dots.hidden = true;
  if (code === 4401) { pass = null; store.remove("token"); }
  if (code === 4406) halt(w.stopped);
  state();
  if (stopped || !wanted) return;
  timer = setTimeout(connect, Math.min(3e4, 800 * 2 ** attempt++) * (0.5 + Math.random()));
};
const hangUp = () => { const line = socket; if (line) { lost(0); if (line.close) line.close(); } };
const wake = () => { if (wanted && !socket) { attempt = 0; connect(); } };
setInterval(() => {
  if (!socket || !socket.send) return;
  if (Date.now() - heard > 6e4) hangUp();
  else transmit({ type: "ping" });
}, 2e4);
addEventListener("online", wake);
addEventListener("offline", () => hangUp());
document.addEventListener("visibilitychange", () => { if (!document.hidden) { wake(); mark(); } });

let mood = "ready";
const state = () => { if (!stopped) status.textContent = ready ? w[mood] : navigator.onLine ? w.connecting : w.offline; };

const RECEIVE = {
  welcome(frame) {
    if (visitor && visitor !== frame.visitor) clear();
    visitor = frame.visitor;
    limits = frame.limits;
    handover = undefined;
    attach.hidden = !limits.attachments;
    picker.accept = limits.types.join(",");
  },
  ready() {
    ready = true;
    attempt = 0;
    outbox().forEach(await_);
    log.setAttribute("aria-live", "polite");
    state();
    flush();
    mark();
  },
  token(frame) { keep({ token: frame.token, expires_at: frame.expires_at, visitor }); },
  accepted, refused, message: arrived,
  state(frame) {
    const node = shown.get(frame.message);
    if (node && frame.state === "failed" && !node.classList.contains("mine")) { node.remove(); arrange(); } // it never left
  },
  edited(frame) {
    const node = shown.get(frame.message);
    if (node) { rewrite(node, body(frame.parts, frame.message)); foot(node, [time.format(node.at), w.edited]); }
  },
  unsent(frame) { const node = shown.get(frame.message); if (node) rewrite(node, [quiet(w.unsent)]); },
  attachment(frame) {
    const node = shown.get(frame.message);
    const old = node && node.querySelector(".media");
    if (old) old.replaceWith(file(frame.attachment.media_type.split("/")[0], frame.attachment));
    stay();
  },
  typing(frame) { dots.hidden = !frame.on; stay(); clearTimeout(dots.timer); dots.timer = setTimeout(() => { dots.hidden = true; }, 8e3); },
  status(frame) { mood = frame.status; state(); },
  invited: show,
  error(frame) { if (frame.code === "slow_down") tell(w.slow, true); },
  pong() {},
};
const receive = (frame) => {
  if (Object.hasOwn(RECEIVE, frame.type)) RECEIVE[frame.type](frame);
};

function arrived(message) {
  position = message.position;
  const mine = message.from === "visitor";
  const entry = mine && message.client && waiting.get(message.client);
  if (entry) { waiting.delete(message.client); entry.node.remove(); }
  if (mine && message.client) { store.remove(`out:${message.client}`); next(message.client); }
  if (shown.has(message.id)) return;
  const node = draw(message);
  if (message.unsent) rewrite(node, [quiet(w.unsent)]);
  shown.set(message.id, node);
  settle(node);
  if (mine) return;
  dots.hidden = true;
  if (["queued", "sending", "sent"].includes(message.state)) transmit({ type: "seen", message: message.id });
  if (node.at > (store.get("read") || 0)) { fresh++; mark(); }
}
const clear = () => {
  shown.clear(); waiting.clear();
  position = null; fresh = 0;
  log.replaceChildren(hello, dots);
  arrange();
};

/* Everything on the screen is read: told once a second at most. */
let marking = 0;
const mark = () => {
  const node = [...log.querySelectorAll(".said:not(.mine)")].pop();
  if (isOpen() && !document.hidden) {
    fresh = 0;
    if (node && ready && node.at > (store.get("read") || 0) && !marking) {
      marking = setTimeout(() => { marking = 0; store.set("read", Number(node.at)); transmit({ type: "read", upto: node.at.toISOString() }); mark(); }, 1000);
    }
  }
  badge.hidden = !fresh;
  badge.textContent = fresh > 99 ? "99+" : fresh;
  launcher.setAttribute("aria-label", isOpen() ? w.close : fresh ? `${w.open} (${fresh} ${w.unread})` : w.open);
};

// -- writing ---------------------------------------------------------------------------------------------------------

const weigh = () => {
  const left = limits.text - new TextEncoder().encode(box.value).length;
  send.disabled = !box.value.trim() || left < 0;
  box.style.setProperty("height", "auto");
  box.style.setProperty("height", `${Math.max(44, Math.min(132, box.scrollHeight + 2))}px`);
  if (left < 0) tell(w.too_long, true);
  else if (left < 200) tell(say(w.left, left));
  else note.hidden = true;
};
const tell = (text, bad = false) => {
  note.textContent = text;
  note.className = bad ? "note bad" : "note";
  note.hidden = false;
  clearTimeout(note.timer);
  note.timer = setTimeout(() => { note.hidden = true; }, 6e3);
};
let typed = 0, pause = 0;
const typing = (on) => {
  clearTimeout(pause);
  if (on) pause = setTimeout(() => typing(false), 5e3);
  if (on ? Date.now() - typed > 3e3 : typed) { transmit({ type: "typing", on }); typed = on ? Date.now() : 0; }
};
box.addEventListener("input", () => { weigh(); store.set("draft", box.value); typing(Boolean(box.value)); });
box.addEventListener("keydown", (event) => {
  // An Enter that ends a conversion belongs to the input method (229: Safari says so after the end).
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  if (matchMedia("(pointer: coarse)").matches && !event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  form.requestSubmit();
});
box.addEventListener("paste", (event) => { if (event.clipboardData.files.length) { event.preventDefault(); files(event.clipboardData.files); } });
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = box.value.trim().replace(/\p{Surrogate}/gu, "\ufffd");
  if (!text || send.disabled) return;
  box.value = "";
  store.remove("draft");
  typing(false);
  weigh();
  put({ text });
  connect();
  box.focus();
});
panel.addEventListener("dragover", (event) => { if (limits.attachments && [...event.dataTransfer.types].includes("Files")) { event.preventDefault(); drop.hidden = false; } });
panel.addEventListener("dragleave", (event) => { if (!panel.contains(event.relatedTarget)) drop.hidden = true; });
panel.addEventListener("drop", (event) => { event.preventDefault(); drop.hidden = true; files(event.dataTransfer.files); });

// -- going on elsewhere ----------------------------------------------------------------------------------------------

const NAMES = { line: "LINE", email: w.email, messenger: "Messenger", instagram: "Instagram", whatsapp: "WhatsApp", telegram: "Telegram" };
const invite = () => {
  connect();
  if (!ready) tell(w.connecting);
  else if (!shown.size) tell(w.first); // there is nothing yet to go on with
  else transmit({ type: "invite" });
};
function show({ code, links }) {
  const back = () => { sheet.remove(); box.focus(); };
  const copy = el("button", { class: "wide", type: "button", onclick: async () => {
    try { await navigator.clipboard.writeText(code); copy.textContent = w.copied; } catch { getSelection().selectAllChildren(sheet.querySelector(".code")); }
  } }, w.copy);
  const ways = Object.entries(links || {}).filter(([, url]) => safe(url)).map(([name, url]) => link(safe(url), { class: "wide main" }, say(w.goOn, NAMES[name.toLowerCase()] || name)));
  const sheet = el("div", { class: "sheet", role: "dialog", "aria-label": w.elsewhere },
    el("h3", {}, w.elsewhere), ...ways, el("p", {}, w.elsewhereHow), el("div", { class: "code" }, code), copy, el("button", { class: "wide", type: "button", onclick: back }, w.back));
  panel.querySelector(".sheet")?.remove();
  panel.append(sheet);
  sheet.querySelector("a, button").focus();
}

// -- opening and closing ---------------------------------------------------------------------------------------------

const phone = matchMedia("(max-width: 480px)");
const isOpen = () => !panel.hidden;
function toggle(open = panel.hidden, focus = true) {
  panel.hidden = !open;
  root.classList.toggle("open", open);
  launcher.setAttribute("aria-expanded", String(open));
  launcher.firstChild.firstChild.setAttribute("d", open ? ICONS.close : ICONS.chat);
  fit();
  if (open) { connect(); bottom = true; stay(); weigh(); if (focus) (phone.matches ? log : box).focus({ preventScroll: true }); }
  else { panel.querySelector(".sheet")?.remove(); if (focus) launcher.focus(); }
  mark();
}
/* On a phone the chat fills what the keyboard leaves, and the page behind it stands still. */
const fit = () => {
  const full = isOpen() && phone.matches;
  document.documentElement.style.overflow = full ? "hidden" : "";
  panel.setAttribute("aria-modal", String(full));
  const view = window.visualViewport;
  if (view) { host.style.setProperty("--tall", `${view.height}px`); host.style.setProperty("--top", `${view.offsetTop}px`); stay(); }
};
for (const name of ["resize", "scroll"]) window.visualViewport?.addEventListener(name, fit);
phone.addEventListener("change", fit);
panel.addEventListener("keydown", (event) => {
  event.stopPropagation(); // the page's shortcuts are not meant
  const sheet = panel.querySelector(".sheet");
  if (event.key === "Escape" && !event.isComposing) { if (sheet) { sheet.remove(); box.focus(); } else toggle(false); }
  if (event.key !== "Tab" || !(sheet || phone.matches)) return;
  const stops = [...(sheet || panel).querySelectorAll("button:enabled,a[href],textarea,[tabindex='0']")].filter((node) => node.getClientRects().length);
  const edge = event.shiftKey ? stops[0] : stops[stops.length - 1];
  if (shadow.activeElement === edge) { event.preventDefault(); (event.shiftKey ? stops[stops.length - 1] : stops[0]).focus(); }
});

/* For the page: Madoguchi.open(), .close(), .identify(jwt) after a login, .identify(null) after a logout. */
window.Madoguchi = Object.freeze({
  open: () => toggle(true),
  close: () => toggle(false),
  identify(jwt) {
    user = jwt || null;
    pass = user ? null : store.get("token") || null;
    visitor = null;
    stopped = false;
    hangUp();
    clear();
    if (wanted) connect();
  },
});

const start = () => {
  dress();
  document.body.append(host);
  box.value = store.get("draft") || "";
  outbox().forEach(await_);
  state();
  mark();
  if (handover || "open" in options) toggle(true, false);
  else if (store.get("talked") || user) connect(); // only those who have talked hold a line open
  if (handover) history.replaceState(history.state, "", location.pathname + location.search);
};
if (document.body) start(); else addEventListener("DOMContentLoaded", start);
})();

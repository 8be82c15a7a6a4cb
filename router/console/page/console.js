// The agents' page: signs in, keeps the line, and turns what the agent does into frames.
import { Desk } from "./desk.js";
import { Link } from "./link.js";
import { banners, callbackItem, contextPanel, countDown, listItem, make, nameOf, offerCard, promise, reasons, tick, timeline, waitingItem } from "./show.js";
import { verdictLine } from "./verdict.js";
import { choose, clock, language, sayAll, word } from "./words.js";

const $ = (id) => document.getElementById(id);
const KEY = "madoguchi.token";
const desk = new Desk();
let link = null;
let token = "";
let mode = "reply";
let waiting = [];
let callbacks = [];
let wished = null;
const decisions = new Map();
const verdicts = new Map();
const drafts = new Map();
const urls = new Map();

// -- signing in and out ------------------------------------------------------------------------------------------

function tokenGiven() {
  const words = new URLSearchParams(location.hash.slice(1));
  const given = words.get("token");
  if (!given) return sessionStorage.getItem(KEY);
  wished = words.get("presence"); // the demonstration's agent is there from the start
  history.replaceState(null, "", location.pathname); // out of sight, and out of the history
  return given;
}

function signIn(text) {
  token = text.trim();
  sessionStorage.setItem(KEY, token);
  $("door").hidden = true;
  $("desk").hidden = false;
  link = new Link(token, { onFrame, onState, onRefused, known: () => desk.known() });
}

function onRefused(code, problem) {
  sessionStorage.removeItem(KEY);
  $("desk").hidden = true;
  $("door").hidden = false;
  $("door-problem").textContent = code === 4401 ? word("bad_token") : code === 4404 || code === 4403 ? word("no_agent") : problem?.detail || "";
  $("token").focus();
}

function onState(state) {
  $("line").textContent = state === "ready" ? "" : word(state);
  if (state !== "ready") return;
  refreshWaiting();
  if (wished) attempt(link.ask("presence", { declared: wished }));
  wished = null;
}

// -- what we are told ----------------------------------------------------------------------------------------------

let drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    drawDesk();
  });
}

// Reasons for which somebody loses a conversation without having done anything.
const LOST = new Set(["taken_over", "unanswered", "reassigned"]);

function mention(text) {
  $("line").textContent = text;
  setTimeout(() => ($("line").textContent = ""), 6000);
}

function onFrame(frame) {
  const about = desk.apply(frame);
  if (frame.type === "event") {
    const { event } = frame;
    if (event.type.startsWith("offer.") || event.type.startsWith("conversation.")) refreshWaiting();
    if (event.type === "message.received" && about === desk.open && !document.hidden) seen(event.conversation, event.message.id);
    if (event.type === "conversation.assigned") decisions.delete(event.conversation);
    if (event.type === "conversation.unassigned" && event.agent === desk.agent.agent.id && LOST.has(event.reason)) mention(`${nameOf(desk.entry(event.conversation))}: ${word("withdrawn")}`);
    for (const one of desk.about(event)) lookAgain(one.id);
  }
  draw();
}

function drawDesk() {
  if (!desk.agent) return;
  const { agent, presence } = desk.agent;
  $("who").textContent = agent.name;
  const declared = presence.declared || "offline";
  $("lamp").className = declared;
  if (document.activeElement !== $("presence")) $("presence").value = declared;
  replace($("offers"), desk.offers().map((one) => offerCard(one, { accept, decline })));
  const mine = desk.mine();
  replace($("mine"), mine.length ? mine.map((one) => listItem(one, one.id === desk.open, pick, desk)) : [make("li", { className: "empty" }, word("none_mine"))]);
  const shown = waiting.filter((one) => desk.conversations.get(one.conversation)?.agent !== agent.id);
  replace($("waiting"), shown.length ? shown.map((one) => waitingItem(one, doing(one))) : [make("li", { className: "empty" }, word("none_waiting"))]);
  replace($("callbacks"), callbacks.map(callbackItem));
  $("callbacks-title").hidden = !callbacks.length;
  document.title = desk.offers().length ? `(${desk.offers().length}) 窓口` : "窓口";
  drawTalk();
  countDown($("offers"), desk);
}

// Who may assign sees all lines, and may take over what does not fit.
const supervises = () => Boolean(desk.scopes?.some((scope) => scope === "assign" || scope === "admin"));
const doing = (one) => ({ claim: (desk.agent.agent.queues || []).includes(one.queue) ? claim : null, takeOver: supervises() ? takeOver : null });

// Only what changed is put in place again, so that focus, selection and open details stay.
function replace(parent, nodes) {
  const old = [...parent.children];
  nodes.forEach((node, place) => {
    if (!old[place]) parent.append(node);
    else if (old[place].outerHTML !== node.outerHTML && !same(old[place], node)) old[place].replaceWith(node);
  });
  old.slice(nodes.length).forEach((node) => node.remove());
}

function same(old, node) {
  const strip = (text) => text.replace(/ (style|open|src|value)="[^"]*"/g, "").replace(/<img[^>]*>/g, "").replace(/(<span class="left">|<time class="clock[^>]*>)[^<]*/g, "$1");
  return old.dataset?.conversation === node.dataset?.conversation && strip(old.outerHTML) === strip(node.outerHTML);
}

function drawTalk() {
  const one = desk.open && desk.conversations.get(desk.open);
  $("talk").hidden = !one;
  $("nothing").hidden = Boolean(one);
  if (!one) return;
  $("name").textContent = nameOf(one);
  replace($("promise"), [promise(one.clocks, true)].filter(Boolean));
  $("facts").textContent = [word(one.status), one.idle ? "zzz" : "", one.queue, one.subject].filter(Boolean).join(" · ");
  replace($("banners"), banners(one, desk, { finish, endConsult }));
  const theirs = desk.advises(one);
  for (const id of ["invite", "consult", "transfer", "resolve"]) $(id).hidden = theirs;
  $("consult").hidden ||= !desk.has(one);
  document.querySelector('[data-mode="reply"]').disabled = theirs;
  if (theirs && mode === "reply") setMode("note");
  const list = $("timeline");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80 || list.dataset.of !== one.id;
  list.dataset.of = one.id;
  replace(list, timeline(one, desk.agent.agent.id, links));
  if (atEnd) list.scrollTop = list.scrollHeight;
  $("typing").textContent = (one.typingUntil || 0) > Date.now() ? word("typing") : "";
  $("resolve").textContent = word(["resolved", "closed"].includes(one.status) ? "reopen" : "resolve");
  const reach = one.reaches[one.reaches.length - 1];
  const verdict = mode === "reply" && verdicts.get(one.id);
  $("through").textContent = verdict ? verdictLine(verdict) : mode === "reply" && reach ? `${word("via")}: ${reach.channel}` : "";
  $("through").classList.toggle("refused", Boolean(verdict && !verdict.allowed));
  replace($("context"), contextPanel(one, decisions.get(one.id), tellAll));
}

function pick(id) {
  if (desk.open) drafts.set(desk.open, $("words").value);
  desk.open = id;
  const one = desk.entry(id);
  one.unread = 0;
  $("words").value = drafts.get(id) || "";
  if ($("words").value) checkSoon();
  $("trouble").textContent = "";
  view("talk");
  if (one.last?.direction === "inbound") seen(id, one.last.id);
  whyMine(id);
  draw();
  if (matchMedia("(min-width: 721px)").matches) $("words").focus();
}

const seen = (conversation, message) => link.hint("read", { conversation, message });
const view = (name) => (document.body.dataset.view = name);

// -- what the agent does ---------------------------------------------------------------------------------------------

async function attempt(promise, button) {
  if (button) button.disabled = true;
  $("trouble").textContent = "";
  try {
    return await promise;
  } catch (error) {
    $("trouble").textContent = error.message;
    mention(error.message);
    return null;
  } finally {
    if (button) button.disabled = false;
    draw();
  }
}

async function accept(one, button) {
  if (await attempt(link.ask("accept", { conversation: one.id }), button)) pick(one.id);
}

async function decline(one, button) {
  if (await attempt(link.ask("decline", { conversation: one.id }), button)) one.offer = null;
  draw();
}

async function claim(one, button) {
  if (await attempt(link.ask("claim", { conversation: one.conversation }), button)) pick(one.conversation);
}

async function say() {
  const text = $("words").value.trim();
  const conversation = desk.open;
  const one = desk.conversations.get(conversation);
  if (!text || !one) return;
  const floor = mode === "reply" && desk.has(one) && one.floor ? { floor: one.floor } : {};
  $("words").value = "";
  drafts.delete(conversation);
  verdicts.delete(conversation);
  stopTyping();
  const sent = await attempt(link.ask(mode, { conversation, text, ...floor }));
  if (sent === null && desk.open === conversation && !$("words").value) $("words").value = text; // not lost
}

async function resolve(button) {
  const one = desk.conversations.get(desk.open);
  const status = ["resolved", "closed"].includes(one.status) ? "open" : "resolved";
  await attempt(link.ask("status", { conversation: one.id, status }), button);
}

async function transfer() {
  const [queues, agents] = await Promise.all([api("/v1/queues"), api("/v1/agents")]);
  const me = desk.agent.agent.id;
  const options = [
    ...queues.items.map((queue) => make("option", { value: `queue:${queue.queue}` }, `${word("queue")}: ${queue.queue}`)),
    ...agents.items.filter((state) => state.agent.id !== me).map((state) => make("option", { value: `agent:${state.agent.id}` }, `${word("agent")}: ${state.agent.name}`)),
  ];
  const target = make("select", {}, ...options);
  const note = make("input", { autocomplete: "off" });
  const conversation = desk.open;
  ask(word("transfer"), [make("label", {}, word("to"), target), make("label", {}, word("word"), note)], word("transfer"), () => {
    const [kind, ...rest] = target.value.split(":");
    attempt(link.ask("transfer", { conversation, [kind]: rest.join(":"), ...(note.value.trim() ? { note: note.value.trim() } : {}) }));
  });
}

const colleagues = (agents, kinds) => agents.items.filter((state) => state.agent.id !== desk.agent.agent.id && kinds.includes(state.agent.kind || "human"));

async function consult() {
  const agents = colleagues(await api("/v1/agents"), ["human"]);
  const target = make("select", {}, ...agents.map((state) => make("option", { value: state.agent.id }, state.agent.name)));
  const note = make("input", { autocomplete: "off" });
  const conversation = desk.open;
  ask(word("consult"), [make("label", {}, word("agent"), target), make("label", {}, word("word"), note)], word("consult"), () =>
    attempt(link.ask("consult", { conversation, agent: target.value, ...(note.value.trim() ? { note: note.value.trim() } : {}) })));
}

async function endConsult(one, button) {
  for (const agent of desk.has(one) ? one.consulted : [desk.agent.agent.id]) await attempt(link.ask("consult", { conversation: one.id, agent, end: true }), button);
}

async function finish(one, button) {
  await attempt(link.ask("finish_wrap_up", { conversation: one.id }), button);
}

function takeOver(one) {
  const why = make("input", { autocomplete: "off" });
  ask(word("take_over"), [make("label", {}, word("reason"), why)], word("take_over"), async () => {
    const asked = { conversation: one.conversation, ...(why.value.trim() ? { why: why.value.trim() } : {}) };
    if (await attempt(link.ask("take_over", asked))) pick(one.conversation);
  });
}

async function tellAll(one) {
  const told = await attempt(api(`/v1/conversations/${one.id}/why?language=${language()}`));
  if (told) ask(word("why"), [reasons(told.steps)], null, null);
}

async function invite() {
  const made = await attempt(api(`/v1/conversations/${desk.open}/handover`, { method: "POST", body: "{}" }), $("invite"));
  if (!made) return;
  const anchors = Object.entries(made.links || {}).filter(([, url]) => /^https?:/.test(url)).map(([name, url]) => make("a", { href: url, target: "_blank", rel: "noreferrer" }, `${name}: ${url}`));
  ask(word("hand_over"), [make("p", {}, word("code_about")), make("output", {}, made.code), ...anchors, make("small", {}, `${clock(made.expires_at)} ${word("until")}`)], null, null);
}

function ask(title, content, yes, then) {
  const form = $("dialog-form");
  form.replaceChildren(make("h2", {}, title), ...content, make("div", { className: "buttons" },
    make("button", { type: "submit", value: "no", formnovalidate: true }, word(yes ? "cancel" : "close")), yes ? make("button", { type: "submit", value: "yes", className: "main" }, yes) : null));
  $("dialog").onclose = () => $("dialog").returnValue === "yes" && then();
  $("dialog").returnValue = "";
  $("dialog").showModal();
}

// -- the API beside the socket ---------------------------------------------------------------------------------------

async function api(path, options = {}) {
  const headers = { Authorization: `Bearer ${token}`, ...(options.body ? { "Content-Type": "application/json" } : {}) };
  const answer = await fetch(path, { ...options, headers });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail || answer.statusText);
  return body;
}

async function refreshLines() {
  const queues = supervises() ? (await api("/v1/queues")).items.filter((one) => one.waiting).map((one) => one.queue) : desk.agent?.agent.queues || [];
  const lines = await Promise.all(queues.map((queue) => api(`/v1/queues/${encodeURIComponent(queue)}/waiting`)));
  waiting = lines.flatMap((line) => line.items).sort((a, b) => a.waiting_since.localeCompare(b.waiting_since)).slice(0, 50);
}

// Who wants to be called back at a later time: nobody has them until then.
async function refreshCallbacks() {
  const put = await api("/v1/conversations?status=snoozed&limit=50");
  callbacks = put.items.filter((one) => one.callback_at).sort((a, b) => a.callback_at.localeCompare(b.callback_at));
}

let refreshing = null;
function refreshWaiting() {
  refreshing ||= setTimeout(async () => {
    try {
      if (!link.ready || !navigator.onLine) throw new Error("no line");
      await Promise.all([refreshLines(), refreshCallbacks()]);
      draw();
    } catch { /* shown again at the next news */ }
    refreshing = null;
  }, 400);
}

// A name that was looked up, an identity that was linked: several such events come at once.
const looking = new Map();
function lookAgain(id) {
  clearTimeout(looking.get(id));
  looking.set(id, setTimeout(async () => {
    try {
      desk.meet(id, await api(`/v1/conversations/${id}/context`));
      draw();
    } catch { /* told again with the next assignment */ }
  }, 200));
}

async function whyMine(id) {
  if (decisions.has(id)) return;
  try {
    const found = (await api(`/v1/conversations/${id}/decisions?limit=5`)).items;
    decisions.set(id, found.find((one) => one.agent === desk.agent.agent.id && one.reason) || found[0]);
    draw();
  } catch { /* the panel goes without */ }
}

const links = {
  async url(message, attachment) {
    const known = urls.get(attachment.id);
    if (known && known.until > Date.now()) return known.url;
    const found = await api(`/v1/conversations/${message.conversation}/messages/${message.id}/attachments/${attachment.id}`);
    const url = new URL(found.url, location.href);
    const local = url.pathname + url.search; // by whatever name this page was reached
    urls.set(attachment.id, { url: local, until: new Date(found.expires_at).getTime() - 30000 });
    return local;
  },
  async open(message, attachment) {
    const tab = window.open("", "_blank");
    if (tab) tab.opener = null;
    const url = await attempt(links.url(message, attachment));
    if (url && tab) tab.location = url;
    else tab?.close();
  },
  async show(message, attachment, holder) {
    try {
      const image = make("img", { alt: attachment.name || "", loading: "lazy", src: await links.url(message, attachment) });
      holder.prepend(image);
    } catch { /* the button remains */ }
  },
};

// -- typing --------------------------------------------------------------------------------------------------------

let typingAt = 0;
let typingEnds = 0;
function typing() {
  if (mode !== "reply" || !desk.open) return;
  clearTimeout(typingEnds);
  typingEnds = setTimeout(stopTyping, 5000);
  if (Date.now() - typingAt < 3000) return;
  typingAt = Date.now();
  link.hint("typing", { conversation: desk.open, on: true });
}

function stopTyping() {
  clearTimeout(typingEnds);
  if (typingAt && desk.open) link.hint("typing", { conversation: desk.open, on: false });
  typingAt = 0;
}

// -- what the service says of the draft ------------------------------------------------------------------------------

let checkAt = 0;
function checkSoon() {
  clearTimeout(checkAt);
  checkAt = setTimeout(check, 250);
}

async function check() {
  const conversation = desk.open;
  const text = $("words").value;
  if (!conversation || mode !== "reply") return;
  if (!text.trim()) verdicts.delete(conversation);
  else {
    try {
      const verdict = await link.ask("check", { conversation, text });
      if ($("words").value === text) verdicts.set(conversation, verdict);
    } catch { /* the line stays as it was; sending tells */ }
  }
  draw();
}

// -- wiring --------------------------------------------------------------------------------------------------------

function setMode(name) {
  mode = name;
  for (const button of document.querySelectorAll("[data-mode]")) button.setAttribute("aria-pressed", String(button.dataset.mode === name));
  $("composer").classList.toggle("note", name === "note");
  $("words").placeholder = word(name === "note" ? "write_note" : "write_answer");
  draw();
}

function setLanguage(name) {
  choose(name);
  sayAll();
  $("language").textContent = language() === "ja" ? "English" : "日本語";
  setMode(mode);
  for (const id of ["offers", "mine", "waiting", "callbacks", "promise", "banners", "timeline", "context"]) $(id).replaceChildren();
  draw();
}

$("door").addEventListener("submit", (event) => { event.preventDefault(); signIn($("token").value); $("token").value = ""; });
$("leave").addEventListener("click", () => { link.close(); sessionStorage.removeItem(KEY); location.reload(); });
$("language").addEventListener("click", () => { const next = language() === "ja" ? "en" : "ja"; localStorage.setItem("madoguchi.language", next); setLanguage(next); });
$("presence").addEventListener("change", () => attempt(link.ask("presence", { declared: $("presence").value })));
$("composer").addEventListener("submit", (event) => { event.preventDefault(); say(); });
$("words").addEventListener("input", typing);
$("words").addEventListener("input", checkSoon);
$("words").addEventListener("keydown", (event) => {
  // Enter that ends a conversion belongs to the input method (229 where isComposing is told late), not to us.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  if (!matchMedia("(min-width: 721px)").matches) return;
  event.preventDefault();
  say();
});
$("resolve").addEventListener("click", (event) => resolve(event.target));
$("transfer").addEventListener("click", () => attempt(transfer(), $("transfer")));
$("consult").addEventListener("click", () => attempt(consult(), $("consult")));
$("invite").addEventListener("click", invite);
for (const button of document.querySelectorAll("[data-mode]")) button.addEventListener("click", () => { setMode(button.dataset.mode); $("words").focus(); });
for (const button of document.querySelectorAll("[data-to]")) button.addEventListener("click", () => view(button.dataset.to));
setInterval(() => { countDown($("offers"), desk); tick($("desk")); const one = desk.conversations.get(desk.open); $("typing").textContent = (one?.typingUntil || 0) > Date.now() ? word("typing") : ""; }, 500);
setInterval(refreshWaiting, 15000);
setInterval(() => supervises() && refreshWaiting(), 5000); // of other queues no event tells

let kept = null;
try { kept = localStorage.getItem("madoguchi.language"); } catch { /* storage is not ours to use here */ }
setLanguage(kept || new URLSearchParams(location.search).get("lang") || (navigator.language || document.documentElement.lang).slice(0, 2));
const given = tokenGiven();
if (given) signIn(given);
else { $("door").hidden = false; $("token").focus(); }

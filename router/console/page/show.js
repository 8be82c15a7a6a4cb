// Putting it on the page. Whatever people wrote becomes text nodes and nothing else.
import { ago, clock, day, span, word } from "./words.js";

export function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "className") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

export const nameOf = (one) =>
  one.contact?.name || one.contact?.profile?.name || one.contact?.identities?.map((identity) => identity.profile?.name).find(Boolean) || nameless(one);

// Nothing is known of them yet: the end of their address tells one from another.
const nameless = (one) => {
  const address = one.contact?.identities?.[0]?.address || "";
  return address.includes("@") ? address : `${word("customer")} ${address.slice(-4)}`.trim();
};

export function wordsOf(message) {
  if (!message) return "";
  if (message.unsent_at) return word("unsent");
  return (message.parts || []).map((part) => part.text || part.caption || part.label || word(part.kind)).join(" ");
}

export function offerCard(one, { accept, decline }) {
  const lasting = one.offer.expires_at ? Math.max(1, (new Date(one.offer.expires_at) - new Date(one.offer.at || Date.now())) / 1000) : 0;
  const card = make("div", { className: "offer", "data-conversation": one.id },
    make("div", { className: "top" }, make("span", {}, nameOf(one)), make("span", { className: "left" })),
    make("div", { className: "said" }, wordsOf(one.last)),
    make("div", { className: "meta" }, one.last ? make("span", { className: "channel" }, one.last.channel) : null, one.offer.queue || ""),
    make("div", { className: "buttons" },
      make("button", { type: "button", className: "main", onclick: (event) => accept(one, event.target) }, word("accept")),
      make("button", { type: "button", onclick: (event) => decline(one, event.target) }, word("decline"))),
    lasting ? make("progress", { max: lasting, value: lasting }) : null);
  return card;
}

// The promise that is due next (one that runs; else one that is paused), as a chip whose time runs by itself.
export function promise(clocks, named) {
  const next = [...(clocks || [])].sort((a, b) => (a.due_at || "~").localeCompare(b.due_at || "~"))[0];
  if (!next) return null;
  const name = named ? `${word(next.target)} ` : "";
  if (!next.due_at) return make("span", { className: "clock paused", title: word(next.target) }, `${name}${word("paused")}`);
  const late = next.breached || new Date(next.due_at) <= Date.now();
  return make("time", { className: `clock ${late ? "late" : next.at_risk ? "risk" : ""}`.trim(), title: word(next.target), datetime: next.due_at, "data-name": name }, timeLeft(next.due_at, name));
}

function timeLeft(due, name) {
  const left = (new Date(due) - Date.now()) / 1000;
  return `${name || ""}${left < 0 ? `${word("late")} ` : ""}${span(left)}`;
}

export function tick(root) {
  for (const node of root.querySelectorAll("time.clock")) node.textContent = timeLeft(node.dateTime, node.dataset.name);
}

const countdown = (until) => make("time", { className: "clock", datetime: until }, timeLeft(until));

export function countDown(root, desk) {
  for (const card of root.querySelectorAll(".offer")) {
    const offer = desk.conversations.get(card.dataset.conversation)?.offer;
    if (!offer?.expires_at) continue;
    const left = Math.max(0, Math.ceil((new Date(offer.expires_at) - Date.now()) / 1000));
    card.querySelector(".left").textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    card.querySelector("progress").value = left;
  }
}

export function listItem(one, current, pick, desk) {
  const mark = one.wrapUpUntil ? make("span", { className: "mark" }, `${word("wrap_up")} `, countdown(one.wrapUpUntil))
    : desk.advises(one) ? make("span", { className: "mark" }, word("consult"))
    : one.idle ? make("span", { className: "mark idle", title: word("silent") }, "zzz") : promise(one.clocks);
  return make("li", {}, make("button", { type: "button", "aria-current": String(current), "data-conversation": one.id, onclick: () => pick(one.id) },
    make("span", { className: "name" }, nameOf(one)),
    make("span", { className: "side" }, mark, one.unread ? make("span", { className: "count" }, String(one.unread)) : make("span", { className: "time" }, one.lastAt ? clock(one.lastAt) : "")),
    make("span", { className: "said" }, wordsOf(one.last))));
}

export function waitingItem(one, { claim, takeOver }) {
  return make("li", {}, make("div", { className: "row", "data-conversation": one.conversation },
    make("span", {}, make("b", { className: "place" }, String(one.position || "")), make("span", { className: "channel" }, one.channel), " ", one.queue),
    make("span", { className: "doing" }, claim ? make("button", { type: "button", onclick: (event) => claim(one, event.target) }, word("claim")) : null,
      takeOver ? make("button", { type: "button", className: "quiet", onclick: (event) => takeOver(one, event.target) }, word("take_over")) : null),
    make("span", { className: "side" }, promise(one.sla?.clocks), one.priority ? make("span", { className: "mark" }, `${word("priority")} ${one.priority}`) : null,
      one.diverted === "callback" ? make("span", { className: "mark" }, word("callback")) : null, make("span", { className: "time" }, ago(one.waiting_since)))));
}

export function callbackItem(one) {
  return make("li", {}, make("div", { className: "row", "data-conversation": one.id }, number(one), make("span", { className: "time" }, `${day(one.callback_at)} ${clock(one.callback_at)}`)));
}

// Where the customer wants to be called back: a link that dials, if it is a number.
function number(one) {
  const known = (one.contact?.identities || []).map((identity) => identity.claims?.phone).find(Boolean);
  const found = one.attributes?.callback_address || known || one.reaches[one.reaches.length - 1]?.address || "";
  return /^\+?[0-9 ()-]+$/.test(found) ? make("a", { href: `tel:${found.replace(/[^+0-9]/g, "")}` }, found) : make("span", {}, found);
}

// What the agent must know before anything else, above what was said.
export function banners(one, desk, { finish, endConsult }) {
  const banner = (kind, ...content) => make("div", { className: "banner", "data-banner": kind }, ...content);
  const button = (name, act) => make("button", { type: "button", onclick: (event) => act(one, event.target) }, word(name));
  return [
    one.wrapUpUntil ? banner("wrap_up", make("span", {}, `${word("wrap_up")} `, countdown(one.wrapUpUntil)), button("finish_wrap_up", finish)) : null,
    desk.advises(one) ? banner("asked", make("span", {}, `${one.asker || one.agent || ""} ${word("you_are_asked")}`), button("end_consult", endConsult)) : null,
    desk.has(one) && one.consulted.length ? banner("asking", make("span", {}, `${word("consulting")}: ${one.consulted.join(", ")}`), button("end_consult", endConsult)) : null,
    one.tags?.includes("callback") && desk.has(one) ? banner("callback", make("span", {}, `${word("callback")} `, number(one), ` ${one.callbackAt ? `${day(one.callbackAt)} ${clock(one.callbackAt)}` : word("now_due")}`)) : null,
    one.summary ? banner("summary", make("details", { open: true }, make("summary", {}, word("summary")), make("p", {}, one.summary))) : null,
  ].filter(Boolean);
}

export function timeline(one, me, links) {
  const messages = [...one.messages.values()].sort((a, b) => a.at.localeCompare(b.at) || a.seq - b.seq);
  const nodes = [];
  let last = "";
  for (const message of messages) {
    if (day(message.at) !== last) nodes.push(make("li", { className: "day" }, (last = day(message.at))));
    nodes.push(bubble(message, one, me, links));
  }
  return nodes;
}

function bubble(message, one, me, links) {
  const other = message.conversation !== one.id ? " other" : "";
  const content = message.unsent_at ? [make("span", { className: "gone" }, word("unsent"))] : message.parts.map((part) => content_(part, message, links));
  return make("li", { className: message.direction + other, "data-message": message.id, "data-state": message.state },
    make("div", { className: "bubble" }, ...content), meta(message, me));
}

function meta(message, me) {
  const author = message.direction === "inbound" ? message.author_name : message.author?.replace(/^agent:/, "");
  return make("div", { className: "meta" },
    author ? make("span", {}, author === me ? word("you") : author) : null,
    message.channel && message.direction !== "note" ? make("span", { className: "channel" }, message.channel) : null,
    message.direction === "note" ? word("note") : null,
    make("time", { datetime: message.at }, clock(message.at)),
    message.edited_at ? word("edited") : null,
    message.direction === "outbound" ? make("span", { className: message.state, title: message.problem?.sentence || "" }, word(message.state)) : null,
    message.problem ? make("span", { className: "failed" }, message.problem.sentence) : null,
    ...(message.reactions || []).map((reaction) => make("span", {}, reaction.emoji)));
}

function content_(part, message, links) {
  if (part.attachment || part.recording) return attachment(part, message, links);
  if (part.kind === "text") return make("span", {}, part.text);
  if (part.kind === "choice") return make("span", {}, part.text, make("span", { className: "kind" }, `\n${part.options.map((option) => `▢ ${option.label}`).join("\n")}`));
  if (part.kind === "postback") return make("span", {}, `▣ ${part.label || part.value}`);
  if (part.kind === "location") return make("span", { className: "kind" }, `${word("location")}: ${[part.title, part.address].filter(Boolean).join(" ")} (${part.latitude}, ${part.longitude})`);
  const said = part.text || part.name || part.emoji || part.what || part.transcript || part.keywords?.join(" ") || "";
  return make("span", { className: "kind" }, `${word(part.kind)} ${said}`.trim());
}

function attachment(part, message, links) {
  const found = part.attachment || part.recording;
  const name = found.name || word(part.kind);
  const holder = make("span", { className: "kind" });
  if (found.state && found.state !== "ready") holder.append(`${name} (${word(found.state === "failed" ? "could_not_fetch" : "fetching")})`);
  else if (found.state === "ready") {
    const size = found.size ? ` ${Math.ceil(found.size / 1024)} KB` : "";
    holder.append(make("button", { type: "button", className: "quiet", onclick: () => links.open(message, found) }, `⤓ ${name}${size}`));
    if (part.kind === "image") links.show(message, found, holder);
  } else holder.append(`${name} (${word("fetching")})`);
  if (part.caption) holder.append(`\n${part.caption}`);
  return holder;
}

export function contextPanel(one, decision, tellAll) {
  const person = one.contact || {};
  const name = nameOf(one);
  return [
    make("div", { className: "person" }, make("span", { className: "face", "aria-hidden": "true" }, [...name][0] || "客"),
      make("span", {}, make("strong", {}, name), make("span", {}, [person.language, person.claims?.external_id].filter(Boolean).join(" · ")))),
    part("identities", list(person.identities, (identity) => make("li", {}, make("span", { className: "channel" }, identity.channel), ` ${identity.profile?.name || identity.claims?.email || identity.address} `,
      identity.verified ? make("span", { className: "verified", title: word("verified") }, "✓") : null, identity.reachable === false ? make("small", {}, word("unreachable")) : null))),
    part("times", make("dl", {}, ...pair("waited", one.waitingSince && ago(one.waitingSince)), ...pair("opened", one.openedAt && `${day(one.openedAt)} ${clock(one.openedAt)}`),
      ...pair("first_response", one.firstResponseAt && clock(one.firstResponseAt)))),
    part("promises", list(one.clocks, (known) => make("li", {}, promise([known], true)))),
    part("why", why(decision || one.decision, () => tellAll(one))),
    part("tags", one.tags?.length ? make("div", { className: "tags" }, ...one.tags.map((tag) => make("span", {}, tag))) : null),
    part("attributes", Object.keys(one.attributes || {}).length ? make("dl", {}, ...Object.entries(one.attributes).flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value)])) : null),
    part("earlier", list([...(one.others || [])].reverse(), (ref) => make("li", {}, ref.subject || word(ref.status), make("small", {}, [word(ref.status), ref.last_at && day(ref.last_at), ref.agent].filter(Boolean).join(" · "))))),
    part("agents", list([...(one.agents || [])].reverse(), (agent) => make("li", {}, agent.replace(/^agent:/, "")))),
  ].filter(Boolean);
}

const pair = (name, value) => (value ? [make("dt", {}, word(name)), make("dd", {}, value)] : []);
const part = (name, content) => content && content.childNodes.length ? make("section", { "data-part": name }, make("h3", {}, word(name)), content) : null;
const list = (items, item) => (items?.length ? make("ul", {}, ...items.map(item)) : null);

export function reasons(steps) {
  return make("ol", { className: "reasons" }, ...steps.map((step) => make("li", {}, make("time", { datetime: step.at }, clock(step.at)), step.sentence,
    ...step.details.map((detail) => make("small", {}, detail)))));
}

function why(decision, tellAll) {
  if (!decision) return null;
  const lines = (decision.considered || []).map((one) => make("li", {}, one.agent, make("small", {}, word(one.ruled_out || "eligible"))));
  return make("div", { className: "why" }, make("p", {}, decision.reason ? word(decision.reason) : ""),
    decision.rule ? make("p", {}, `${word("rule")}: ${decision.rule}`) : null,
    lines.length ? make("details", {}, make("summary", {}, word("considered")), make("ul", {}, ...lines)) : null,
    make("button", { type: "button", className: "quiet all", onclick: tellAll }, word("all_reasons")));
}

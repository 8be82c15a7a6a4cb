// Putting it on the page. Whatever people wrote becomes text nodes and nothing else.
import { ago, clock, day, word } from "./words.js";

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

export function countDown(root, desk) {
  for (const card of root.querySelectorAll(".offer")) {
    const offer = desk.conversations.get(card.dataset.conversation)?.offer;
    if (!offer?.expires_at) continue;
    const left = Math.max(0, Math.ceil((new Date(offer.expires_at) - Date.now()) / 1000));
    card.querySelector(".left").textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    card.querySelector("progress").value = left;
  }
}

export function listItem(one, current, pick) {
  return make("li", {}, make("button", { type: "button", "aria-current": String(current), "data-conversation": one.id, onclick: () => pick(one.id) },
    make("span", { className: "name" }, nameOf(one)),
    one.unread ? make("span", { className: "count" }, String(one.unread)) : make("span", { className: "time" }, one.lastAt ? clock(one.lastAt) : ""),
    make("span", { className: "said" }, wordsOf(one.last))));
}

export function waitingItem(one, claim) {
  return make("li", {}, make("div", { className: "row", "data-conversation": one.conversation },
    make("span", {}, make("span", { className: "channel" }, one.channel), " ", one.queue),
    make("button", { type: "button", onclick: (event) => claim(one, event.target) }, word("claim")),
    make("span", { className: "time" }, ago(one.waiting_since))));
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

export function contextPanel(one, decision) {
  const person = one.contact || {};
  const name = nameOf(one);
  return [
    make("div", { className: "person" }, make("span", { className: "face", "aria-hidden": "true" }, [...name][0] || "客"),
      make("span", {}, make("strong", {}, name), make("span", {}, [person.language, person.claims?.external_id].filter(Boolean).join(" · ")))),
    part("identities", list(person.identities, (identity) => make("li", {}, make("span", { className: "channel" }, identity.channel), ` ${identity.profile?.name || identity.claims?.email || identity.address} `,
      identity.verified ? make("span", { className: "verified", title: word("verified") }, "✓") : null, identity.reachable === false ? make("small", {}, word("unreachable")) : null))),
    part("times", make("dl", {}, ...pair("waited", one.waitingSince && ago(one.waitingSince)), ...pair("opened", one.openedAt && `${day(one.openedAt)} ${clock(one.openedAt)}`),
      ...pair("first_response", one.firstResponseAt && clock(one.firstResponseAt)))),
    part("why", why(decision || one.decision)),
    part("tags", one.tags?.length ? make("div", { className: "tags" }, ...one.tags.map((tag) => make("span", {}, tag))) : null),
    part("attributes", Object.keys(one.attributes || {}).length ? make("dl", {}, ...Object.entries(one.attributes).flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value)])) : null),
    part("earlier", list([...(one.others || [])].reverse(), (ref) => make("li", {}, ref.subject || word(ref.status), make("small", {}, [word(ref.status), ref.last_at && day(ref.last_at), ref.agent].filter(Boolean).join(" · "))))),
    part("agents", list([...(one.agents || [])].reverse(), (agent) => make("li", {}, agent.replace(/^agent:/, "")))),
  ].filter(Boolean);
}

const pair = (name, value) => (value ? [make("dt", {}, word(name)), make("dd", {}, value)] : []);
const part = (name, content) => content && content.childNodes.length ? make("section", { "data-part": name }, make("h3", {}, word(name)), content) : null;
const list = (items, item) => (items?.length ? make("ul", {}, ...items.map(item)) : null);

function why(decision) {
  if (!decision) return null;
  const lines = (decision.considered || []).map((one) => make("li", {}, one.agent, make("small", {}, word(one.ruled_out || "eligible"))));
  return make("div", { className: "why" }, make("p", {}, decision.reason ? word(decision.reason) : ""),
    decision.rule ? make("p", {}, `${word("rule")}: ${decision.rule}`) : null,
    lines.length ? make("details", {}, make("summary", {}, word("considered")), make("ul", {}, ...lines)) : null);
}

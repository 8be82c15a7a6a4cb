// What the agent knows: conversations built from the frames. An event at or below a conversation's number is old news.
const RANK = { received: 0, queued: 0, sending: 1, uncertain: 2, failed: 3, sent: 3, delivered: 4, read: 5 };

export class Desk {
  constructor() {
    this.agent = null;
    this.conversations = new Map();
    this.open = null;
  }

  known() {
    return [...this.conversations.keys()];
  }

  mine() {
    return [...this.conversations.values()].filter((one) => this.has(one) || one.wrapUpUntil || this.advises(one))
      .sort((a, b) => (b.lastAt || "").localeCompare(a.lastAt || ""));
  }

  has(one) {
    return one.agent === this.agent?.agent.id;
  }

  // Asked for advice: sees it and writes notes.
  advises(one) {
    return !this.has(one) && one.consulted.includes(this.agent?.agent.id);
  }

  offers() {
    return [...this.conversations.values()].filter((one) => one.offer);
  }

  entry(id) {
    if (!this.conversations.has(id)) {
      this.conversations.set(id, { id, seq: 0, messages: new Map(), status: "open", tags: [], attributes: {}, others: [], agents: [], unread: 0, reaches: [], consulted: [], clocks: [] });
    }
    return this.conversations.get(id);
  }

  apply(frame) {
    if (frame.type === "welcome") return this.welcome(frame);
    if (frame.type === "conversation") return this.load(frame);
    if (frame.type === "event") return this.event(frame.event);
    if (frame.type === "typing") this.entry(frame.conversation).typingUntil = frame.on ? Date.now() + 6000 : 0;
    return frame.conversation;
  }

  welcome(frame) {
    this.agent = { agent: frame.agent.agent, presence: frame.agent.presence || {} };
    this.scopes = frame.scopes || [];
    // What is no longer ours according to the service leaves the list; what is stays, with what we have read.
    const held = new Set(["work", "offers", "idle", "wrap_up"].flatMap((name) => frame.agent[name] || []));
    for (const one of this.conversations.values()) {
      if (!held.has(one.id) && one.id !== this.open && !this.advises(one)) this.conversations.delete(one.id);
      else if (!held.has(one.id)) one.agent = one.offer = null;
    }
  }

  load(frame) {
    const { conversation } = frame;
    const one = this.entry(conversation.id);
    Object.assign(one, {
      seq: conversation.seq, status: conversation.status, agent: conversation.agent, queue: conversation.queue, subject: conversation.subject,
      waitingSince: conversation.waiting_since, openedAt: conversation.opened_at, firstResponseAt: conversation.first_response_at,
      reaches: conversation.reaches || [], offer: frame.offer, floor: conversation.floor, consulted: conversation.consulted || [], idle: conversation.idle || false,
      wrapUpUntil: frame.wrap_up_until, callbackAt: conversation.callback_at,
    });
    this.context(one, frame.context);
    one.tags = conversation.tags || one.tags;
    return one.id;
  }

  context(one, context) {
    if (!context) return;
    one.contact = context.contact;
    one.others = context.others || [];
    one.agents = context.agents || [];
    one.tags = context.tags || [];
    one.attributes = context.attributes || {};
    one.waitingSince = context.waiting_since;
    one.summary = context.summary;
    one.clocks = context.sla?.clocks || [];
    for (const message of context.messages || []) {
      this.message(one, message);
      if (message.direction === "inbound" && message.conversation === one.id) this.reached(one, message);
    }
  }

  // The latest way to the customer stands last.
  reached(one, message) {
    const reach = { channel: message.channel, account: message.account, address: message.address };
    one.reaches = [...one.reaches.filter((old) => old.channel !== reach.channel || old.address !== reach.address), reach];
    one.subject ||= message.subject;
  }

  // Conversations of whom this event, which is of no conversation, tells something.
  about(event) {
    return [...this.conversations.values()].filter((one) => !event.conversation && event.contact && one.contact?.id === event.contact);
  }

  // What became known of the customer in the meantime.
  meet(id, context) {
    Object.assign(this.entry(id), { contact: context.contact, others: context.others || [] });
  }

  message(one, message) {
    const old = one.messages.get(message.id);
    if (old && RANK[old.state] > RANK[message.state]) message = { ...message, state: old.state, problem: old.problem };
    one.messages.set(message.id, message);
    if (message.conversation === one.id && (!one.lastAt || message.at > one.lastAt)) {
      one.lastAt = message.at;
      one.last = message;
    }
  }

  event(event) {
    if (event.type === "agent.presence_changed" && this.agent && event.agent === this.agent.agent.id) this.agent.presence = event.presence;
    if (event.type === "agent.changed" && event.state && this.agent && event.agent === this.agent.agent.id) this.agent.agent = event.state.agent;
    if (!event.conversation || event.type.startsWith("offer.")) return this.offerNews(event);
    const one = this.entry(event.conversation);
    if (event.seq && event.seq <= one.seq) return one.id;
    if (event.seq) one.seq = event.seq;
    const rule = RULES[event.type] || (event.message_id ? RULES.state : null);
    if (rule) rule.call(this, one, event);
    return one.id;
  }

  offerNews(event) {
    const one = event.conversation && this.conversations.get(event.conversation);
    if (one && ["offer.expired", "offer.declined", "offer.withdrawn"].includes(event.type)) one.offer = null;
    return one?.id;
  }
}

// What is promised until when; null: it was kept.
function setClock(one, event, clock) {
  one.clocks = one.clocks.filter((known) => known.target !== event.target).concat(clock ? { target: event.target, ...clock } : []);
}

const RULES = {
  "conversation.offered"(one, event) {
    this.context(one, event.context);
    one.status = "open"; // reopened perhaps, while we did not follow it
    one.agent = null;
    one.queue = event.queue;
    one.decision = event.decision;
    one.offer = event.agent === this.agent.agent.id ? { queue: event.queue, expires_at: event.expires_at, at: event.at } : null;
  },
  "conversation.assigned"(one, event) {
    this.context(one, event.context);
    Object.assign(one, { status: "open", agent: event.agent, queue: event.queue, decision: event.decision || one.decision, offer: null, floor: event.floor, idle: false });
    one.consulted = one.consulted.filter((agent) => agent !== event.agent);
  },
  "conversation.consulted"(one, event) {
    one.consulted = one.consulted.filter((agent) => agent !== event.consultant).concat(event.ended ? [] : event.consultant);
    if (!event.ended) one.asker = event.by?.replace(/^agent:/, "");
  },
  "conversation.idled"(one) {
    one.idle = true;
  },
  "conversation.woken"(one) {
    one.idle = false;
  },
  "conversation.diverted"(one, event) {
    one.callbackAt = event.callback_at;
  },
  "wrap_up.started"(one, event) {
    one.wrapUpUntil = event.until;
  },
  "wrap_up.ended"(one) {
    one.wrapUpUntil = null;
  },
  "sla.started"(one, event) {
    setClock(one, event, { due_at: event.due_at });
  },
  "sla.paused"(one, event) {
    setClock(one, event, { left_s: event.left_s });
  },
  "sla.at_risk"(one, event) {
    setClock(one, event, { due_at: event.due_at, at_risk: true });
  },
  "sla.breached"(one, event) {
    setClock(one, event, { due_at: event.due_at, breached: true });
  },
  "sla.met"(one, event) {
    setClock(one, event, null);
  },
  "conversation.unassigned"(one) {
    one.agent = null;
  },
  "conversation.queued"(one, event) {
    Object.assign(one, { agent: null, offer: null, queue: event.queue });
  },
  "conversation.status_changed"(one, event) {
    one.status = event.status;
  },
  "conversation.reopened"(one) {
    one.status = "open";
  },
  "conversation.opened"(one, event) {
    one.openedAt = event.at;
  },
  "conversation.tagged"(one, event) {
    one.tags = event.tags || [];
    one.attributes = event.attributes || {};
  },
  "message.received"(one, event) {
    this.message(one, event.message);
    one.waitingSince ||= event.at;
    one.typingUntil = 0;
    if (this.open !== one.id) one.unread += 1;
    this.reached(one, event.message);
  },
  "message.queued"(one, event) {
    this.message(one, event.message);
    if (event.message.flags?.includes("automatic")) return; // the service itself; the customer waits on
    one.waitingSince = null;
    one.firstResponseAt ||= event.at;
  },
  "message.noted"(one, event) {
    this.message(one, event.message);
  },
  "message.edited"(one, event) {
    const old = one.messages.get(event.message_id);
    if (old) one.messages.set(old.id, { ...old, parts: event.parts, edited_at: event.joined ? old.edited_at : event.edited_at });
  },
  "message.unsent"(one, event) {
    const old = one.messages.get(event.message_id);
    if (old) one.messages.set(old.id, { ...old, parts: [], unsent_at: event.at });
  },
  "message.reacted"(one, event) {
    const old = one.messages.get(event.message_id);
    if (!old) return;
    const others = (old.reactions || []).filter((known) => known.by !== event.reaction.by || known.emoji !== event.reaction.emoji);
    one.messages.set(old.id, { ...old, reactions: event.removed ? others : [...others, event.reaction] });
  },
  "attachment.changed"(one, event) {
    const old = one.messages.get(event.message_id);
    if (!old) return;
    const parts = old.parts.map((part) => (part.attachment?.id === event.attachment.id ? { ...part, attachment: event.attachment } : part));
    one.messages.set(old.id, { ...old, parts });
  },
  "contact.updated"(one, event) {
    one.contact = event.person;
  },
  state(one, event) {
    const old = one.messages.get(event.message_id);
    if (old && RANK[event.state] > RANK[old.state]) one.messages.set(old.id, { ...old, state: event.state, problem: event.problem });
  },
};

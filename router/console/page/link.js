// The WebSocket: says hello, resumes after the last event seen, and sends again what was not answered.
const FINAL = new Set([4400, 4401, 4403, 4404]);

export class Link {
  constructor(token, { onFrame, onState, onRefused, known }) {
    this.token = token;
    this.onFrame = onFrame;
    this.onState = onState;
    this.onRefused = onRefused;
    this.known = known;
    this.place = null;
    this.pending = new Map();
    this.number = 0;
    this.wait = 500;
    this.closed = false;
    this.connect();
  }

  connect() {
    this.onState("connecting");
    const url = new URL("/v1/agent", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = (this.socket = new WebSocket(url));
    socket.addEventListener("open", () => {
      const hello = { type: "hello", token: this.token };
      if (this.place) Object.assign(hello, { after: this.place, conversations: this.known() });
      socket.send(JSON.stringify(hello));
    });
    socket.addEventListener("message", (event) => this.hear(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => this.lost(event));
  }

  hear(frame) {
    if (frame.token) this.place = frame.token;
    if (frame.type === "refused") this.problem = frame.problem;
    if (frame.type === "ready") {
      this.wait = 500;
      this.ready = true;
      this.onState("ready");
      for (const { frame: unanswered } of this.pending.values()) this.socket.send(JSON.stringify(unanswered));
    }
    if (frame.type === "result") this.settle(frame);
    else this.onFrame(frame);
  }

  settle(frame) {
    const asked = this.pending.get(frame.id);
    if (!asked) return;
    this.pending.delete(frame.id);
    if (frame.ok) asked.resolve(frame.result);
    else asked.reject(new Error(frame.problem.detail));
  }

  lost(event) {
    this.ready = false;
    if (this.closed) return;
    if (FINAL.has(event.code) && !(event.code === 4400 && this.place)) {
      this.close();
      this.onRefused(event.code, this.problem);
      return;
    }
    if (event.code === 4400) this.place = null; // the place is not known any more: begin anew
    this.onState("lost");
    setTimeout(() => !this.closed && this.connect(), this.wait * (0.5 + Math.random()));
    this.wait = Math.min(this.wait * 2, 10000);
  }

  // The key makes a frame that is sent again after a reconnect one write.
  ask(type, fields) {
    const id = String(++this.number);
    const frame = { type, id, key: crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random()}`, ...fields };
    return new Promise((resolve, reject) => {
      this.pending.set(id, { frame, resolve, reject });
      if (this.ready) this.socket.send(JSON.stringify(frame));
    });
  }

  // Not worth keeping for later.
  hint(type, fields) {
    if (this.ready) this.socket.send(JSON.stringify({ type, id: `h${++this.number}`, ...fields }));
  }

  close() {
    this.closed = true;
    this.socket.close();
  }
}

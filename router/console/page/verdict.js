// What the service says of a draft while it is written, in one line: the way, the time left, the pieces, the warnings.
import { clock, language, word } from "./words.js";

const NAMES = { degraded: "as_text", billed: "billed", window_ends: "window_ends", trouble: "in_trouble", quota: "quota_low" };

export function verdictLine(verdict) {
  const way = verdict.way;
  const name = way ? (language() === "ja" ? way.title_ja : way.title) || way.channel : "";
  if (!verdict.allowed) {
    const others = (verdict.alternatives || []).map((other) => (language() === "ja" ? other.title_ja : other.title) || other.channel);
    const instead = others.length ? `${word("instead")}: ${[...new Set(others)].join(", ")}` : "";
    return [`${word("cannot_go")}${name ? ` (${name})` : ""}`, word(`why_${verdict.kind}`).replace(/^why_.*/, verdict.sentence || ""), instead].filter(Boolean).join(" · ");
  }
  const until = way?.free_until ? `${word("free")} ${clock(way.free_until)} ${word("until")}` : way?.window_ends_at ? `${clock(way.window_ends_at)} ${word("until")}` : "";
  const pieces = verdict.pieces > 1 ? `${verdict.pieces} ${word("pieces")}` : "";
  const notices = [...new Set((verdict.notices || []).map((notice) => NAMES[notice.code]).filter(Boolean))].map(word);
  return [`${word("via")}: ${name}`, until, pieces, ...notices].filter(Boolean).join(" · ");
}

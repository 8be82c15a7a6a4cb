// A consumer with nothing of Madoguchi's in it: ioredis and @msgpack/msgpack. Prints each event as a line of JSON.
//   node stock.mjs redis://127.0.0.1:6379 '{positions}'
// Ends when nothing has come for a second; the last line has the positions to go on from.
import { decode } from "@msgpack/msgpack";
import { Redis } from "ioredis";

const redis = new Redis(process.argv[2]);
const count = Number(await redis.hget("m1:layout", "shards"));
const at = { "{d:main}:events": "0-0" };
for (let number = 0; number < count; number++) at[`{c:${String(number).padStart(2, "0")}}:events`] = "0-0";
Object.assign(at, JSON.parse(process.argv[3] ?? "{}"));

for (;;) {
  const answer = await redis.callBuffer("XREAD", "COUNT", "100", "BLOCK", "1000", "STREAMS", ...Object.keys(at), ...Object.values(at));
  if (!answer) break;
  for (const [stream, entries] of answer) {
    for (const [id, list] of entries) {
      const fields = {};
      for (let place = 0; place < list.length; place += 2) fields[list[place].toString()] = list[place + 1];
      const event = decode(fields.data); // timestamps become Date, which is ISO 8601 in JSON
      console.log(JSON.stringify({ stream: stream.toString(), type: fields.type.toString(), seq: event.seq ?? null, event }));
      at[stream.toString()] = id.toString();
    }
  }
}
console.log(JSON.stringify({ positions: at }));
redis.disconnect();

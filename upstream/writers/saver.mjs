// Writes threads.json with the @langchain/langgraph-checkpoint-postgres of the current folder.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const { emptyCheckpoint } = require("@langchain/langgraph-checkpoint");
const { PostgresSaver } = require("@langchain/langgraph-checkpoint-postgres");
const { Pool } = require("pg");

// The driver finds the server in libpq's usual variables.
const saver = new PostgresSaver(new Pool());
await saver.setup();
for (const step of JSON.parse(readFileSync(new URL("threads.json", import.meta.url)))) {
  const { thread_id, checkpoint_ns, id, parent, channel_values, channel_versions } = step;
  const place = { thread_id, checkpoint_ns };
  // The release's own version of the format, but no time and no id that differ between runs.
  const ts = "2024-08-05T12:00:00+00:00";
  const checkpoint = { ...emptyCheckpoint(), ts, id, channel_values, channel_versions };
  const config = { configurable: { ...place, checkpoint_id: parent ?? undefined } };
  await saver.put(config, checkpoint, step.metadata, step.new_versions);
  for (const task of step.tasks) {
    const saved = { configurable: { ...place, checkpoint_id: id } };
    await saver.putWrites(saved, task.writes, task.id);
  }
}
await saver.end();

// Calls setup() of the @langchain/langgraph-checkpoint-postgres of the current folder, as a service
// does at its start, and prints the SQLSTATE and the message of a refusal.
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const { PostgresSaver } = require("@langchain/langgraph-checkpoint-postgres");
const { Pool } = require("pg");

// The driver finds the server in libpq's usual variables.
const saver = new PostgresSaver(new Pool());
try {
  await saver.setup();
  console.log("passed");
} catch (error) {
  console.log(`${error.code}: ${error.message}`);
}
await saver.end();

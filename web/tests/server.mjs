// A real server for the tests: started on a free port, stopped or killed.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const program = process.env.SD35_PROGRAM;
const model = process.env.SD35_MODEL;
const folder = process.env.SD35_PAGE; // served in place of the page inside the program

/** Starts `sd35 serve` with what is given beside the model, and waits until it listens. */
export async function startServer({ port = 0, options = [] } = {}) {
  if (!program || !model) throw new Error("SD35_PROGRAM and SD35_MODEL name the program and a model: use tests/run");
  const all = ["serve", "--model", `default=${model}`, "--port", String(port), ...(folder ? ["--page", folder] : []), ...options];
  const child = spawn(program, all, { stdio: ["ignore", "pipe", "pipe"] });
  const said = [];
  const url = await new Promise((resolve, reject) => {
    const listen = (line) => {
      said.push(line);
      const found = /listening on (http:\/\/\S+)/.exec(line);
      if (found) resolve(found[1].replace(/\/$/, ""));
    };
    createInterface({ input: child.stdout }).on("line", listen);
    createInterface({ input: child.stderr }).on("line", listen);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}:\n${said.join("\n")}`)));
  });
  // A test that fails must neither wait for its server nor leave it behind.
  for (const part of [child, child.stdout, child.stderr]) part.unref();
  process.once("exit", () => child.kill("SIGKILL"));
  const end = async (signal) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
  };
  return { url, port: Number(new URL(url).port), stop: () => end("SIGTERM"), kill: () => end("SIGKILL") };
}

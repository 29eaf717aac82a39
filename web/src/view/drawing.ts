// What Draw does, from wherever it is pressed.
import { signal } from "@preact/signals";
import { Gone, Refused } from "../api/client";
import { draw } from "../state/jobs";
import { notice, say } from "../state/notices";
import { go } from "../state/route";
import { capabilities, readServer } from "../state/server";
import { input, mask, maskTaken, newSeed, prompt, request, seed, seedKept } from "../state/settings";

export const sending = signal(false);

export async function drawNow(): Promise<void> {
  if (sending.value) return;
  if (prompt.value.trim() === "") {
    say("Say what the picture should show.", "error", "prompt");
    document.querySelector<HTMLElement>("#prompt")?.focus();
    return;
  }
  sending.value = true;
  notice.value = null;
  try {
    await maskTaken();
    if (!capabilities.value) await readServer(); // its token was not known yet
    if (!seedKept.value) seed.value = newSeed();
    await draw(request(), input.value?.blob ?? null, input.value ? mask.value : null);
    go("stage");
    document.querySelector("#stage")?.scrollIntoView({ block: "nearest" });
  } catch (error) {
    complain(error);
  } finally {
    sending.value = false;
  }
}

export function complain(error: unknown): void {
  if (error instanceof Gone) say("The server does not answer; try again when it is back.", "error");
  else if (error instanceof Refused) say(explained(error), "error", error.problem.field);
  else say(error instanceof Error ? error.message : String(error), "error");
}

function explained({ status, problem, retryAfter }: Refused): string {
  if (status === 401) return "This server draws only for those who know its token.";
  const message = problem.message.charAt(0).toUpperCase() + problem.message.slice(1);
  const stop = /[.!?]$/.test(message) ? "" : ".";
  return retryAfter ? `${message}${stop} Try again in ${retryAfter} s.` : `${message}${stop}`;
}

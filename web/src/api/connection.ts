// Whether the server answers. While it does not, it is asked again and again; what waits goes on when it does.
import { signal } from "@preact/signals";

export const reachable = signal(true);
/** Grows each time the server is back, which may then be another one. */
export const returns = signal(0);

let waiting: (() => void)[] = [];

export function found(): void {
  if (reachable.value) return;
  reachable.value = true;
  returns.value += 1;
  const go = waiting;
  waiting = [];
  for (const resolve of go) resolve();
}

export function lost(): void {
  if (!reachable.value) return;
  reachable.value = false;
  void knock();
}

export function whenReachable(): Promise<void> {
  return reachable.value ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve));
}

async function alive(): Promise<boolean> {
  return fetch("/livez", { cache: "no-store" }).then(
    (response) => response.ok,
    () => false,
  );
}

async function knock(): Promise<void> {
  for (let pause = 500; !reachable.value; pause = Math.min(pause * 1.5, 5000)) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (await alive()) found();
  }
}

/** Notices within half a minute that the server has gone, while someone looks at the page. */
export function watchConnection(): void {
  const look = async () => {
    if (document.visibilityState === "visible" && reachable.value && !(await alive())) lost();
  };
  setInterval(look, 30_000);
  document.addEventListener("visibilitychange", look);
}

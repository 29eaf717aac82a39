// What the page says: an alert near the prompt, and progress for screen readers, which must not be talked over.
import { signal } from "@preact/signals";

export interface Notice {
  text: string;
  kind: "error" | "note";
  field?: string | null;
}

export const notice = signal<Notice | null>(null);

export function say(text: string, kind: Notice["kind"] = "note", field?: string | null): void {
  notice.value = { text, kind, field };
}

/** The text of the polite live region. */
export const spoken = signal("");

const between = 5000;
let last = -between;
let due: number | undefined;
let next = "";

/** Announces progress: at most every five seconds, and then the newest. */
export function announce(text: string): void {
  next = text;
  if (due !== undefined) return;
  const wait = Math.max(0, last + between - performance.now());
  due = setTimeout(() => {
    due = undefined;
    last = performance.now();
    spoken.value = next;
  }, wait);
}

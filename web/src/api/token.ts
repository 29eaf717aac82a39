// The token of a server that asks for one: kept for this tab, asked for at the first 401.
import { signal } from "@preact/signals";

const key = "sd35.token";

/** Set while a person is asked; `rejected` tells that a token was given and is wrong. */
export const question = signal<{ rejected: boolean; answer: (token: string | null) => void } | null>(null);

let asking: Promise<boolean> | null = null;

export const token = (): string | null => sessionStorage.getItem(key);

/** Asks for a token in place of `refused`; several calls that wait share one question. False: given up. */
export function renewToken(refused: string | null): Promise<boolean> {
  if (token() !== refused) return Promise.resolve(true); // another call has asked in the meantime
  asking ??= new Promise<boolean>((resolve) => {
    question.value = {
      rejected: refused !== null,
      answer(given) {
        question.value = null;
        asking = null;
        if (given) sessionStorage.setItem(key, given);
        resolve(given !== null);
      },
    };
  });
  return asking;
}

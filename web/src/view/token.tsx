// The question for the server's token.
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { question } from "../api/token";
import { useModal } from "./modal";

export function TokenQuestion(): JSX.Element | null {
  return question.value ? <Question {...question.value} /> : null;
}

function Question({ rejected, answer }: NonNullable<typeof question.value>): JSX.Element {
  const dialog = useModal();
  const field = useRef<HTMLInputElement>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    const given = field.current!.value.trim();
    if (given) answer(given);
  };
  return (
    <dialog class="question" ref={dialog} aria-labelledby="token-title" onCancel={() => answer(null)}>
      <form onSubmit={submit}>
        <h2 id="token-title">This server asks for its token</h2>
        <p class="soft" id="token-about">
          {rejected ? "That was not it. " : ""}Whoever started the server knows it. It is kept until this tab is closed.
        </p>
        <label for="token" class="unseen">
          Token
        </label>
        <input type="password" id="token" ref={field} autocomplete="off" aria-describedby="token-about" aria-invalid={rejected} required />
        <div class="actions">
          <button type="submit" class="strong">
            Go on
          </button>
          <button type="button" class="quiet" onClick={() => answer(null)}>
            Not now
          </button>
        </div>
      </form>
    </dialog>
  );
}

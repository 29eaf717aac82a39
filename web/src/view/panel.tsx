// The form: prompt first, what is often chosen below it, the rest folded.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { kept } from "../state/gallery";
import { notice } from "../state/notices";
import { go, view } from "../state/route";
import { capabilities, model } from "../state/server";
import { count, prompt } from "../state/settings";
import { drawNow, sending } from "./drawing";
import { faulty, off } from "./fields";
import { Icon, Mark } from "./icons";
import { Beginning } from "./beginning";
import { More } from "./more";
import { Sizes } from "./sizes";

const mac = /^(Mac|iP)/.test(navigator.platform);

export function Panel(): JSX.Element {
  const submit = (event: Event) => {
    event.preventDefault();
    void drawNow();
  };
  return (
    <div class="panel">
      <Masthead />
      <form aria-label="What to draw" onSubmit={submit} noValidate>
        <Prompt />
        <button type="submit" class="draw" aria-disabled={sending.value} aria-keyshortcuts="Control+Enter">
          Draw <kbd>{mac ? "⌘" : "Ctrl"} Enter</kbd>
        </button>
        <Said />
        <Sizes />
        <Count />
        <Beginning />
        <More />
      </form>
    </div>
  );
}

function Masthead(): JSX.Element {
  const there = view.value === "gallery";
  return (
    <header class="masthead">
      <h1>
        <Mark />
        sd35
      </h1>
      <p class="edge" title={capabilities.value ? `sd35 ${capabilities.value.version}` : undefined}>
        {model.value?.name}
      </p>
      <button type="button" class="quiet" onClick={() => go(there ? "stage" : "gallery")}>
        {there ? "Back to drawing" : `Gallery ${kept.value.length || ""}`}
      </button>
    </header>
  );
}

function Prompt(): JSX.Element {
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    // A page to type in; but where that brings a keyboard over half the screen, not before it is asked for.
    if (matchMedia("(pointer: fine)").matches) area.current!.focus();
  }, []);
  useEffect(() => {
    const element = area.current!; // as high as its text
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight}px`;
  }, [prompt.value]);
  return (
    <>
      <label for="prompt" class="unseen">
        Prompt
      </label>
      <textarea
        id="prompt"
        ref={area}
        rows={3}
        maxLength={capabilities.value?.limits.max_prompt}
        placeholder="What should the picture show?"
        value={prompt.value}
        onInput={(event) => {
          prompt.value = event.currentTarget.value;
          if (notice.value?.field === "prompt") notice.value = null;
        }}
        {...faulty("prompt")}
      />
    </>
  );
}

function Said(): JSX.Element {
  const said = notice.value;
  return (
    <div role="alert" id="notice" class={said ? `notice ${said.kind}` : "notice"}>
      {said && (
        <>
          <p>{said.text}</p>
          <button type="button" class="bare" aria-label="Dismiss" onClick={() => (notice.value = null)}>
            <Icon name="close" />
          </button>
        </>
      )}
    </div>
  );
}

function Count(): JSX.Element {
  const most = capabilities.value?.limits.max_count ?? 10;
  const set = (value: number) => {
    if (Number.isFinite(value)) count.value = Math.min(Math.max(Math.round(value), 1), most);
  };
  return (
    <div class="field stepper">
      <label for="count">Pictures</label>
      <button type="button" aria-label="One less" {...off(count.value <= 1, () => set(count.value - 1))}>
        <Icon name="minus" />
      </button>
      <input
        type="number"
        id="count"
        min={1}
        max={most}
        value={count.value}
        onChange={(event) => set(event.currentTarget.valueAsNumber)}
        {...faulty("count")}
      />
      <button type="button" aria-label="One more" {...off(count.value >= most, () => set(count.value + 1))}>
        <Icon name="plus" />
      </button>
    </div>
  );
}

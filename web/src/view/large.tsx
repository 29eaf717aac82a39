// A picture large, with its settings: to download, to use again, to edit.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { addressOf, fileName, kept, remove, type Kept } from "../state/gallery";
import { go, large, view } from "../state/route";
import { adopt } from "../state/settings";
import { say } from "../state/notices";
import { off } from "./fields";
import { Icon } from "./icons";
import { useModal } from "./modal";
import { Picture } from "./picture";
import { edit } from "./stage";

export function Large(): JSX.Element | null {
  const picture = kept.value.find(({ id }) => id === large.value);
  return picture ? <Open picture={picture} /> : null;
}

function Open({ picture }: { picture: Kept }): JSX.Element {
  const dialog = useModal();
  const [before, setBefore] = useState(false);
  const at = kept.value.indexOf(picture);
  const other = picture.input ? null : (kept.value[at + 1] ?? null);
  const show = (index: number) => {
    const to = kept.value[index];
    if (to) go(view.value, to.id);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowLeft") show(at - 1);
    else if (event.key === "ArrowRight") show(at + 1);
    else if (event.key === "c") setBefore(true);
  };
  const onKeyUp = (event: KeyboardEvent) => event.key === "c" && setBefore(false);
  const shownPicture = before && other ? other : picture;
  const cancelled = (event: Event) => {
    event.preventDefault();
    go(view.value);
  };
  return (
    <dialog class="large" ref={dialog} aria-label="Picture" onCancel={cancelled} onKeyDown={onKeyDown} onKeyUp={onKeyUp}>
      <div class="view">
        <Picture picture={shownPicture} before={before} />
        {before && <span class="edge badge">{picture.input ? "Before" : `No. ${other?.id}`}</span>}
      </div>
      <div class="about">
        <div class="turn">
          <button type="button" aria-label="Newer picture" {...off(at === 0, () => show(at - 1))}>
            <Icon name="left" />
          </button>
          <button type="button" aria-label="Older picture" {...off(at === kept.value.length - 1, () => show(at + 1))}>
            <Icon name="right" />
          </button>
          <p class="edge">No. {picture.id}</p>
          <button type="button" class="bare" aria-label="Close" onClick={() => go(view.value)}>
            <Icon name="close" />
          </button>
        </div>
        <p class="what">{picture.settings.prompt}</p>
        <Actions picture={picture} />
        <Settings picture={picture} />
        {(picture.input || other) && (
          <button
            type="button"
            class="quiet hold"
            onPointerDown={() => setBefore(true)}
            onPointerUp={() => setBefore(false)}
            onPointerLeave={() => setBefore(false)}
            onKeyDown={(event) => (event.key === " " || event.key === "Enter") && setBefore(true)}
            onKeyUp={() => setBefore(false)}
          >
            Hold to see {picture.input ? "what it began with" : "the one before"} <kbd>C</kbd>
          </button>
        )}
      </div>
    </dialog>
  );
}

function Actions({ picture }: { picture: Kept }): JSX.Element {
  const use = () => {
    const { blob, width, height, settings } = { ...picture, blob: picture.input };
    adopt(settings, blob ? { blob, width, height } : null, picture.mask ?? null);
    go("stage");
    say("The picture's settings are in place.");
  };
  const drop = () => {
    const at = kept.value.indexOf(picture);
    const next = kept.value[at + 1] ?? kept.value[at - 1];
    go(view.value, next?.id ?? null);
    void remove(picture);
  };
  return (
    <div class="actions">
      <a class="button strong" href={addressOf(picture.blob)} download={fileName(picture)}>
        Download
      </a>
      <button type="button" onClick={use}>
        Use settings
      </button>
      <button type="button" onClick={() => edit(picture)}>
        Edit
      </button>
      <button type="button" class="quiet" onClick={drop}>
        Delete
      </button>
    </div>
  );
}

function Settings({ picture }: { picture: Kept }): JSX.Element {
  const { settings, width, height, seed, made, input } = picture;
  const rows: [string, string | number | undefined][] = [
    ["Size", `${width} × ${height}`],
    ["Seed", seed],
    ["Steps", settings.num_inference_steps],
    ["Guidance", settings.guidance_scale],
    ["Sampler", settings.sampler],
    ["Model", settings.model],
    ["LoRAs", settings.loras?.map(({ name, weight }) => `${name} ${weight}`).join(", ")],
    ["Negative", settings.negative_prompt],
    ["Strength", input && settings.strength],
    ["Made", new Date(made).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })],
  ];
  return (
    <dl>
      {rows.map(
        ([name, value]) =>
          value !== undefined && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

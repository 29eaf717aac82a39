// The picture that drawing begins with: its thumbnail, how much is drawn anew, its mask.
import type { JSX } from "preact";
import { addressOf } from "../state/gallery";
import { go, view } from "../state/route";
import { input, mask, strength } from "../state/settings";
import { off, Slider } from "./fields";
import { begin, OpenPicture, restore } from "./incoming";

export function Beginning(): JSX.Element {
  const picture = input.value;
  if (!picture) {
    return (
      <div class="beginning empty">
        <OpenPicture label="Begin with a picture…" use={begin} />
        <OpenPicture label="Settings of a picture…" use={restore} />
      </div>
    );
  }
  return (
    <div class="beginning" role="group" aria-label="The picture that drawing begins with">
      <div class="thumbnail">
        <img src={addressOf(picture.blob)} alt="Drawing begins with this picture" />
        {mask.value && <span class="masked" style={{ maskImage: `url(${addressOf(mask.value)})` }} />}
      </div>
      <div class="choices">
        <button type="button" class="quiet" {...off(view.value === "edit", () => go("edit"))}>
          {mask.value ? "Change the mask" : "Paint a mask"}
        </button>
        <button
          type="button"
          class="quiet"
          onClick={() => {
            input.value = null;
            mask.value = null;
            if (view.value === "edit") go("stage");
          }}
        >
          Leave out
        </button>
      </div>
      {view.value !== "edit" && <Strength id="strength" />}
    </div>
  );
}

export function Strength({ id }: { id: string }): JSX.Element {
  return (
    <Slider
      id={id}
      label="Strength"
      value={strength.value}
      least={0.05}
      most={1}
      step={0.05}
      onValue={(value) => (strength.value = Math.round(value * 100) / 100)}
    />
  );
}

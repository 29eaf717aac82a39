// Sizes: shapes drawn to scale to choose from, or any two numbers.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { capabilities, defaults, model } from "../state/server";
import { drawnSize, input, size } from "../state/settings";
import { multiple, shapesOf, toMultiple, type Size } from "../state/sizes";
import { faulty } from "./fields";

const same = (a: Size, b: Size) => a.width === b.width && a.height === b.height;

export function Sizes(): JSX.Element {
  const [own, setOwn] = useState(false);
  const now = drawnSize.value;
  const picture = input.value;
  const shapes = shapesOf(defaults.value).filter((shape) => !picture || !same(shape, picture));
  const found = !own && shapes.find((shape) => same(shape, now));
  const ofPicture = !own && picture !== null && same(now, picture);
  const choose = (wanted: Size | null) => {
    setOwn(false);
    size.value = wanted;
  };
  return (
    <div class="sizes" role="radiogroup" aria-labelledby="sizes-label">
      <p>
        <span id="sizes-label">Size</span>
        <span class="edge">
          {model.value && `${now.width} × ${now.height}`}
        </span>
      </p>
      <div class="chips">
        {picture && <Chip name="As the picture" shape={picture} checked={ofPicture} onChoose={() => choose(null)} />}
        {shapes.map((shape) => (
          <Chip
            key={shape.name}
            name={shape.name}
            shape={shape}
            checked={!ofPicture && found === shape}
            onChoose={() => choose(!picture && same(shape, defaults.value) ? null : { width: shape.width, height: shape.height })}
          />
        ))}
        <Chip name="Another" shape={null} checked={!ofPicture && !found} onChoose={() => setOwn(true)} />
      </div>
      {!ofPicture && !found && <Numbers />}
    </div>
  );
}

interface ChipProps {
  name: string;
  shape: Size | null;
  checked: boolean;
  onChoose: () => void;
}

function Chip({ name, shape, checked, onChoose }: ChipProps): JSX.Element {
  const label = shape ? `${name}, ${shape.width} by ${shape.height}` : `${name} size`;
  const longest = shape ? 20 / Math.max(shape.width, shape.height) : 0;
  return (
    <label class="chip" title={label}>
      <input type="radio" name="size" class="unseen" aria-label={label} checked={checked} onChange={onChoose} />
      {shape ? (
        <span class="shape" style={{ width: `${shape.width * longest}px`, height: `${shape.height * longest}px` }} />
      ) : (
        <span class="dots" aria-hidden="true">
          ···
        </span>
      )}
    </label>
  );
}

function Numbers(): JSX.Element {
  const { width, height } = drawnSize.value;
  const most = capabilities.value?.limits.max_pixels ?? Number.POSITIVE_INFINITY;
  const set = (wanted: Size) => {
    if (Number.isFinite(wanted.width + wanted.height)) {
      size.value = { width: toMultiple(wanted.width), height: toMultiple(wanted.height) };
    }
  };
  const side = (name: "width" | "height", other: number) => (
    <div class="field">
      <label for={name}>{name === "width" ? "Width" : "Height"}</label>
      <input
        type="number"
        id={name}
        min={multiple}
        max={Math.floor(most / other / multiple) * multiple}
        step={multiple}
        value={drawnSize.value[name]}
        onChange={(event) => set({ width, height, [name]: event.currentTarget.valueAsNumber })}
        {...faulty(name)}
      />
    </div>
  );
  return (
    <div class="pair">
      {side("width", height)}
      {side("height", width)}
    </div>
  );
}

// What is chosen less often: negative prompt, steps, guidance, seed, sampler, LoRAs, model.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { notice } from "../state/notices";
import { capabilities, chosenModel, defaults, loras, model, models } from "../state/server";
import { guidance, negativePrompt, newSeed, others, sampler, seed, seedKept, steps, usedLoras } from "../state/settings";
import { faulty, Slider } from "./fields";
import { Icon } from "./icons";

const inside = new Set(["negative_prompt", "num_inference_steps", "guidance_scale", "seed", "sampler", "loras", "model"]);

export function More(): JSX.Element {
  const details = useRef<HTMLDetailsElement>(null);
  const field = notice.value?.field;
  useEffect(() => {
    if (field && inside.has(field)) details.current!.open = true; // an error is about something in here
  }, [field]);
  return (
    <details class="more" ref={details}>
      <summary>
        More <span class="edge">{changes().join(" · ")}</span>
      </summary>
      <Negative />
      <Steps />
      <Guidance />
      <Seed />
      <Choices />
      <Loras />
      <Others />
    </details>
  );
}

// What of it is not the model's own choice, to be seen while it is folded.
function changes(): string[] {
  return [
    negativePrompt.value.trim() && "negative",
    steps.value !== null && `${steps.value} steps`,
    guidance.value !== null && `guidance ${guidance.value}`,
    seedKept.value && "seed kept",
    sampler.value,
    ...usedLoras.value.map(({ name }) => name),
    chosenModel.value,
    Object.keys(others.value).length > 0 && `${Object.keys(others.value).length} more`,
  ].filter((text): text is string => Boolean(text));
}

function Negative(): JSX.Element {
  return (
    <div class="field tall">
      <label for="negative_prompt">Negative prompt</label>
      <textarea
        id="negative_prompt"
        rows={2}
        value={negativePrompt.value}
        onInput={(event) => (negativePrompt.value = event.currentTarget.value)}
        {...faulty("negative_prompt")}
      />
    </div>
  );
}

function Steps(): JSX.Element {
  const own = defaults.value.num_inference_steps;
  return (
    <Slider
      id="num_inference_steps"
      label="Steps"
      value={steps.value ?? own}
      least={1}
      most={capabilities.value?.limits.max_steps ?? 150}
      step={1}
      onValue={(value) => (steps.value = Math.round(value) === own ? null : Math.round(value))}
      onReset={steps.value === null ? undefined : () => (steps.value = null)}
    />
  );
}

function Guidance(): JSX.Element {
  const own = defaults.value.guidance_scale;
  return (
    <Slider
      id="guidance_scale"
      label="Guidance"
      value={guidance.value ?? own}
      least={1}
      most={15}
      step={0.1}
      onValue={(value) => (guidance.value = value === own ? null : value)}
      onReset={guidance.value === null ? undefined : () => (guidance.value = null)}
    />
  );
}

function Seed(): JSX.Element {
  const kept = seedKept.value;
  return (
    <div class="field seed">
      <label for="seed">Seed</label>
      <input
        type="number"
        id="seed"
        min={0}
        max={Number.MAX_SAFE_INTEGER}
        step={1}
        value={seed.value}
        onChange={(event) => {
          const given = event.currentTarget.valueAsNumber;
          if (Number.isSafeInteger(given) && given >= 0) {
            seed.value = given;
            seedKept.value = true; // who types a seed wants it
          } else event.currentTarget.value = String(seed.value);
        }}
        {...faulty("seed")}
      />
      <button type="button" aria-label="Another seed" title="Another seed" onClick={() => (seed.value = newSeed())}>
        <Icon name="dice" />
      </button>
      <button
        type="button"
        aria-label="Keep this seed"
        title={kept ? "This seed is kept" : "Each drawing takes another seed"}
        aria-pressed={kept}
        onClick={() => (seedKept.value = !kept)}
      >
        <Icon name={kept ? "locked" : "unlocked"} />
      </button>
    </div>
  );
}

function Choices(): JSX.Element {
  return (
    <>
      <div class="field">
        <label for="sampler">Sampler</label>
        <select
          id="sampler"
          value={sampler.value ?? defaults.value.sampler}
          onChange={(event) => {
            const name = event.currentTarget.value;
            sampler.value = name === defaults.value.sampler ? null : name;
          }}
          {...faulty("sampler")}
        >
          {(capabilities.value?.samplers ?? [defaults.value.sampler]).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </div>
      {models.value.length > 1 && (
        <div class="field">
          <label for="model">Model</label>
          <select
            id="model"
            value={model.value?.name}
            onChange={(event) => {
              const name = event.currentTarget.value;
              chosenModel.value = models.value.find((one) => one.name === name)?.default ? "" : name;
            }}
            {...faulty("model")}
          >
            {models.value.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </div>
      )}
    </>
  );
}

// What a restored picture was drawn with beyond the form.
function Others(): JSX.Element | null {
  const all = Object.entries(others.value);
  if (all.length === 0) return null;
  return (
    <ul class="others" aria-label="Further settings of the picture">
      {all.map(([name, value]) => (
        <li key={name}>
          <code>
            {name} {typeof value === "string" ? value : JSON.stringify(value)}
          </code>
          <button
            type="button"
            class="bare"
            aria-label={`Leave out ${name}`}
            onClick={() => (others.value = Object.fromEntries(all.filter(([each]) => each !== name)))}
          >
            <Icon name="close" />
          </button>
        </li>
      ))}
    </ul>
  );
}

function Loras(): JSX.Element | null {
  const used = usedLoras.value;
  const left = loras.value.filter((name) => !used.some((one) => one.name === name));
  if (loras.value.length === 0) return null;
  const weigh = (name: string, weight: number) => {
    usedLoras.value = used.map((one) => (one.name === name ? { name, weight } : one));
  };
  return (
    <div class="loras" role="group" aria-label="LoRAs">
      {used.map(({ name, weight }) => (
        <Slider
          key={name}
          id={`lora-${name}`}
          label={name}
          value={weight}
          least={-1}
          most={2}
          step={0.05}
          onValue={(value) => weigh(name, Math.round(value * 100) / 100)}
        >
          <button
            type="button"
            class="bare"
            aria-label={`Leave out ${name}`}
            onClick={() => (usedLoras.value = used.filter((one) => one.name !== name))}
          >
            <Icon name="close" />
          </button>
        </Slider>
      ))}
      {left.length > 0 && (
        <div class="field">
          <label for="loras">LoRA</label>
          <select
            id="loras"
            value=""
            onChange={(event) => {
              const name = event.currentTarget.value;
              event.currentTarget.value = "";
              if (name) usedLoras.value = [...used, { name, weight: 1 }];
            }}
            {...faulty("loras")}
          >
            <option value="">Add one…</option>
            {left.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </div>
      )}
    </div>
  );
}

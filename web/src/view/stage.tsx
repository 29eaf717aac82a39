// The picture being made, or made: frames in place of what is to come, previews that sharpen, then pictures.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Progress } from "../api/contract";
import { duration } from "../state/duration";
import { addressOf, fileName, type Kept } from "../state/gallery";
import { active, cancel, draw, shown, type Job } from "../state/jobs";
import { go } from "../state/route";
import { model } from "../state/server";
import { adopt, drawnSize, prompt, seed, seedKept, size } from "../state/settings";
import { layOut, type Size } from "../state/sizes";
import { complain } from "./drawing";
import { Grain } from "./grain";
import { mostEnlarged, Picture } from "./picture";
import { useRoom } from "./room";

const gap = 12;
const labelHeight = 28;

export function Stage(): JSX.Element {
  const job = shown.value;
  return (
    <section id="stage" class="stage" aria-label="Picture">
      {job ? <Frames key={job.id} job={job} /> : <AtRest />}
      {job && <Caption job={job} />}
    </section>
  );
}

const examples = [
  "A capybara holding a sign that reads Hello World",
  "A whimsical image of a waffle-hippopotamus hybrid",
  "a blue car left of a yellow house",
];

function AtRest(): JSX.Element {
  const [ref, room] = useRoom();
  const { width, height } = drawnSize.value;
  const fits = layOut(1, { width, height }, { width: room.width, height: room.height - labelHeight }, 0).width;
  const style = { width: `${Math.min(fits, 560)}px`, aspectRatio: `${width} / ${height}` };
  return (
    <div class="frames" ref={ref}>
      <div class="frame rest" style={style} hidden={!model.value}>
        <span class="corners" />
        <Grain seed={seed.value} width={width} height={height} />
        <p class="edge">
          {width} × {height}
        </p>
        <div class="examples">
          <p>Describe a picture, or begin with one of these:</p>
          {examples.map((text) => (
            <button
              key={text}
              type="button"
              class="example"
              onClick={() => {
                prompt.value = text;
                document.querySelector<HTMLElement>("#prompt")?.focus();
              }}
            >
              {text}
            </button>
          ))}
        </div>
      </div>
    </div>
  );
}

function Frames({ job }: { job: Job }): JSX.Element {
  const [ref, room] = useRoom();
  const count = job.request.count ?? 1;
  const size = { width: job.request.width ?? 1, height: job.request.height ?? 1 };
  const { columns, width } = layOut(count, size, room, gap);
  const shownWidth = Math.min(width, size.width * mostEnlarged);
  const style = { gridTemplateColumns: `repeat(${columns}, ${shownWidth}px)` };
  return (
    <div class="frames" ref={ref}>
      <div class="grid" style={style}>
        {Array.from({ length: count }, (_, index) => (
          <Frame key={index} job={job} index={index} size={size} shownWidth={shownWidth} />
        ))}
      </div>
    </div>
  );
}

function Frame({ job, index, size, shownWidth }: { job: Job; index: number; size: Size; shownWidth: number }): JSX.Element {
  const picture = job.pictures.value[index];
  const preview = job.previews.value[index];
  const current = job.status.value === "running" && (job.progress.value?.picture ?? 0) === index;
  const over = !active(job) && !picture;
  const style = { aspectRatio: `${size.width} / ${size.height}` };
  // A preview has a pixel for eight: softened by a part of that, it shows no lattice.
  const softness = { filter: `blur(${((3.5 * shownWidth) / size.width).toFixed(1)}px)` };
  return (
    <div class={`frame${current ? " current" : ""}${over ? " over" : ""}`} style={style}>
      {!picture && !preview && <span class="corners" />}
      {!preview && !picture && active(job) && <Grain seed={(job.request.seed ?? 0) + index} {...size} />}
      {preview && !picture && <img class="preview" src={preview} style={softness} alt={`Preview of picture ${index + 1}`} />}
      {picture && <Result picture={picture} />}
      {!picture && !preview && <p class="edge">{placeholder(job, index)}</p>}
    </div>
  );
}

function placeholder(job: Job, index: number): string {
  if (job.status.value === "queued" && index === 0) return waiting(job.position.value);
  return active(job) ? String(index + 1) : "";
}

const waiting = (position: number): string => (position > 0 ? `${position} before it` : "Next");

function Result({ picture }: { picture: Kept }): JSX.Element {
  const [before, setBefore] = useState(false);
  useEffect(() => {
    if (!picture.input) return;
    const key = (event: KeyboardEvent) => {
      const typing = (event.target as HTMLElement).matches("input, textarea, select");
      if (event.key === "c" && !typing && !event.ctrlKey && !event.metaKey) setBefore(event.type === "keydown");
    };
    addEventListener("keydown", key);
    addEventListener("keyup", key);
    return () => {
      removeEventListener("keydown", key);
      removeEventListener("keyup", key);
    };
  }, [picture]);
  return (
    <button type="button" class="result" onClick={() => go("stage", picture.id)} aria-label={`Open: ${picture.settings.prompt}, seed ${picture.seed}`}>
      <Picture picture={picture} before={before} />
      {before && <span class="edge badge">Before</span>}
    </button>
  );
}

const stages: Record<string, string> = {
  load: "Reading the model",
  encode_prompt: "Reading the prompt",
  encode_picture: "Looking at the picture",
  decode: "Finishing",
};

function Caption({ job }: { job: Job }): JSX.Element {
  const pictures = job.pictures.value;
  const warnings = [...new Set(job.warnings.value)];
  return (
    <div class="caption">
      {active(job) && <Advance job={job} />}
      {job.problem.value && <p class="problem">{job.problem.value.message}</p>}
      {job.status.value === "cancelled" && <p class="soft">Cancelled{pictures.length > 0 ? "; what was done is kept." : "."}</p>}
      {!active(job) && <After job={job} />}
      {warnings.map((text) => (
        <p key={text} class="soft">
          {text}
        </p>
      ))}
    </div>
  );
}

function useSeconds(deadline: number | null): number | null {
  const [now, setNow] = useState(performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 500);
    return () => clearInterval(timer);
  }, []);
  return deadline === null ? null : Math.max(0, (deadline - Math.max(now, performance.now())) / 1000);
}

function Advance({ job }: { job: Job }): JSX.Element {
  const progress = job.progress.value;
  const count = job.request.count ?? 1;
  const left = useSeconds(job.deadline.value);
  const queued = job.status.value === "queued";
  return (
    <div class="advance">
      <progress max={1} value={progress?.fraction ?? 0} aria-label="How far the drawing is" />
      <p class="edge">{queued ? `Waiting · ${waiting(job.position.value)}` : where(progress, count)}</p>
      <p class="edge left">{!queued && left !== null && `${duration(left)} left`}</p>
      <button type="button" class="quiet" onClick={() => void cancel(job).catch(complain)}>
        Cancel
      </button>
    </div>
  );
}

function where(progress: Progress | null, count: number): string {
  if (!progress) return "Beginning";
  const which = count > 1 ? `${progress.picture + 1} of ${count} · ` : "";
  if (progress.stage !== "denoise") return which + (stages[progress.stage] ?? "Working");
  return `${which}Step ${progress.step}/${progress.steps}`;
}

function After({ job }: { job: Job }): JSX.Element {
  const only = job.pictures.value.length === 1 ? job.pictures.value[0]! : null;
  const known = job.input !== null || job.request.strength === undefined; // its picture did not outlive a reload
  const again = () => void draw(job.request, job.input, job.mask).catch(complain);
  return (
    <div class="after">
      <p class="what">{job.request.prompt}</p>
      {only && <p class="edge">Seed {only.seed}</p>}
      {only && (
        <>
          <a class="button quiet" href={addressOf(only.blob)} download={fileName(only)}>
            Download
          </a>
          <button type="button" class="quiet" onClick={() => edit(only)}>
            Edit
          </button>
        </>
      )}
      {job.input && (
        <button type="button" class="quiet" onClick={() => returnTo(job)}>
          Back to the canvas
        </button>
      )}
      {job.status.value !== "done" && known && (
        <button type="button" class="quiet" onClick={again}>
          Draw it again
        </button>
      )}
      {only?.input && <p class="hint">Hold C to see it before</p>}
    </div>
  );
}

/** Begins with a picture of the gallery, on the canvas. */
export function edit(picture: Kept): void {
  const { blob, width, height } = picture;
  adopt({ ...picture.settings, strength: 0.6 }, { blob, width, height });
  size.value = null; // that of the picture
  seedKept.value = false; // the same noise would draw the same again
  go("edit");
}

function returnTo(job: Job): void {
  const { width = 0, height = 0 } = job.request;
  adopt(job.request, { blob: job.input!, width, height }, job.mask);
  seedKept.value = false;
  go("edit");
}

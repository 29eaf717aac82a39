// What is asked for: the form's state, what is sent of it, and what a picture's settings make of it.
import { computed, effect, signal } from "@preact/signals";
import type { JobRequest, LoraUse } from "../api/contract";
import { capabilities, chosenModel, defaults, loras, model, models } from "./server";
import { fitted, type Size } from "./sizes";

/** A picture to begin with, in the size it is drawn in; white in the mask is painted anew. */
export interface InputPicture extends Size {
  blob: Blob;
}

export const prompt = signal(sessionStorage.getItem("sd35.prompt") ?? "");
export const negativePrompt = signal(sessionStorage.getItem("sd35.negative") ?? "");
/** Null: the model's own. */
export const size = signal<Size | null>(null);
export const steps = signal<number | null>(null);
export const guidance = signal<number | null>(null);
export const sampler = signal<string | null>(null);
export const count = signal(1);
export const seed = signal(newSeed());
/** Whether the seed stays from one drawing to the next. */
export const seedKept = signal(false);
export const usedLoras = signal<LoraUse[]>([]);
export const input = signal<InputPicture | null>(null);
export const mask = signal<Blob | null>(null);
export const strength = signal(0.6);
/** Options of a restored picture that the form has no control for; they are sent as they are. */
export const others = signal<Record<string, unknown>>({});

let newest: Promise<Blob | null> = Promise.resolve(null);

/** Takes a mask that is being encoded, unless a newer one comes before it is. */
export async function takeMask(encoding: Promise<Blob | null>): Promise<void> {
  newest = encoding;
  const blob = await encoding;
  if (newest === encoding) mask.value = blob;
}

/** Resolves when the newest mask has been taken. */
export const maskTaken = (): Promise<unknown> => newest;

const inForm = new Set([
  ...["prompt", "negative_prompt", "width", "height", "num_inference_steps", "guidance_scale", "sampler", "seed", "count"],
  ...["model", "loras", "image", "mask", "strength", "init", "inpaint", "output_format", "previews"],
]);

export const drawnSize = computed<Size>(() => size.value ?? input.value ?? defaults.value);

export function newSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

effect(() => sessionStorage.setItem("sd35.prompt", prompt.value));
effect(() => sessionStorage.setItem("sd35.negative", negativePrompt.value));

/** The settings as the server takes them, without the pictures; what is the model's own choice is written out. */
export function request(): JobRequest {
  const { width, height } = drawnSize.value;
  const own = defaults.value;
  return {
    ...others.value,
    ...(model.value ? { model: model.value.name } : {}),
    prompt: prompt.value.trim(),
    ...(negativePrompt.value.trim() ? { negative_prompt: negativePrompt.value.trim() } : {}),
    width,
    height,
    num_inference_steps: steps.value ?? own.num_inference_steps,
    guidance_scale: guidance.value ?? own.guidance_scale,
    sampler: sampler.value ?? own.sampler,
    seed: seed.value,
    count: count.value,
    ...(usedLoras.value.length > 0 ? { loras: usedLoras.value } : {}),
    ...(input.value ? { strength: strength.value } : {}),
  };
}

/** Takes over settings of a picture. Returns what of them cannot be, for people. */
export function adopt(from: Partial<JobRequest>, picture: InputPicture | null = null, itsMask: Blob | null = null): string[] {
  const missing: string[] = [];
  prompt.value = from.prompt ?? "";
  negativePrompt.value = from.negative_prompt ?? "";
  const itsModel = models.value.find((one) => one.name === from.model);
  if (itsModel) chosenModel.value = itsModel.default ? "" : itsModel.name;
  else if (from.model) missing.push(`the model ${from.model}`);
  const own = defaults.value;
  size.value = from.width && from.height ? { width: from.width, height: from.height } : null;
  steps.value = unless(from.num_inference_steps, own.num_inference_steps);
  guidance.value = unless(from.guidance_scale, own.guidance_scale);
  const known = from.sampler && capabilities.value?.samplers.includes(from.sampler);
  sampler.value = known ? unless(from.sampler, own.sampler) : null;
  if (from.sampler && !known) missing.push(`the sampler ${from.sampler}`);
  const wanted = from.loras ?? [];
  usedLoras.value = wanted.filter((one) => loras.value.includes(one.name));
  for (const one of wanted) if (!loras.value.includes(one.name)) missing.push(`the LoRA ${one.name}`);
  if (from.seed !== undefined && !Number.isSafeInteger(from.seed)) missing.push("the seed, a number too large for browsers");
  else if (from.seed !== undefined) {
    seed.value = from.seed;
    seedKept.value = true;
  }
  count.value = from.count ?? 1;
  if (!picture && ["strength", "init", "inpaint"].some((name) => name in from)) missing.push("the picture it began with");
  input.value = picture;
  mask.value = itsMask;
  if (from.strength !== undefined) strength.value = from.strength;
  others.value = Object.fromEntries(Object.entries(from).filter(([name]) => !inForm.has(name)));
  return missing;
}

const unless = <T>(value: T | undefined, own: T): T | null => (value === undefined || value === own ? null : value);

/** Begins with a picture from elsewhere: decoded by the browser, drawn into the size that suits the model. */
export async function beginWith(file: Blob): Promise<void> {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error("This file is not a picture that the browser can read.");
  });
  const wanted = fitted(bitmap, defaults.value);
  const same = wanted.width === bitmap.width && wanted.height === bitmap.height;
  const blob = same && /^image\/(png|jpeg|webp)$/.test(file.type) ? file : await redrawn(bitmap, wanted);
  bitmap.close();
  input.value = { blob, ...wanted };
  mask.value = null;
  size.value = null;
}

async function redrawn(bitmap: ImageBitmap, { width, height }: Size): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d")!;
  context.imageSmoothingQuality = "high";
  const scale = Math.max(width / bitmap.width, height / bitmap.height); // cuts off less than a multiple
  const [across, down] = [bitmap.width * scale, bitmap.height * scale];
  context.drawImage(bitmap, (width - across) / 2, (height - down) / 2, across, down);
  return canvas.convertToBlob({ type: "image/png" });
}

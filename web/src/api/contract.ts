// What travels between page and server: section by section the API under /api/v1.

export type Status = "queued" | "running" | "done" | "failed" | "cancelled";

export interface LoraUse {
  name: string;
  weight: number;
}

/** What POST /jobs takes and POST /recipe gives. What is left out is the model's own choice. */
export interface JobRequest {
  model?: string;
  prompt: string;
  negative_prompt?: string;
  width?: number;
  height?: number;
  num_inference_steps?: number;
  guidance_scale?: number;
  seed?: number;
  count?: number;
  sampler?: string;
  loras?: LoraUse[];
  image?: string; // a data URL
  mask?: string; // likewise; white is painted anew
  strength?: number;
  output_format?: "png" | "jpeg" | "webp";
  previews?: boolean;
  [other: string]: unknown; // options that the page has no control for
}

export interface JobImage {
  url: string;
  width?: number;
  height?: number;
  seed: number;
}

export interface Problem {
  code: string;
  message: string;
  field?: string | null;
  request_id?: string;
}

export interface Progress {
  stage: string;
  picture: number;
  step: number;
  steps: number;
  fraction: number; // of the job
  eta_seconds: number | null;
}

/** The events of a job, by name, with their data. */
export interface JobEvents {
  queued: { position: number };
  started: object;
  progress: Progress;
  preview: { picture: number; step: number; width: number; height: number; image: string };
  warning: { message: string };
  done: { images: JobImage[] };
  failed: { error: Problem; images?: JobImage[] };
  cancelled: { images?: JobImage[] };
}

export interface Defaults {
  width: number;
  height: number;
  num_inference_steps: number;
  guidance_scale: number;
  sampler: string;
}

export interface Model {
  name: string;
  default: boolean;
  loaded: boolean;
  defaults: Defaults;
}

export interface Limits {
  max_pixels: number;
  max_steps: number;
  max_count: number;
  max_body: number;
  max_prompt: number;
}

export interface Capabilities {
  version: string;
  limits: Limits;
  samplers: string[];
  output_formats: string[];
}

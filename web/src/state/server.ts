// What the server can do: models with their defaults, limits, samplers, LoRAs. Read at the start and when it is back.
import { computed, signal } from "@preact/signals";
import { getJson } from "../api/client";
import type { Capabilities, Defaults, Model } from "../api/contract";

export const capabilities = signal<Capabilities | null>(null);
export const models = signal<Model[]>([]);
export const loras = signal<string[]>([]);

/** The name of the model chosen; empty: the server's default. */
export const chosenModel = signal("");

export const model = computed<Model | null>(() => {
  const all = models.value;
  return all.find((one) => one.name === chosenModel.value) ?? all.find((one) => one.default) ?? all[0] ?? null;
});

// Until the server has told; what Stable Diffusion 3.5 Medium is drawn with.
const unknown: Defaults = { width: 1024, height: 1024, num_inference_steps: 40, guidance_scale: 4.5, sampler: "euler" };

export const defaults = computed<Defaults>(() => model.value?.defaults ?? unknown);

export async function readServer(): Promise<void> {
  const [can, has, adapters] = await Promise.all([
    getJson<Capabilities>("/api/v1/capabilities"),
    getJson<{ models: Model[] }>("/api/v1/models"),
    getJson<{ loras: { name: string }[] }>("/api/v1/loras"),
  ]);
  capabilities.value = can;
  models.value = has.models;
  loras.value = adapters.loras.map((one) => one.name);
}

// What is shown, and the settings that are not the model's own, in the address's hash: `#gallery?size=512x768`.
// Never the prompt, so that an address can be shown to others.
import { batch, effect, signal } from "@preact/signals";
import { chosenModel } from "./server";
import { count, guidance, sampler, size, steps } from "./settings";

export type View = "stage" | "gallery" | "edit";

export const view = signal<View>("stage");
/** The id of the gallery's picture that is shown large. */
export const large = signal<number | null>(null);

function settingsAsText(): string {
  const found = new URLSearchParams();
  if (chosenModel.value) found.set("model", chosenModel.value);
  if (size.value) found.set("size", `${size.value.width}x${size.value.height}`);
  if (count.value !== 1) found.set("count", String(count.value));
  if (steps.value !== null) found.set("steps", String(steps.value));
  if (guidance.value !== null) found.set("guidance", String(guidance.value));
  if (sampler.value !== null) found.set("sampler", sampler.value);
  return found.size > 0 ? `?${found}` : "";
}

function hashOf(shown: View, picture: number | null): string {
  const place = picture === null ? shown : `${shown}/${picture}`;
  return `#${place === "stage" ? "" : place}${settingsAsText()}`;
}

function readPlace(): void {
  const [place = ""] = location.hash.slice(1).split("?");
  const [name, picture] = place.split("/");
  batch(() => {
    view.value = name === "gallery" || name === "edit" ? name : "stage";
    large.value = picture && /^\d+$/.test(picture) ? Number(picture) : null;
  });
}

function readSettings(): void {
  const found = new URLSearchParams(location.hash.split("?")[1] ?? "");
  const number = (name: string) => {
    const value = Number(found.get(name) ?? Number.NaN);
    return Number.isFinite(value) && value > 0 ? value : null;
  };
  chosenModel.value = found.get("model") ?? "";
  const sides = /^(\d{2,5})x(\d{2,5})$/.exec(found.get("size") ?? "");
  size.value = sides ? { width: Number(sides[1]), height: Number(sides[2]) } : null;
  count.value = Math.max(1, Math.floor(number("count") ?? 1));
  steps.value = number("steps");
  guidance.value = number("guidance");
  sampler.value = found.get("sampler");
}

/** Goes to a view, or shows a picture large over it, as a step that the browser's Back undoes. */
export function go(to: View, picture: number | null = null): void {
  if (to !== view.value || picture !== large.value) history.pushState(null, "", hashOf(to, picture));
  batch(() => {
    view.value = to;
    large.value = picture;
  });
}

export function startRouting(): void {
  readPlace();
  readSettings();
  addEventListener("popstate", readPlace);
  addEventListener("hashchange", readPlace);
  effect(() => history.replaceState(null, "", hashOf(view.value, large.value)));
}

// The gallery: pictures with their settings in the browser's IndexedDB, the oldest going when there are more than 500.
import { signal } from "@preact/signals";
import type { JobRequest } from "../api/contract";
import type { Size } from "./sizes";

export interface Kept extends Size {
  id: number;
  made: number; // milliseconds since 1970
  seed: number;
  settings: JobRequest; // of this one picture: its own seed, count 1
  blob: Blob; // the file as the server made it
  thumbnail: Blob;
  input?: Blob; // what it began with
  mask?: Blob;
}

export const most = 500;
const thumbnailSide = 320;

/** Newest first. */
export const kept = signal<Kept[]>([]);
/** Why the gallery lives in memory only, where it does. */
export const unkept = signal<string | null>(null);

let database: IDBDatabase | null = null;
let lastNumber = 0;

export async function openGallery(): Promise<void> {
  try {
    database = await open();
    const all = await settled<Kept[]>(database.transaction("pictures").objectStore("pictures").getAll());
    all.reverse();
    kept.value = all.slice(0, most);
    lastNumber = all[0]?.id ?? 0;
    for (const old of all.slice(most)) await erase(old); // of other tabs
  } catch {
    unkept.value = "This browser keeps nothing for the page: pictures are here until it is closed.";
  }
}

function open(): Promise<IDBDatabase> {
  const opening = indexedDB.open("sd35", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("pictures", { keyPath: "id", autoIncrement: true });
  return settled(opening);
}

function settled<T>(wish: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    wish.onsuccess = () => resolve(wish.result);
    wish.onerror = () => reject(wish.error);
  });
}

/** Keeps a picture and returns it with its id. */
export async function keep(picture: Omit<Kept, "id" | "thumbnail">): Promise<Kept> {
  const made = { ...picture, thumbnail: await thumbnailOf(picture.blob, picture) };
  const whole: Kept = { ...made, id: (await write(made)) ?? lastNumber + 1 };
  lastNumber = Math.max(lastNumber, whole.id);
  const all = [whole, ...kept.value];
  kept.value = all.slice(0, most);
  for (const old of all.slice(most)) await erase(old);
  return whole;
}

async function write(picture: Omit<Kept, "id">): Promise<number | null> {
  if (!database) return null;
  try {
    const store = database.transaction("pictures", "readwrite").objectStore("pictures");
    return (await settled(store.add(picture))) as number;
  } catch {
    unkept.value = "The browser's store is full: new pictures are here until the page is closed.";
    return null;
  }
}

export async function remove(picture: Kept): Promise<void> {
  kept.value = kept.value.filter((one) => one !== picture);
  await erase(picture);
}

async function erase(picture: Kept): Promise<void> {
  forget(picture.blob);
  forget(picture.thumbnail);
  if (database) await settled(database.transaction("pictures", "readwrite").objectStore("pictures").delete(picture.id));
}

async function thumbnailOf(blob: Blob, { width, height }: Size): Promise<Blob> {
  const scale = thumbnailSide / Math.max(width, height);
  if (scale >= 1) return blob;
  const bitmap = await createImageBitmap(blob, {
    resizeWidth: Math.max(1, Math.round(width * scale)),
    resizeHeight: Math.max(1, Math.round(height * scale)),
    resizeQuality: "high",
  });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext("2d")!.drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas.convertToBlob({ type: "image/webp", quality: 0.85 });
}

const addresses = new Map<Blob, string>();

/** An address for <img>; the same for the same blob, until it is forgotten. */
export function addressOf(blob: Blob): string {
  let address = addresses.get(blob);
  if (!address) {
    address = URL.createObjectURL(blob);
    addresses.set(blob, address);
  }
  return address;
}

function forget(blob: Blob): void {
  const address = addresses.get(blob);
  if (address) URL.revokeObjectURL(address);
  addresses.delete(blob);
}

/** A name for the file: the prompt's words and the seed. */
export function fileName({ settings, seed, blob }: Kept): string {
  const words = settings.prompt.toLowerCase().normalize("NFKD").match(/[a-z0-9]+/g) ?? ["picture"];
  const ending = blob.type === "image/jpeg" ? "jpg" : blob.type === "image/webp" ? "webp" : "png";
  return `${words.join("-").slice(0, 60).replace(/-+$/, "")}-${seed}.${ending}`;
}

// The page in a browser, watched: no error on the console, no request to another origin.
import assert from "node:assert/strict";
import { launch } from "./browser.mjs";

let browser;

export async function openBrowser() {
  browser = await launch();
}

export async function closeBrowser() {
  await browser?.close();
}

const calm = { viewport: { width: 1280, height: 860 }, reducedMotion: "reduce" };

/**
 * Opens the page at `url`. `expected` matches console errors that belong to the flow: Chromium reports every refused
 * request. `before` runs in the page before its own scripts. The result's close() checks that there were no others.
 */
export async function openPage(url, { expected = null, before = null, ...options } = {}) {
  const context = await browser.newContext({ ...calm, ...options });
  context.setDefaultTimeout(120_000); // a loaded machine, a program with sanitizers
  const page = await context.newPage();
  if (before) await page.addInitScript(before);
  const problems = [];
  page.on("console", (message) => {
    const text = message.text();
    if (["error", "warning"].includes(message.type()) && !expected?.test(text)) problems.push(text);
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("request", (request) => {
    const address = new URL(request.url());
    if (!["blob:", "data:"].includes(address.protocol) && address.origin !== new URL(url).origin) {
      problems.push(`a request left for ${address.origin}`);
    }
  });
  await page.goto(url);
  return {
    page,
    async close() {
      await context.close();
      assert.deepEqual(problems, []);
    },
  };
}

export const form = {
  async open(page) {
    await page.locator(".more").evaluate((details) => (details.open = true));
  },

  /** Draws and waits for the end. Returns the request's body. */
  async draw(page, prompt, status = "done") {
    const body = await form.send(page, prompt);
    await page.waitForSelector(`.entry:last-child.${status}`);
    return body;
  },

  /** Sends the form and returns the request's body when the server has taken it. */
  async send(page, prompt) {
    if (prompt !== undefined) await page.fill("#prompt", prompt);
    const before = await page.locator(".entry").count();
    const [sent] = await Promise.all([
      page.waitForRequest((request) => request.method() === "POST" && request.url().endsWith("/api/v1/jobs")),
      page.click(".draw"),
    ]);
    await page.waitForFunction((count) => document.querySelectorAll(".entry").length > count, before);
    return sent.postDataJSON();
  },
};

/** Runs in the page: the pictures that the gallery's database holds, oldest first, without their blobs. */
export function keptPictures(page) {
  return page.evaluate(async () => {
    const settled = (wish) => new Promise((resolve) => (wish.onsuccess = () => resolve(wish.result)));
    const database = await settled(indexedDB.open("sd35", 1));
    const all = await settled(database.transaction("pictures").objectStore("pictures").getAll());
    database.close();
    return all.map(({ id, seed, settings, width, height, blob }) => ({ id, seed, settings, width, height, bytes: blob.size }));
  });
}

/** The red, green, blue and alpha bytes of what an <img> or <canvas> shows, at its own size. */
export function pixelsOf(locator) {
  return locator.evaluate((element) => {
    const width = element.naturalWidth ?? element.width;
    const height = element.naturalHeight ?? element.height;
    const sheet = new OffscreenCanvas(width, height);
    const context = sheet.getContext("2d");
    context.drawImage(element, 0, 0);
    return { width, height, data: [...context.getImageData(0, 0, width, height).data] };
  });
}

/** Drops files on one of the targets that appear while something is dragged over the page. */
export async function dropPicture(page, target, bytes, type = "image/png") {
  const files = await page.evaluateHandle(
    ([base64, type]) => {
      const transfer = new DataTransfer();
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      transfer.items.add(new File([bytes], "picture", { type }));
      return transfer;
    },
    [Buffer.from(bytes).toString("base64"), type],
  );
  await page.dispatchEvent("body", "dragenter", { dataTransfer: files });
  await page.locator(target).dispatchEvent("drop", { dataTransfer: files });
}

// The two pictures of the page in README.md, of a server with the default model: node tests/readme_pictures.mjs URL FOLDER
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { launch } from "./browser.mjs";

const [url = "http://127.0.0.1:7860", folder = "../docs/images"] = process.argv.slice(2);
const viewport = { width: 1280, height: 800 };
const browser = await launch();

async function open(colorScheme) {
  const page = await (await browser.newContext({ viewport, colorScheme })).newPage();
  await page.goto(url);
  await page.waitForSelector(".masthead .edge:not(:empty)");
  await page.locator(".more").evaluate((details) => (details.open = true));
  await page.fill("#seed", "0");
  await page.locator(".more").evaluate((details) => (details.open = false));
  return page;
}

async function draw(page, prompt, shape, count = 1) {
  await page.fill("#prompt", prompt);
  await page.click(`.chip[title^="${shape}"]`);
  await page.fill("#count", String(count));
  await page.click(".draw");
}

const done = (page) => page.waitForSelector(".entry:last-child.done");

async function save(page, name) {
  await page.mouse.move(viewport.width - 2, 2);
  await page.waitForTimeout(300); // for transitions
  await keep(await page.screenshot(), name);
}

async function keep(png, name) {
  const encoder = await browser.newPage();
  const webp = await encoder.evaluate(async (base64) => {
    const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${base64}`)).blob());
    const sheet = new OffscreenCanvas(bitmap.width, bitmap.height);
    sheet.getContext("2d").drawImage(bitmap, 0, 0);
    return [...new Uint8Array(await (await sheet.convertToBlob({ type: "image/webp", quality: 0.92 })).arrayBuffer())];
  }, png.toString("base64"));
  await writeFile(join(folder, name), Buffer.from(webp));
}

const forming = await open("light");
for (const [prompt, shape] of [
  ["A capybara holding a sign that reads Hello World", "Square"],
  ["three green stars", "Square"],
  ["a yellow sun above a blue boat", "Landscape"],
]) {
  await draw(forming, prompt, shape);
  await done(forming);
}
await draw(forming, "A whimsical image of a waffle-hippopotamus hybrid.", "Square", 4);
await forming.mouse.move(viewport.width - 2, 2);
await forming.waitForFunction(() => /^3 of 4 · Step (2[89]|3\d)/.test(document.querySelector(".advance .edge")?.textContent ?? ""), null, { polling: 20 });
await keep(await forming.screenshot(), "page.webp");

const canvas = await open("dark");
await draw(canvas, "A capybara on the beach", "Square");
await done(canvas);
await canvas.click(".after >> text=Edit");
await canvas.waitForSelector(".mask");
await canvas.fill("#prompt", "A capybara on the beach, a red ball above it");
await canvas.waitForTimeout(300);
const box = await canvas.locator(".mask").boundingBox();
await canvas.mouse.move(box.x + 0.66 * box.width, box.y + 0.18 * box.height);
await canvas.mouse.down();
for (let i = 0; i <= 24; i++) {
  const angle = (i / 24) * 2 * Math.PI;
  await canvas.mouse.move(box.x + (0.72 - 0.06 * Math.cos(angle)) * box.width, box.y + (0.18 + 0.06 * Math.sin(angle)) * box.height);
}
await canvas.mouse.up();
await save(canvas, "page_canvas.webp");
await browser.close();

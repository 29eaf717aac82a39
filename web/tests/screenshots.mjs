// Screenshots of every state, to look at, in tests/screenshots or in SD35_SCREENSHOTS:
//   node tests/screenshots.mjs URL [WIDTH...]        of a server that runs
//   tests/run PROGRAM MODEL tests/screenshots.mjs    of one that is started for them
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launch } from "./browser.mjs";
import { startServer } from "./server.mjs";

const [given, ...wanted] = process.argv.slice(2);
const folder = process.env.SD35_SCREENSHOTS ?? "tests/screenshots";
const server = given ? null : await startServer();
const url = given ?? server.url;
const sizes = [
  { width: 360, height: 780 },
  { width: 820, height: 1180 },
  { width: 1440, height: 900 },
].filter(({ width }) => wanted.length === 0 || wanted.includes(String(width)));
const prompts = ["a red apple on a table", "a blue car left of a yellow house", "three green stars", "A capybara on the beach"];

mkdirSync(folder, { recursive: true });
const browser = await launch();
for (const colorScheme of ["light", "dark"]) {
  for (const viewport of sizes) await shoot(colorScheme, viewport);
}
await browser.close();
await server?.stop();

async function shoot(colorScheme, viewport) {
  const phone = viewport.width < 600;
  const context = await browser.newContext({ viewport, colorScheme, hasTouch: phone, deviceScaleFactor: phone ? 2 : 1 });
  const page = await context.newPage();
  const take = async (name) => {
    await page.mouse.move(viewport.width - 1, 1);
    await page.waitForTimeout(250); // for transitions
    await page.screenshot({ path: join(folder, `${viewport.width}-${colorScheme}-${name}.png`) });
  };
  const draw = async (prompt, wait = true) => {
    await page.fill("#prompt", prompt);
    await page.click(".draw");
    if (wait) await page.waitForSelector(".entry:last-child.done", { timeout: 120_000 });
  };
  await page.goto(url);
  await page.waitForSelector(".masthead .edge:not(:empty)");
  await take("1-rest");
  await page.click(".more summary");
  await take("2-more");
  await page.click(".more summary");
  for (const prompt of prompts) await draw(prompt);
  await page.click('.chip[title^="Landscape"]');
  await draw(prompts[1]);
  await take("3-done");
  await page.click('.chip[title^="Square"]');
  await page.fill("#count", "4");
  await draw(prompts[2], false);
  await page.waitForSelector(".frame:nth-child(2) .preview", { timeout: 60_000 });
  await take("4-four-being-drawn");
  await page.waitForSelector(".entry:last-child.done", { timeout: 120_000 });
  await page.fill("#count", "1");
  await page.keyboard.press("Tab");
  await page.click('.chip[title^="Portrait"]');
  await draw("A whimsical image of a waffle-hippopotamus hybrid.", false);
  await page.waitForFunction(() => document.querySelector("progress")?.value > 0.4, null, { timeout: 60_000 });
  await take("5-being-drawn");
  await page.click("text=Cancel");
  await page.waitForSelector(".entry:last-child.cancelled");
  await take("6-cancelled");
  await page.fill("#prompt", "  ");
  await page.click(".draw");
  await take("7-error");
  await fillGallery(page);
  await page.reload();
  await page.click(".masthead button");
  await page.waitForSelector(".gallery li img");
  await page.waitForTimeout(400);
  await take("8-gallery");
  await page.click(".gallery li:nth-child(2) button");
  await page.waitForSelector(".large .picture");
  await page.waitForTimeout(200);
  await take("9-large");
  await page.click(".about >> text=Edit");
  await page.waitForSelector(".sheets");
  await page.waitForTimeout(300);
  const box = await page.locator(".mask").boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.4);
  await page.mouse.down();
  for (let i = 0; i <= 20; i++) {
    await page.mouse.move(box.x + box.width * (0.3 + i * 0.02), box.y + box.height * (0.4 + 0.1 * Math.sin(i / 3)));
  }
  await page.mouse.up();
  await page.waitForTimeout(200);
  if (phone) await page.locator(".tools").scrollIntoViewIfNeeded();
  await take("a-edit");
  await context.close();
}

// As many pictures as the gallery holds, copies of those drawn.
async function fillGallery(page) {
  await page.evaluate(async () => {
    const settled = (wish) => new Promise((resolve) => (wish.onsuccess = () => resolve(wish.result)));
    const database = await settled(indexedDB.open("sd35", 1));
    const all = await settled(database.transaction("pictures").objectStore("pictures").getAll());
    const store = database.transaction("pictures", "readwrite").objectStore("pictures");
    for (let i = all.length; i < 500; i++) {
      const { id: _, ...copy } = all[(i * 7) % all.length];
      await settled(store.add(copy));
    }
  });
}

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { closeBrowser, dropPicture, form, keptPictures, openBrowser, openPage, pixelsOf } from "./page.mjs";
import { startServer } from "./server.mjs";

describe("the gallery and settings of pictures", () => {
  let server;
  before(async () => {
    [server] = await Promise.all([startServer(), openBrowser()]);
  });
  after(async () => {
    await closeBrowser();
    await server?.stop();
  });

  async function download(page) {
    const [file] = await Promise.all([page.waitForEvent("download"), page.click(".large >> text=Download")]);
    return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
  }

  it("gives the settings of a dropped picture back, and the same picture from them", async () => {
    const first = await openPage(server.url);
    await form.open(first.page);
    await first.page.fill("#negative_prompt", "blurry");
    await first.page.fill("#num_inference_steps", "6");
    await first.page.fill("#guidance_scale", "3");
    await first.page.fill("#seed", "4321");
    await first.page.click('.chip[title^="Landscape"]');
    const sent = await form.draw(first.page, "A red apple & a \"blue\" car");
    const drawn = await pixelsOf(first.page.locator(".result img"));
    await first.page.click(".result");
    const { name, bytes } = await download(first.page);
    assert.equal(name, "a-red-apple-a-blue-car-4321.png");
    await first.close();

    const { page, close } = await openPage(server.url);
    await page.waitForSelector(".masthead .edge:not(:empty)");
    await dropPicture(page, "#drop-settings", bytes);
    await page.waitForSelector(".notice >> text=settings are in place");
    assert.equal(await page.inputValue("#prompt"), sent.prompt);
    await form.open(page);
    const again = await form.draw(page);
    for (const field of ["negative_prompt", "num_inference_steps", "guidance_scale", "seed", "width", "height", "sampler"]) {
      assert.deepEqual(again[field], sent[field], field);
    }
    assert.deepEqual(await pixelsOf(page.locator(".result img")), drawn);
    await close();
  });

  it("keeps settings that the form does not have, until they are left out", async () => {
    const json = { "Content-Type": "application/json" };
    const asked = { prompt: "a red cube", num_inference_steps: 3, seed: 5, guidance_rescale: 0.5 };
    const answer = await fetch(`${server.url}/api/v1/jobs`, { method: "POST", headers: json, body: JSON.stringify(asked) });
    const { links } = await answer.json();
    await (await fetch(server.url + links.events)).text();
    const { images } = await (await fetch(server.url + links.self)).json();
    const bytes = Buffer.from(await (await fetch(server.url + images[0].url)).arrayBuffer());

    const { page, close } = await openPage(server.url);
    await page.waitForSelector(".masthead .edge:not(:empty)");
    await dropPicture(page, "#drop-settings", bytes);
    await page.waitForSelector(".notice >> text=settings are in place");
    assert.equal((await form.draw(page)).guidance_rescale, 0.5);
    await form.open(page);
    await page.click('[aria-label="Leave out guidance_rescale"]');
    assert.equal((await form.draw(page)).guidance_rescale, undefined);
    await close();
  });

  it("says so when a dropped picture holds no settings, or is none", async () => {
    const { page, close } = await openPage(server.url, { expected: /400/ });
    const plain = await page.evaluate(async () => {
      const sheet = new OffscreenCanvas(32, 32);
      sheet.getContext("2d").fillRect(0, 0, 32, 32);
      return [...new Uint8Array(await (await sheet.convertToBlob()).arrayBuffer())];
    });
    await dropPicture(page, "#drop-settings", Buffer.from(plain));
    await page.waitForSelector(".notice.error p");
    await page.click('[aria-label="Dismiss"]');
    await dropPicture(page, "#drop-picture", Buffer.from("no picture"));
    await page.waitForSelector(".notice.error >> text=not a picture");
    await close();
  });

  it("uses a picture's settings again, deletes it, and turns pages by keys", async () => {
    const { page, close } = await openPage(server.url);
    await form.open(page);
    await page.fill("#num_inference_steps", "4");
    await form.draw(page, "first");
    await form.draw(page, "second");
    await page.click("text=Gallery 2");
    await page.click(".gallery li:nth-child(2) button");
    await page.waitForSelector(".large >> text=first");
    await page.keyboard.press("ArrowLeft");
    await page.waitForSelector(".large >> text=second");
    await page.keyboard.press("ArrowRight");
    await page.waitForSelector(".large >> text=first");
    await page.click(".large >> text=Use settings");
    const seed = (await keptPictures(page))[0].seed;
    assert.equal(await page.inputValue("#prompt"), "first");
    assert.equal(await page.inputValue("#seed"), String(seed));
    await page.goBack();
    await page.waitForSelector(".large[open]");
    await page.click(".large >> text=Delete");
    await page.waitForSelector(".large >> text=second");
    await page.keyboard.press("Escape");
    assert.equal(await page.locator(".gallery li").count(), 1);
    assert.deepEqual((await keptPictures(page)).map(({ settings }) => settings.prompt), ["second"]);
    await close();
  });

  it("keeps 500 pictures and lets the oldest go", async () => {
    const { page, close } = await openPage(server.url);
    await form.open(page);
    await page.fill("#num_inference_steps", "3");
    await form.draw(page, "the oldest");
    await page.evaluate(async () => {
      const settled = (wish) => new Promise((resolve) => (wish.onsuccess = () => resolve(wish.result)));
      const database = await settled(indexedDB.open("sd35", 1));
      const [oldest] = await settled(database.transaction("pictures").objectStore("pictures").getAll());
      const store = database.transaction("pictures", "readwrite").objectStore("pictures");
      const { id: _, ...copy } = oldest;
      for (let i = 0; i < 498; i++) await settled(store.add({ ...copy, settings: { ...copy.settings, prompt: `copy ${i}` } }));
      database.close();
    });
    await page.reload();
    await page.waitForSelector("text=Gallery 499");
    await form.draw(page, "the last but one");
    assert.equal((await keptPictures(page))[0].settings.prompt, "the oldest");
    await form.draw(page, "the newest");
    const kept = await keptPictures(page);
    assert.equal(kept.length, 500);
    assert.equal(kept[0].settings.prompt, "copy 0");
    assert.equal(kept.at(-1).settings.prompt, "the newest");
    await page.click("text=Gallery 500");
    assert.equal(await page.locator(".gallery li").count(), 500);
    await close();
  });

  it("draws without a store in the browser, and says so", async () => {
    const { page, close } = await openPage(server.url, { before: () => (IDBFactory.prototype.open = () => undefined.store) });
    await form.open(page);
    await page.fill("#num_inference_steps", "3");
    await form.draw(page, "a red cube");
    await page.click("text=Gallery 1");
    await page.waitForSelector(".gallery header >> text=until it is closed");
    assert.equal(await page.locator(".gallery li").count(), 1);
    await close();
  });

  it("keeps settings but no prompt in the address", async () => {
    const { page, close } = await openPage(server.url);
    await page.waitForSelector(".masthead .edge:not(:empty)");
    await page.click('.chip[title^="Wide"]');
    await form.open(page);
    await page.fill("#num_inference_steps", "7");
    await page.fill("#prompt", "secret");
    const address = page.url();
    assert.ok(!address.includes("secret"));
    await close();
    const other = await openPage(address);
    await form.open(other.page);
    assert.equal(await other.page.inputValue("#num_inference_steps"), "7");
    assert.ok(await other.page.isChecked('.chip[title^="Wide"] input'));
    assert.equal(await other.page.inputValue("#prompt"), "");
    await other.close();
  });
});

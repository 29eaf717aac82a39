import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { closeBrowser, form, keptPictures, openBrowser, openPage } from "./page.mjs";
import { startServer } from "./server.mjs";

describe("drawing", () => {
  let server;
  before(async () => {
    [server] = await Promise.all([startServer(), openBrowser()]);
  });
  after(async () => {
    await closeBrowser();
    await server?.stop();
  });

  it("comes with a policy that lets nothing in from elsewhere", async () => {
    const answer = await fetch(server.url);
    const policy = answer.headers.get("Content-Security-Policy").split(/; */);
    assert.ok(policy.includes("default-src 'self'") && policy.includes("img-src 'self' blob: data:"), policy.join());
    assert.ok(!policy.some((rule) => /unsafe|https?:|\*/.test(rule)), policy.join());
  });

  it("begins with Ctrl+Enter, and the preview changes before the end", async () => {
    const { page, close } = await openPage(server.url);
    await page.fill("#prompt", "a red apple on a table");
    await page.evaluate(() => {
      window.seen = { previews: new Set(), shares: new Set(), steps: new Set(), titles: new Set() };
      new MutationObserver(() => {
        const preview = document.querySelector(".preview");
        if (preview) window.seen.previews.add(preview.src);
        const progress = document.querySelector("progress");
        if (progress) window.seen.shares.add(progress.value);
        const step = document.querySelector(".advance .edge");
        if (step) window.seen.steps.add(step.textContent);
        window.seen.titles.add(document.title);
      }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
    });
    await page.keyboard.press("Control+Enter");
    await page.waitForSelector(".result img");
    const seen = await page.evaluate(() => ({
      previews: [...window.seen.previews],
      shares: [...window.seen.shares],
      steps: [...window.seen.steps],
      titles: [...window.seen.titles],
    }));
    assert.ok(seen.previews.length >= 2, `${seen.previews.length} previews`);
    assert.ok(seen.previews.every((address) => address.startsWith("data:image/jpeg")));
    assert.ok(seen.shares.some((share) => share > 0 && share < 1));
    assert.deepEqual(seen.shares, seen.shares.toSorted((a, b) => a - b));
    assert.ok(seen.steps.some((text) => /^Step \d+\/\d+$/.test(text)), seen.steps.join());
    assert.ok(seen.titles.some((text) => /^[1-9]\d* % · sd35$/.test(text)), seen.titles.join());
    await page.waitForSelector(".entry.done");
    assert.equal(await page.title(), "sd35");
    await close();
  });

  it("keeps the gallery over a reload, and the prompt", async () => {
    const { page, close } = await openPage(server.url);
    await form.draw(page, "a blue car");
    const [picture] = await keptPictures(page);
    await page.reload();
    assert.equal(await page.inputValue("#prompt"), "a blue car");
    assert.ok(!page.url().includes("car"), "an address does not tell the prompt");
    await page.click("text=Gallery 1");
    const thumbnail = page.locator(".gallery li img");
    await thumbnail.waitFor();
    await page.waitForFunction(() => document.querySelector(".gallery img").complete);
    assert.ok(await thumbnail.evaluate((image) => image.naturalWidth > 0));
    await page.click(".gallery li button");
    const text = await page.locator(".large").innerText();
    for (const part of ["a blue car", String(picture.seed), `${picture.width} × ${picture.height}`]) assert.ok(text.includes(part), part);
    await close();
  });

  it("goes on with a drawing after a reload", async () => {
    const { page, close } = await openPage(server.url);
    await form.open(page);
    await page.fill("#num_inference_steps", "25");
    await page.fill("#count", "4");
    await form.send(page, "three green stars");
    await page.reload();
    await page.waitForSelector(".entry.done");
    assert.equal((await keptPictures(page)).length, 4);
    await close();
  });

  it("is cancelled, while it runs and while it waits", async () => {
    const { page, close } = await openPage(server.url);
    await form.open(page);
    await page.fill("#num_inference_steps", "150");
    await page.fill("#count", "8");
    await form.send(page, "a long one");
    await form.send(page, "one that waits");
    await page.waitForSelector(".entry.running");
    await page.click(".entry:nth-child(2) button");
    await page.click("text=Cancel");
    await page.waitForSelector(".entry:nth-child(2).cancelled");
    await page.click(".entry:nth-child(1) button");
    await page.click("text=Cancel");
    await page.waitForSelector(".entry:nth-child(1).cancelled");
    await page.waitForSelector("text=Draw it again");
    assert.ok((await keptPictures(page)).length < 8);
    await close();
  });

  it("sends what the form says, and nothing of its own", async () => {
    const { page, close } = await openPage(server.url);
    await form.open(page);
    await page.click('.chip[title^="Portrait"]');
    await page.fill("#negative_prompt", "blurry");
    await page.fill("#num_inference_steps", "5");
    await page.fill("#guidance_scale", "2.5");
    await page.selectOption("#sampler", "heun");
    await page.fill("#seed", "77");
    await page.fill("#count", "2");
    const body = await form.draw(page, "a red cube");
    const { width, height, model, output_format, previews, ...rest } = body;
    assert.ok(width < height && width % 16 === 0 && height % 16 === 0);
    assert.deepEqual(rest, {
      prompt: "a red cube",
      negative_prompt: "blurry",
      num_inference_steps: 5,
      guidance_scale: 2.5,
      sampler: "heun",
      seed: 77,
      count: 2,
    });
    assert.equal(await page.locator(".result").count(), 2);
    const kept = await keptPictures(page);
    assert.deepEqual(kept.map(({ seed }) => seed), [77, 78]);
    assert.deepEqual(kept.map((one) => [one.width, one.height]), [[width, height], [width, height]]);
    assert.equal(await page.getAttribute('[aria-label="Keep this seed"]', "aria-pressed"), "true");
    assert.equal((await form.draw(page)).seed, 77);
    await page.click('[aria-label="Keep this seed"]');
    assert.notEqual((await form.draw(page)).seed, 77);
    await close();
  });

  it("says what the server refuses, at the field", async () => {
    const { page, close } = await openPage(server.url, { expected: /400/ });
    await page.click(".draw");
    await page.waitForSelector(".notice.error >> text=Say what the picture should show");
    assert.equal(await page.evaluate(() => document.activeElement.id), "prompt");
    assert.equal(await page.getAttribute("#prompt", "aria-invalid"), "true");
    await page.fill("#prompt", "a red cube");
    await page.waitForFunction(() => !document.querySelector(".notice.error"));
    await page.click('.chip[title^="Another"]');
    await page.fill("#width", "160000");
    await page.fill("#height", "160000");
    await page.click(".draw");
    await page.waitForSelector(".notice.error p");
    assert.equal(await page.locator(".entry").count(), 0);
    assert.equal(await page.getAttribute("#width", "aria-invalid"), "true");
    await close();
  });
});

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { closeBrowser, form, keptPictures, openBrowser, openPage } from "./page.mjs";
import { startServer } from "./server.mjs";

describe("a server with a token", () => {
  const token = "correct-horse-battery";
  let server;
  let folder;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "sd35-page-"));
    await writeFile(join(folder, "token"), `${token}\n`);
    [server] = await Promise.all([startServer({ options: ["--token-file", join(folder, "token")] }), openBrowser()]);
  });
  after(async () => {
    await closeBrowser();
    await server?.stop();
    await rm(folder, { recursive: true });
  });

  it("is asked for once, again when it is wrong, and forgotten with the tab", async () => {
    const { page, close } = await openPage(server.url, { expected: /401/ });
    await page.waitForSelector("text=asks for its token");
    assert.equal(await page.evaluate(() => document.activeElement.id), "token");
    await page.fill("#token", "wrong");
    await page.keyboard.press("Enter");
    await page.waitForSelector("text=That was not it");
    await page.fill("#token", token);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".masthead .edge:not(:empty)");
    assert.equal(await page.locator("dialog").count(), 0);
    await form.open(page);
    await page.fill("#num_inference_steps", "4");
    await form.draw(page, "a red cube");
    assert.equal(await page.locator(".result").count(), 1);
    assert.ok(!page.url().includes(token));
    assert.equal(await page.evaluate(() => Object.values(localStorage).length), 0);
    await page.reload();
    await page.waitForSelector(".masthead .edge:not(:empty)");
    assert.equal(await page.locator("dialog").count(), 0);
    await close();
  });

  it("may be put off, and is then asked for by the next drawing", async () => {
    const { page, close } = await openPage(server.url, { expected: /401/ });
    await page.waitForSelector("text=asks for its token");
    await page.click("text=Not now");
    await page.waitForSelector(".notice.error >> text=token");
    await page.fill("#prompt", "a red cube");
    await page.click(".draw");
    await page.fill("#token", token);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".entry.done");
    await close();
  });
});

describe("a server with two models and a short queue", () => {
  let server;
  before(async () => {
    const options = ["--model", `second=${process.env.SD35_MODEL}`, "--queue", "1"];
    [server] = await Promise.all([startServer({ options }), openBrowser()]);
  });
  after(async () => {
    await closeBrowser();
    await server?.stop();
  });

  it("offers both models, and keeps the one chosen in the address", async () => {
    const { page, close } = await openPage(server.url);
    await page.waitForSelector(".masthead .edge:not(:empty)");
    const names = await page.locator("#model option").allTextContents();
    assert.deepEqual(names.toSorted(), ["default", "second"]);
    await form.open(page);
    await page.selectOption("#model", "second");
    await page.fill("#num_inference_steps", "3");
    assert.equal((await form.draw(page, "a red cube")).model, "second");
    await page.reload();
    await page.waitForSelector(".masthead .edge >> text=second");
    await close();
  });

  it("says when its queue is full", async () => {
    const { page, close } = await openPage(server.url, { expected: /429/ });
    await page.waitForSelector(".masthead .edge:not(:empty)");
    await form.open(page);
    await page.fill("#num_inference_steps", "150");
    await page.fill("#count", "9");
    await form.send(page, "a long one");
    await page.waitForSelector(".entry.running");
    await form.send(page, "one that waits");
    await page.waitForSelector(".entry:nth-child(2).queued");
    await page.click(".draw");
    await page.waitForSelector(".notice.error >> text=/queue.*[Tt]ry again in \\d+/");
    assert.equal(await page.locator(".entry").count(), 2);
    for (const entry of [2, 1]) {
      await page.click(`.entry:nth-child(${entry}) button`);
      await page.click("text=Cancel");
      await page.waitForSelector(`.entry:nth-child(${entry}).cancelled`);
    }
    await close();
  });
});

describe("a server that goes away", () => {
  before(openBrowser);
  after(closeBrowser);

  it("is waited for, at rest and while drawing", async () => {
    let server = await startServer();
    const { page, close } = await openPage(server.url, { expected: /ERR_|404/ });
    await form.open(page);
    await page.fill("#num_inference_steps", "4");
    await form.draw(page, "before");
    await page.fill("#num_inference_steps", "150");
    await page.fill("#count", "9");
    await form.send(page, "lost");
    await page.waitForSelector(".entry:last-child.running");
    await server.kill();
    await page.waitForSelector(".gone");
    await page.fill("#prompt", "meanwhile");
    await page.click(".draw");
    await page.waitForSelector(".notice.error >> text=does not answer");

    server = await startServer({ port: server.port });
    await page.waitForSelector(".gone", { state: "detached" });
    await page.waitForSelector(".entry:last-child.failed");
    await page.waitForSelector(".problem >> text=lost");
    await page.fill("#num_inference_steps", "4");
    await page.fill("#count", "1");
    await form.draw(page, "after");
    const prompts = (await keptPictures(page)).map(({ settings }) => settings.prompt);
    assert.equal(prompts[0], "before");
    assert.equal(prompts.at(-1), "after");
    await server.stop();
    await close();
  });
});

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";
import { closeBrowser, form, openBrowser, openPage } from "./page.mjs";
import { startServer } from "./server.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

describe("for everyone", () => {
  let server;
  before(async () => {
    [server] = await Promise.all([startServer(), openBrowser()]);
  });
  after(async () => {
    await closeBrowser();
    await server?.stop();
  });

  async function check(page, state) {
    if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`);
    assert.deepEqual(found, [], state);
  }

  async function noSidewaysScrolling(page, state) {
    const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(excess <= 0, `${state}: ${excess} pixels too wide`);
  }

  const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
  const ways = [
    ["light", { colorScheme: "light" }],
    ["dark", { colorScheme: "dark" }],
    ["a phone, light", { colorScheme: "light", ...phone }],
    ["a phone, dark", { colorScheme: "dark", ...phone }],
  ];

  for (const [name, options] of ways) {
    it(`has no violation that axe knows, and fits: ${name}`, async () => {
      const { page, close } = await openPage(server.url, options);
      const look = async (state) => {
        await check(page, state);
        await noSidewaysScrolling(page, state);
      };
      await page.waitForSelector(".masthead .edge:not(:empty)");
      await look("at rest");
      await page.click(".draw");
      await page.waitForSelector(".notice.error p");
      await form.open(page);
      await look("with an error and everything unfolded");
      await page.fill("#num_inference_steps", "100");
      await page.fill("#count", "4");
      await form.send(page, "a red apple on a table");
      await page.waitForSelector(".preview");
      await look("while drawing");
      await page.click("text=Cancel");
      await page.waitForSelector(".entry.cancelled");
      await look("cancelled");
      await page.fill("#num_inference_steps", "4");
      await page.fill("#count", "1");
      await form.draw(page, "a blue car");
      await look("done");
      await page.click(".masthead button");
      await page.waitForSelector(".gallery li img");
      await look("the gallery");
      await page.click(".gallery li button");
      await page.waitForSelector(".large[open]");
      await look("a picture large");
      await page.click(".large >> text=Edit");
      await page.waitForSelector(".mask");
      await look("the canvas");
      await close();
    });
  }

  it("is used by keyboard alone", async () => {
    const { page, close } = await openPage(server.url);
    const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.ariaLabel || document.activeElement.textContent.trim());
    const tabTo = async (wanted) => {
      for (let i = 0; i < 60; i++) {
        if (wanted.test(await focused())) return;
        await page.keyboard.press("Tab");
      }
      assert.fail(`Tab does not come to ${wanted}; it is at ${await focused()}`);
    };
    await page.waitForSelector(".masthead .edge:not(:empty)");
    await tabTo(/^prompt$/);
    await page.keyboard.type("a red apple on a table");
    await tabTo(/^Square|^Default/);
    await page.keyboard.press("ArrowRight");
    assert.ok(await page.isChecked('.chip[title^="Portrait"] input'));
    await tabTo(/^More/);
    await page.keyboard.press("Enter");
    await tabTo(/^num_inference_steps$/);
    await page.keyboard.press("Control+a");
    await page.keyboard.type("5");
    await page.keyboard.press("Control+Enter");
    await page.waitForSelector(".entry.done");
    await tabTo(/^Open: a red apple/);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".large[open]");
    await tabTo(/^Close$/);
    await page.keyboard.press("Escape");
    await page.waitForSelector(".large", { state: "detached" });
    assert.match(await focused(), /^Open: a red apple/, "the focus is where it was");
    await tabTo(/^Edit$/);
    await page.keyboard.press("Enter");
    await tabTo(/^Mask over the picture/);
    await page.keyboard.press("Space");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Space");
    await page.keyboard.press("Control+Enter");
    await page.waitForSelector(".entry:nth-child(2).done");
    await close();
  });

  it("respects those who want less motion", async () => {
    for (const [reducedMotion, moves] of [["reduce", false], ["no-preference", true]]) {
      const { page, close } = await openPage(server.url, { reducedMotion });
      await form.open(page);
      await page.fill("#num_inference_steps", "3");
      await form.draw(page, "a red cube");
      const name = await page.locator(".result").evaluate((element) => getComputedStyle(element).animationName);
      assert.equal(name !== "none", moves);
      await close();
    }
  });
});

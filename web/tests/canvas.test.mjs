import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { closeBrowser, dropPicture, form, openBrowser, openPage, pixelsOf } from "./page.mjs";
import { startServer } from "./server.mjs";

describe("pictures as input", () => {
  let server;
  before(async () => {
    [server] = await Promise.all([startServer(), openBrowser()]);
  });
  after(async () => {
    await closeBrowser();
    await server?.stop();
  });

  // Draws a picture and opens it on the canvas.
  async function openCanvas(page) {
    await form.open(page);
    await page.fill("#num_inference_steps", "6");
    await form.draw(page, "a red apple on a table");
    await page.click("text=Edit");
    await page.waitForSelector("text=Brush >> visible=true");
    await page.waitForFunction(() => document.querySelector(".sheets canvas")?.getContext("2d").getImageData(0, 0, 1, 1).data[3] === 255);
  }

  // A stroke between two places, given as shares of the canvas.
  async function stroke(page, from, to) {
    const box = await page.locator(".mask").boundingBox();
    const at = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
    await page.mouse.move(...at(from));
    await page.mouse.down();
    await page.mouse.move(...at(to), { steps: 12 });
    await page.mouse.up();
  }

  // The share of the mask that is painted.
  const painted = async (page) => {
    const { data } = await pixelsOf(page.locator(".mask"));
    return data.filter((value, index) => index % 4 === 3 && value >= 128).length / (data.length / 4);
  };

  it("draws only the masked part anew", async () => {
    const { page, close } = await openPage(server.url);
    await openCanvas(page);
    await stroke(page, [0.25, 0.3], [0.45, 0.3]);
    await page.locator("#canvas-strength").fill("1");
    const body = await form.send(page, "a blue car");
    assert.match(body.image, /^data:image\/png;base64,/);
    assert.match(body.mask, /^data:image\/png;base64,/);
    assert.equal(body.strength, 1);
    await page.waitForSelector(".entry:last-child.done");

    const mask = await decode(page, body.mask);
    const source = await decode(page, body.image);
    const result = await pixelsOf(page.locator(".result img"));
    assert.deepEqual([mask.width, mask.height], [source.width, source.height]);
    assert.deepEqual([result.width, result.height], [source.width, source.height]);
    const beyond = 14; // the mask's edge is softened by 4 pixels, which reach two and a half times as far
    const near = dilated(mask, beyond);
    let changedInside = 0;
    for (let i = 0; i < near.length; i++) {
      const changed = [0, 1, 2].some((channel) => source.data[4 * i + channel] !== result.data[4 * i + channel]);
      if (changed && mask.data[4 * i] === 255) changedInside++;
      assert.ok(!changed || near[i], `the pixel ${i % mask.width}, ${Math.floor(i / mask.width)} was not masked, and changed`);
    }
    const inside = mask.data.filter((value, index) => index % 4 === 0 && value === 255).length;
    assert.ok(inside > 50 && inside < near.length / 3, `${inside} pixels are masked`);
    assert.ok(changedInside > inside / 2, `${changedInside} of ${inside} masked pixels changed`);

    await page.keyboard.down("c");
    await page.waitForSelector(".badge >> text=Before");
    assert.deepEqual(await pixelsOf(page.locator(".result img")), source);
    await page.keyboard.up("c");
    await page.waitForSelector(".badge", { state: "detached" });
    await close();
  });

  it("has brush, eraser, invert, clear, undo and redo", async () => {
    const { page, close } = await openPage(server.url);
    await openCanvas(page);
    assert.equal(await painted(page), 0);
    await stroke(page, [0.2, 0.5], [0.8, 0.5]);
    const line = await painted(page);
    assert.ok(line > 0.02 && line < 0.3, `${line}`);
    await page.click("text=Invert");
    assert.ok(Math.abs((await painted(page)) - (1 - line)) < 0.02);
    await page.keyboard.press("Control+z");
    assert.equal(await painted(page), line);
    await page.keyboard.press("Control+Shift+Z");
    assert.ok((await painted(page)) > 0.5);
    await page.click('[aria-label="Undo"]');
    await page.click("text=Eraser");
    await stroke(page, [0.5, 0.2], [0.5, 0.8]);
    const erased = await painted(page);
    assert.ok(erased < line && erased > 0);
    await page.click("text=Clear");
    assert.equal(await painted(page), 0);
    await page.click('[aria-label="Undo"]');
    assert.equal(await painted(page), erased);
    const width = () => page.locator(".width input").inputValue().then(Number);
    const before = await width();
    await page.keyboard.press("]");
    assert.ok((await width()) > before);
    await page.keyboard.press("[");
    await page.keyboard.press("[");
    assert.ok((await width()) < before);
    await page.click("text=Close");
    assert.equal(await page.locator(".thumbnail .masked").count(), 1);
    await page.click("text=Change the mask");
    await page.waitForFunction(() => {
      const canvas = document.querySelector(".mask");
      return canvas?.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0);
    });
    assert.ok(Math.abs((await painted(page)) - erased) < 0.01, "the mask is there again");
    await close();
  });

  it("paints by keyboard alone", async () => {
    const { page, close } = await openPage(server.url);
    await openCanvas(page);
    await page.locator(".mask").focus();
    await page.keyboard.press("Space");
    for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Space");
    const line = await painted(page);
    assert.ok(line > 0);
    await page.keyboard.press("ArrowDown");
    assert.equal(await painted(page), line, "a brush that is lifted paints nothing");
    await page.keyboard.press("Control+z");
    assert.equal(await painted(page), 0);
    await close();
  });

  it("begins with a dropped picture, in a size of the model", async () => {
    const { page, close } = await openPage(server.url);
    await page.waitForSelector(".masthead .edge:not(:empty)");
    const photo = await page.evaluate(async () => {
      const sheet = new OffscreenCanvas(1500, 1000);
      const context = sheet.getContext("2d");
      context.fillStyle = "#2255cc";
      context.fillRect(0, 0, 1500, 1000);
      return [...new Uint8Array(await (await sheet.convertToBlob({ type: "image/jpeg" })).arrayBuffer())];
    });
    await dropPicture(page, "#drop-picture", Buffer.from(photo), "image/jpeg");
    await page.waitForSelector(".thumbnail img");
    await form.open(page);
    await page.fill("#num_inference_steps", "6");
    await page.fill("#strength", "0.3");
    const body = await form.draw(page, "a blue background");
    assert.equal(body.strength, 0.3);
    assert.equal(body.mask, undefined);
    assert.ok(body.width > body.height && body.width % 16 === 0 && body.height % 16 === 0);
    const source = await decode(page, body.image);
    assert.deepEqual([source.width, source.height], [body.width, body.height]);
    const { data } = await pixelsOf(page.locator(".result img"));
    assert.ok(data[2] > data[0], "it is still blue");
    await page.click("text=Leave out");
    assert.equal((await form.send(page)).image, undefined);
    await page.waitForSelector(".entry:last-child.done");
    await close();
  });

  // The pixels behind a data URL, which the page's policy lets images show.
  async function decode(page, url) {
    await page.evaluate((url) => {
      const image = document.createElement("img");
      image.id = "decoded";
      image.src = url;
      document.body.append(image);
      return image.decode();
    }, url);
    const pixels = await pixelsOf(page.locator("#decoded"));
    await page.evaluate(() => document.querySelector("#decoded").remove());
    return pixels;
  }

  // Whether a pixel is masked, or as near to one that is.
  function dilated({ width, height, data }, reach) {
    const near = new Uint8Array(width * height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (data[4 * (y * width + x)] < 128) continue;
        for (let dy = -reach; dy <= reach; dy++) {
          for (let dx = -reach; dx <= reach; dx++) {
            if (x + dx >= 0 && x + dx < width && y + dy >= 0 && y + dy < height) near[(y + dy) * width + x + dx] = 1;
          }
        }
      }
    }
    return near;
  }
});

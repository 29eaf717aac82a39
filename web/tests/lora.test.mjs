import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { closeBrowser, form, keptPictures, openBrowser, openPage, pixelsOf } from "./page.mjs";
import { startServer } from "./server.mjs";

// A LoRA for one layer of the model, of rank 4, as diffusers would save it.
async function loraFor(model) {
  const { num_attention_heads: heads, attention_head_dim: size } = JSON.parse(await readFile(join(model, "transformer/config.json"), "utf8"));
  const width = heads * size;
  const layer = "transformer.transformer_blocks.0.attn.to_q";
  const tensor = (shape, begin) => ({ dtype: "F32", shape, data_offsets: [begin, begin + 4 * shape[0] * shape[1]] });
  const half = 4 * 4 * width;
  const head = JSON.stringify({
    [`${layer}.lora_A.weight`]: tensor([4, width], 0),
    [`${layer}.lora_B.weight`]: tensor([width, 4], half),
  });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(head.length));
  const values = Float32Array.from({ length: 8 * width }, (_, index) => Math.sin(index));
  return Buffer.concat([length, Buffer.from(head), Buffer.from(values.buffer)]);
}

describe("LoRAs", () => {
  let server;
  let folder;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "sd35-page-"));
    await writeFile(join(folder, "ink.safetensors"), await loraFor(process.env.SD35_MODEL));
    [server] = await Promise.all([startServer({ options: ["--loras", folder] }), openBrowser()]);
  });
  after(async () => {
    await closeBrowser();
    await server?.stop();
    await rm(folder, { recursive: true });
  });

  it("are picked, weighed and left out", async () => {
    const { page, close } = await openPage(server.url);
    await page.waitForSelector(".masthead .edge:not(:empty)");
    await form.open(page);
    await page.fill("#num_inference_steps", "5");
    await page.fill("#seed", "3");
    const draw = async () => {
      const body = await form.draw(page, "a red apple on a table");
      return { body, pixels: await pixelsOf(page.locator(".result img")) };
    };
    const without = await draw();
    assert.equal(without.body.loras, undefined);
    await page.selectOption("#loras", "ink");
    assert.equal((await page.getByLabel("ink", { exact: true }).inputValue()), "1");
    assert.equal(await page.locator("#loras").count(), 0, "there is no other to add");
    await page.getByLabel("ink", { exact: true }).fill("0.5");
    await page.keyboard.press("Tab");
    const half = await draw();
    assert.deepEqual(half.body.loras, [{ name: "ink", weight: 0.5 }]);
    assert.notDeepEqual(half.pixels, without.pixels);
    assert.deepEqual((await keptPictures(page))[1].settings.loras, half.body.loras);
    await page.click('[aria-label="Leave out ink"]');
    assert.deepEqual((await draw()).pixels, without.pixels);
    await page.click(".entry:nth-child(2) button");
    await page.click(".result");
    await page.waitForSelector(".large >> text=ink 0.5");
    await page.click(".large >> text=Use settings");
    assert.equal((await page.getByLabel("ink", { exact: true }).inputValue()), "0.5");
    await close();
  });
});

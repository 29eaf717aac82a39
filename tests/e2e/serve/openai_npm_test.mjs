// OpenAI's client for JavaScript, unmodified: node openai_npm_test.mjs URL
import assert from "node:assert/strict";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: `${process.argv[2]}/v1`, apiKey: "any", maxRetries: 0 });
const asked = { model: "gpt-image-1", prompt: "a red cube", size: "64x64", steps: 6, seed: 7, max_sequence_length: 16 };

const drawn = await client.images.generate({ ...asked, n: 2 });
assert.equal(drawn.data.length, 2);
assert.equal(drawn.size, "64x64");
assert.ok(drawn.usage.input_tokens > 0);

const types = [];
for await (const event of await client.images.generate({ ...asked, stream: true, partial_images: 2 })) types.push(event.type);
assert.deepEqual(types, ["image_generation.partial_image", "image_generation.partial_image", "image_generation.completed"]);

await assert.rejects(client.images.generate({ ...asked, size: "1x1" }), (error) => {
  assert.ok(error instanceof OpenAI.BadRequestError);
  assert.equal(error.param, "size");
  return true;
});

const file = new File([Buffer.from(drawn.data[0].b64_json, "base64")], "a.png", { type: "image/png" });
const edited = await client.images.edit({ image: file, prompt: "a cat", model: "gpt-image-1", steps: 3 });
assert.equal(edited.size, "64x64");

const names = [];
for await (const model of client.models.list()) names.push(model.id);
assert.deepEqual(names, ["tiny"]);

// What was built, and the parts that need neither server nor browser.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it, mock } from "node:test";
import { gzipSync } from "node:zlib";
import { createServer } from "vite";

const file = (name) => readFile(new URL(`../dist/${name}`, import.meta.url));

describe("the built files", () => {
  it("stay within the budget", async () => {
    const sizes = {};
    for (const name of ["index.html", "app.js", "app.css"]) sizes[name] = gzipSync(await file(name), { level: 9 }).length;
    assert.ok(sizes["app.js"] <= 60_000, `${sizes["app.js"]} bytes of JavaScript`);
    assert.ok(sizes["app.css"] <= 8_000, `${sizes["app.css"]} bytes of CSS`);
    assert.ok(Object.values(sizes).reduce((a, b) => a + b) <= 100_000);
  });

  it("begin with the licences of what they contain", async () => {
    const head = (await file("app.js")).toString().split("*/")[0];
    for (const name of ["preact ", "@preact/signals ", "@preact/signals-core "]) assert.ok(head.includes(name), name);
    assert.ok(head.startsWith("/*!"));
    assert.equal(head.match(/MIT License/g).length, 3);
  });

  it("have no script or style inside the document", async () => {
    const html = (await file("index.html")).toString();
    assert.ok(!/<style|style=|\son\w+=/.test(html));
    for (const [tag] of html.matchAll(/<script[^>]*>/g)) assert.match(tag, /src="\/app\.js"/);
    assert.ok(!/https?:\/\//.test(html.replaceAll("http://www.w3.org/2000/svg", "")));
  });
});

describe("parts", () => {
  let vite;
  const load = (path) => vite.ssrLoadModule(`/src/${path}`);
  before(async () => {
    const root = new URL("..", import.meta.url).pathname;
    vite = await createServer({ root, server: { middlewareMode: true, ws: false }, appType: "custom", logLevel: "error" });
  });
  after(() => vite?.close());

  it("read events however they are cut", async () => {
    const { readEvents } = await load("api/events.ts");
    const text = ': hello\n\nid: 1\nevent: queued\ndata: {"a":\ndata: 1}\n\nid: 2\r\nevent: done\r\ndata: é\r\n\r\ndata: cut off';
    const bytes = new TextEncoder().encode(text);
    for (let size = 1; size <= bytes.length; size++) {
      const parts = [];
      for (let at = 0; at < bytes.length; at += size) parts.push(bytes.slice(at, at + size));
      const events = await collect(readEvents(streamOf(parts)));
      assert.deepEqual(events, [
        { id: "1", event: "queued", data: '{"a":\n1}' },
        { id: "2", event: "done", data: "é" },
      ]);
    }
  });

  it("end where a stream breaks off", async () => {
    const { readEvents } = await load("api/events.ts");
    const stream = new ReadableStream({
      start(to) {
        to.enqueue(new TextEncoder().encode("data: 1\n\n"));
      },
      pull(to) {
        to.error(new TypeError("network error"));
      },
    });
    assert.ok((await collect(readEvents(stream))).length <= 1);
  });

  it("offer sizes that suit a model", async () => {
    const { shapesOf, fitted, layOut } = await load("state/sizes.ts");
    for (const [width, height] of [[128, 128], [1024, 1024], [512, 768], [16, 16]]) {
      const shapes = shapesOf({ width, height });
      assert.ok(shapes.some((shape) => shape.width === width && shape.height === height));
      assert.equal(new Set(shapes.map(({ name }) => name)).size, shapes.length);
      for (const shape of shapes) {
        assert.ok(shape.width % 16 === 0 && shape.height % 16 === 0 && shape.width > 0 && shape.height > 0);
      }
    }
    assert.deepEqual(fitted({ width: 130, height: 129 }, { width: 128, height: 128 }), { width: 128, height: 128 });
    assert.deepEqual(fitted({ width: 4000, height: 2000 }, { width: 1024, height: 1024 }), { width: 1456, height: 720 });
    assert.deepEqual(fitted({ width: 5, height: 3 }, { width: 128, height: 128 }), { width: 16, height: 16 });
    assert.equal(layOut(4, { width: 1, height: 1 }, { width: 400, height: 400 }, 0).columns, 2);
    assert.equal(layOut(4, { width: 1, height: 1 }, { width: 900, height: 200 }, 0).columns, 4);
  });

  it("say durations as people do", async () => {
    const { duration } = await load("state/duration.ts");
    const said = [0, 0.2, 11.4, 99, 99.5, 180, 519.2, 5999, 6000, 7500].map(duration);
    const expected = ["0 s", "1 s", "12 s", "99 s", "1 min 40 s", "3 min", "8 min 40 s", "99 min 59 s", "1 h 40 min", "2 h 5 min"];
    assert.deepEqual(said, expected);
  });

  it("announce at most every five seconds, and then the newest", async () => {
    const { announce, spoken } = await load("state/notices.ts");
    mock.timers.enable({ apis: ["setTimeout"] });
    let now = 100_000;
    mock.method(performance, "now", () => now);
    const pass = (milliseconds) => {
      now += milliseconds;
      mock.timers.tick(milliseconds);
    };
    const heard = [];
    spoken.subscribe((text) => text && heard.push(text));
    for (let second = 0; second <= 12; second++) {
      announce(`second ${second}`);
      pass(1000);
    }
    for (let second = 0; second < 10; second++) pass(1000);
    announce("done");
    pass(1);
    mock.restoreAll();
    mock.timers.reset();
    assert.deepEqual(heard, ["second 0", "second 5", "second 10", "second 12", "done"]);
  });
});

function streamOf(parts) {
  return new ReadableStream({
    start(to) {
      for (const part of parts) to.enqueue(part);
      to.close();
    },
  });
}

async function collect(events) {
  const all = [];
  for await (const event of events) all.push(event);
  return all;
}

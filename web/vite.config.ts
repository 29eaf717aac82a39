import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type Plugin } from "vite";

// The licences of the packages inside app.js, at its head: they ask to travel with the code.
function licences(): Plugin {
  return {
    name: "licences",
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== "chunk") continue;
        const folders = new Set<string>();
        for (const id of Object.keys(file.modules)) {
          const folder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0];
          if (folder) folders.add(folder);
        }
        const texts = [...folders].map(licenceOf).sort();
        file.code = `/*!\nThe page of sd35, Apache License 2.0. It contains:\n\n${texts.join("\n\n")}\n*/\n${file.code}`;
      }
    },
  };
}

function licenceOf(folder: string): string {
  const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const licence = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
  if (!licence) throw new Error(`${name} has no licence file to pass on`);
  return `${name} ${version}\n\n${readFileSync(join(folder, licence), "utf8").trim()}`;
}

const server = process.env.SD35_SERVER ?? "http://127.0.0.1:7860";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [licences()],
  build: {
    target: "es2022",
    minify: false, // the built files are committed, and reviewed
    cssMinify: false,
    cssCodeSplit: false,
    modulePreload: false,
    rolldownOptions: {
      output: { entryFileNames: "app.js", assetFileNames: "app.[ext]", codeSplitting: false },
    },
  },
  server: {
    // The server answers pages of its own origin only, so that is what the requests say.
    proxy: { "^/(api|livez)": { target: server, changeOrigin: true, headers: { origin: server } } },
  },
});

// Debian's Chromium, driven by playwright-core.
import { accessSync } from "node:fs";
import { chromium } from "playwright-core";

const places = [process.env.SD35_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

function executable() {
  for (const place of places) {
    try {
      if (place) accessSync(place);
      if (place) return place;
    } catch {
      // the next one, then
    }
  }
  throw new Error("no Chromium: install the package chromium, or name one in SD35_CHROMIUM");
}

export function launch() {
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: executable(), args });
}

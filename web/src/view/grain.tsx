// The noise that a picture begins as, hinted at: another grain for every seed.
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Size } from "../state/sizes";

const longest = 120; // grains along the longer side
const strongest = 44; // of 255

export function Grain({ seed, width, height }: { seed: number } & Size): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const scale = longest / Math.max(width, height);
  const [across, down] = [width, height].map((side) => Math.max(1, Math.round(side * scale))) as [number, number];
  useLayoutEffect(() => {
    const context = canvas.current!.getContext("2d")!;
    const cells = context.createImageData(across, down);
    const random = randomOf(seed);
    for (let i = 3; i < cells.data.length; i += 4) cells.data[i] = strongest * random() ** 3;
    context.putImageData(cells, 0, 0);
  }, [seed, across, down]);
  return <canvas class="grain" ref={canvas} width={across} height={down} aria-hidden="true" />;
}

// A small generator of equal numbers for equal seeds (a counter, hashed): the same grain every time.
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

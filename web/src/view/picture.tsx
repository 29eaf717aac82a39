// One picture, from the gallery's blob; with what it began with in its place while someone compares.
import type { JSX } from "preact";
import { addressOf, type Kept } from "../state/gallery";

/** Small pictures are shown larger, but not more than so many times. */
export const mostEnlarged = 4;

export function Picture({ picture, before = false }: { picture: Kept; before?: boolean }): JSX.Element {
  const blob = before && picture.input ? picture.input : picture.blob;
  const { width, height, settings } = picture;
  const style = { "--most": `${width * mostEnlarged}px` };
  return <img class="picture" src={addressOf(blob)} width={width} height={height} style={style} alt={settings.prompt} />;
}

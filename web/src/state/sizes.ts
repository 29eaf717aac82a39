// Sizes that suit a model: its own number of pixels in several shapes, sides in multiples of 16.
export interface Size {
  width: number;
  height: number;
}

export interface Shape extends Size {
  name: string;
}

const shapes: [name: string, ratio: number][] = [
  ["Square", 1],
  ["Portrait", 3 / 4],
  ["Landscape", 4 / 3],
  ["Tall", 9 / 16],
  ["Wide", 16 / 9],
];

export const multiple = 16;

export const toMultiple = (side: number): number => Math.max(multiple, Math.round(side / multiple) * multiple);

/** The shapes offered for a model that draws this size by default: as many pixels in each. */
export function shapesOf({ width, height }: Size): Shape[] {
  return shapes.map(([name, ratio]) => {
    if (ratio === 1 && width !== height) return { name: "Default", width, height };
    const area = width * height;
    return { name, width: toMultiple(Math.sqrt(area * ratio)), height: toMultiple(Math.sqrt(area / ratio)) };
  });
}

/** The size in which a picture is begun with: its own, unless the model draws far fewer pixels. */
export function fitted(picture: Size, defaults: Size): Size {
  const excess = (picture.width * picture.height) / (defaults.width * defaults.height);
  const scale = excess > 1.5 ? 1 / Math.sqrt(excess) : 1;
  const side = (length: number) =>
    scale === 1 ? Math.max(multiple, Math.floor(length / multiple) * multiple) : toMultiple(length * scale);
  return { width: side(picture.width), height: side(picture.height) };
}

/** How `count` pictures of one shape fill a box best, and how wide each may then be. */
export function layOut(count: number, shape: Size, box: Size, gap: number): { columns: number; width: number } {
  let best = { columns: 1, width: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const across = (box.width - gap * (columns - 1)) / columns;
    const down = ((box.height - gap * (rows - 1)) / rows) * (shape.width / shape.height);
    const width = Math.floor(Math.min(across, down));
    if (width > best.width) best = { columns, width };
  }
  return best;
}

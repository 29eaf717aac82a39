// A mask as a list of what was done to it, replayed on a canvas as large as the picture. Opaque is painted anew.

export interface Point {
  x: number;
  y: number;
  width: number; // of the brush there, in pixels of the picture
}

type Deed = { kind: "stroke"; erases: boolean; points: Point[] } | { kind: "invert" } | { kind: "clear" };

export const colour = "#e0341c"; // of masking film: what it covers is painted anew

export class Mask {
  private deeds: Deed[] = [];
  private undone: Deed[] = [];
  private readonly context: CanvasRenderingContext2D;

  /** `base`: a mask to go on from, white on black, as exported. */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly base: CanvasImageSource | null,
  ) {
    this.context = canvas.getContext("2d", { willReadFrequently: true })!;
    this.replay();
  }

  get canUndo(): boolean {
    return this.deeds.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  beginStroke(point: Point, erases: boolean): void {
    this.do({ kind: "stroke", erases, points: [point] });
  }

  goOn(point: Point): void {
    const deed = this.deeds.at(-1);
    if (deed?.kind !== "stroke") return;
    const from = deed.points.at(-1)!;
    deed.points.push(point);
    this.line(from, point, deed.erases);
  }

  invert(): void {
    this.do({ kind: "invert" });
  }

  clear(): void {
    this.do({ kind: "clear" });
  }

  undo(): void {
    const deed = this.deeds.pop();
    if (!deed) return;
    this.undone.push(deed);
    this.replay();
  }

  redo(): void {
    const deed = this.undone.pop();
    if (!deed) return;
    this.deeds.push(deed);
    this.apply(deed);
  }

  /** White where it is painted anew, on black; null where nothing is. */
  async export(): Promise<Blob | null> {
    const { width, height } = this.canvas;
    const pixels = this.context.getImageData(0, 0, width, height);
    let any = false;
    for (let i = 0; i < pixels.data.length; i += 4) {
      const painted = pixels.data[i + 3]! >= 128 ? 255 : 0; // no half tones at the edge: the server softens it
      any ||= painted > 0;
      pixels.data[i] = pixels.data[i + 1] = pixels.data[i + 2] = painted;
      pixels.data[i + 3] = 255;
    }
    if (!any) return null;
    const sheet = new OffscreenCanvas(width, height);
    sheet.getContext("2d")!.putImageData(pixels, 0, 0);
    return sheet.convertToBlob({ type: "image/png" });
  }

  private do(deed: Deed): void {
    this.deeds.push(deed);
    this.undone = [];
    this.apply(deed);
  }

  private replay(): void {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (this.base) this.drawBase(this.base);
    for (const deed of this.deeds) this.apply(deed);
  }

  private drawBase(base: CanvasImageSource): void {
    const { width, height } = this.canvas;
    this.context.drawImage(base, 0, 0, width, height);
    const pixels = this.context.getImageData(0, 0, width, height);
    const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
    for (let i = 0; i < pixels.data.length; i += 4) {
      pixels.data[i + 3] = pixels.data[i]!;
      pixels.data[i] = red!;
      pixels.data[i + 1] = green!;
      pixels.data[i + 2] = blue!;
    }
    this.context.putImageData(pixels, 0, 0);
  }

  private apply(deed: Deed): void {
    const { width, height } = this.canvas;
    if (deed.kind === "clear") this.context.clearRect(0, 0, width, height);
    else if (deed.kind === "invert") {
      this.context.globalCompositeOperation = "source-out"; // paint where there was none, and only there
      this.context.fillStyle = colour;
      this.context.fillRect(0, 0, width, height);
    } else {
      let from = deed.points[0]!;
      for (const point of deed.points) {
        this.line(from, point, deed.erases);
        from = point;
      }
    }
    this.context.globalCompositeOperation = "source-over";
  }

  private line(from: Point, to: Point, erases: boolean): void {
    const { context } = this;
    context.globalCompositeOperation = erases ? "destination-out" : "source-over";
    context.strokeStyle = colour;
    context.lineCap = "round";
    context.lineWidth = to.width;
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    context.globalCompositeOperation = "source-over";
  }
}

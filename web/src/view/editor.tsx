// The canvas: the picture below, its mask above; what is painted is drawn anew.
import type { JSX } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Mask, type Point } from "../canvas/mask";
import { go } from "../state/route";
import { input, mask as exported, takeMask, type InputPicture } from "../state/settings";
import { layOut } from "../state/sizes";
import { Strength } from "./beginning";
import { drawNow, sending } from "./drawing";
import { off } from "./fields";
import { Icon } from "./icons";
import { begin, OpenPicture } from "./incoming";
import { mostEnlarged } from "./picture";
import { useRoom } from "./room";

export function Editor(): JSX.Element {
  const picture = input.value;
  if (picture) return <Canvas key={picture.blob} picture={picture} />;
  return (
    <section class="editor nothing" aria-label="Canvas">
      <p>There is no picture to paint on yet.</p>
      <OpenPicture label="Open a picture…" use={begin} />
    </section>
  );
}

type Tool = "brush" | "eraser";

function Canvas({ picture }: { picture: InputPicture }): JSX.Element {
  const [mask, setMask] = useState<Mask | null>(null);
  const [tool, setTool] = useState<Tool>("brush");
  const [width, setWidth] = useState(Math.round(Math.max(picture.width, picture.height) / 8));
  const [bare, setBare] = useState(false);
  const [, setDeeds] = useState(0);
  const changed = useCallback((of: Mask) => {
    setDeeds((before) => before + 1);
    return takeMask(of.export());
  }, []);
  const section = useRef<HTMLElement>(null);
  useEffect(() => section.current!.scrollIntoView({ block: "nearest" }), []);
  const act = (deed: (of: Mask) => void) => {
    if (!mask) return;
    deed(mask);
    void changed(mask);
  };
  const most = Math.max(picture.width, picture.height) / 2;
  const resize = (by: number) => setWidth((before) => Math.round(Math.min(Math.max(before * by, 2), most)));
  useEffect(() => {
    const keys = (event: KeyboardEvent) => shortcut(event, act, resize, setTool, setBare);
    addEventListener("keydown", keys);
    addEventListener("keyup", keys);
    return () => {
      removeEventListener("keydown", keys);
      removeEventListener("keyup", keys);
    };
  });
  return (
    <section class="editor" aria-label="Canvas" ref={section}>
      <div class="tools" role="toolbar" aria-label="Tools">
        <Tools tool={tool} setTool={setTool} mask={mask} act={act} />
        <label class="width">
          <span class="edge">Brush {width}</span>
          <input type="range" min={2} max={most} value={width} onInput={(event) => setWidth(event.currentTarget.valueAsNumber)} />
        </label>
      </div>
      <Sheets picture={picture} tool={tool} width={width} bare={bare} mask={mask} onMask={setMask} onStroke={changed} />
      <div class="foot">
        <Strength id="canvas-strength" />
        <p class="hint">
          {exported.value ? "The red part is drawn anew." : "Paint over what should change, or draw all of it anew."} Hold C to see the picture alone.
        </p>
        <button type="button" class="quiet" onClick={() => go("stage")}>
          Close
        </button>
        <button type="button" class="strong" {...off(sending.value, () => void drawNow())}>
          {exported.value ? "Draw the red part" : "Draw all of it"}
        </button>
      </div>
    </section>
  );
}

function shortcut(
  event: KeyboardEvent,
  act: (deed: (of: Mask) => void) => void,
  resize: (by: number) => void,
  setTool: (tool: Tool) => void,
  setBare: (bare: boolean) => void,
): void {
  if ((event.target as HTMLElement).matches("textarea, select, input:not([type=range])")) return;
  const key = event.key.toLowerCase();
  if (key === "c" && !event.ctrlKey && !event.metaKey) setBare(event.type === "keydown");
  if (event.type === "keyup") return;
  if (event.ctrlKey || event.metaKey) {
    if (key === "z") act((mask) => (event.shiftKey ? mask.redo() : mask.undo()));
    else if (key === "y") act((mask) => mask.redo());
    else return;
    event.preventDefault();
  } else if (key === "[") resize(1 / 1.2);
  else if (key === "]") resize(1.2);
  else if (key === "b") setTool("brush");
  else if (key === "e") setTool("eraser");
}

interface ToolsProps {
  tool: Tool;
  setTool: (tool: Tool) => void;
  mask: Mask | null;
  act: (deed: (of: Mask) => void) => void;
}

function Tools({ tool, setTool, mask, act }: ToolsProps): JSX.Element {
  return (
    <>
      <button type="button" aria-pressed={tool === "brush"} aria-keyshortcuts="b" onClick={() => setTool("brush")}>
        <Icon name="brush" /> Brush
      </button>
      <button type="button" aria-pressed={tool === "eraser"} aria-keyshortcuts="e" onClick={() => setTool("eraser")}>
        <Icon name="eraser" /> Eraser
      </button>
      <button type="button" aria-label="Undo" title="Undo (Ctrl Z)" {...off(!mask?.canUndo, () => act((of) => of.undo()))}>
        <Icon name="undo" />
      </button>
      <button type="button" aria-label="Redo" title="Redo (Ctrl Shift Z)" {...off(!mask?.canRedo, () => act((of) => of.redo()))}>
        <Icon name="redo" />
      </button>
      <button type="button" onClick={() => act((of) => of.invert())}>
        <Icon name="invert" /> Invert
      </button>
      <button type="button" onClick={() => act((of) => of.clear())}>
        <Icon name="clear" /> Clear
      </button>
    </>
  );
}

interface SheetsProps {
  picture: InputPicture;
  tool: Tool;
  width: number;
  bare: boolean;
  mask: Mask | null;
  onMask: (mask: Mask) => void;
  onStroke: (mask: Mask) => void;
}

// The two canvases, and what a pointer or the keyboard does on them.
function Sheets({ picture, tool, width, bare, mask, onMask, onStroke }: SheetsProps): JSX.Element {
  const below = useRef<HTMLCanvasElement>(null);
  const above = useRef<HTMLCanvasElement>(null);
  const [room, size] = useRoom();
  const stroke = useRef<number | "keys" | null>(null);
  const [cursor, setCursor] = useState<{ x: number; y: number; keys: boolean } | null>(null);
  useEffect(() => {
    void (async () => {
      const [ground, base] = await Promise.all([
        createImageBitmap(picture.blob),
        exported.peek() ? createImageBitmap(exported.peek()!) : null,
      ]);
      below.current?.getContext("2d")!.drawImage(ground, 0, 0, picture.width, picture.height);
      if (above.current) onMask(new Mask(above.current, base));
    })();
  }, [picture]);

  const shownWidth = Math.min(layOut(1, picture, size, 0).width, picture.width * mostEnlarged);
  const scale = shownWidth / picture.width;
  const pointOf = (event: PointerEvent): Point => {
    const box = above.current!.getBoundingClientRect();
    const pressure = event.pointerType === "pen" ? Math.max(0.15, event.pressure) : 1;
    return {
      x: ((event.clientX - box.left) / box.width) * picture.width,
      y: ((event.clientY - box.top) / box.height) * picture.height,
      width: width * pressure,
    };
  };
  const down = (event: PointerEvent) => {
    if (!mask || event.button !== 0 || stroke.current !== null) return;
    above.current!.setPointerCapture(event.pointerId);
    stroke.current = event.pointerId;
    mask.beginStroke(pointOf(event), tool === "eraser");
  };
  const move = (event: PointerEvent) => {
    const { x, y } = pointOf(event);
    setCursor({ x, y, keys: false });
    if (!mask || stroke.current !== event.pointerId) return;
    const all = event.getCoalescedEvents?.() ?? [];
    for (const one of all.length > 0 ? all : [event]) mask.goOn(pointOf(one));
  };
  const up = (event: PointerEvent) => {
    if (!mask || stroke.current !== event.pointerId) return;
    stroke.current = null;
    onStroke(mask);
  };
  const keys = (event: KeyboardEvent) => {
    if (!mask || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = cursor ?? { x: picture.width / 2, y: picture.height / 2 };
    const step = event.shiftKey ? 1 : Math.max(1, Math.round(width / 4));
    const moves: Record<string, [number, number]> = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const by = moves[event.key];
    if (by) {
      const x = Math.min(Math.max(at.x + by[0], 0), picture.width);
      const y = Math.min(Math.max(at.y + by[1], 0), picture.height);
      setCursor({ x, y, keys: true });
      if (stroke.current === "keys") mask.goOn({ x, y, width });
    } else if (event.key === " " || event.key === "Enter") {
      setCursor({ ...at, keys: true });
      if (stroke.current === null) {
        stroke.current = "keys";
        mask.beginStroke({ ...at, width }, tool === "eraser");
      } else if (stroke.current === "keys") stroke.current = null;
      onStroke(mask);
    } else return;
    event.preventDefault();
  };
  const lift = () => {
    if (stroke.current === "keys") stroke.current = null;
    setCursor(null);
  };
  const box = { width: `${shownWidth}px`, aspectRatio: `${picture.width} / ${picture.height}` };
  return (
    <div class="frames" ref={room}>
      <div class="sheets" style={box}>
        <canvas ref={below} width={picture.width} height={picture.height} />
        <canvas
          ref={above}
          class={bare ? "mask bare" : "mask"}
          width={picture.width}
          height={picture.height}
          tabIndex={0}
          role="application"
          aria-label="Mask over the picture. Arrow keys move the brush, Space puts it down and lifts it."
          onPointerDown={down}
          onPointerMove={move}
          onPointerUp={up}
          onPointerCancel={up}
          onPointerLeave={() => setCursor(null)}
          onKeyDown={keys}
          onKeyUp={() => stroke.current === "keys" && mask && onStroke(mask)}
          onFocus={() => setCursor((before) => before ?? { x: picture.width / 2, y: picture.height / 2, keys: true })}
          onBlur={lift}
        />
        {cursor && (
          <span
            class={`cursor ${tool}`}
            style={{ left: `${cursor.x * scale}px`, top: `${cursor.y * scale}px`, width: `${width * scale}px`, height: `${width * scale}px` }}
          />
        )}
      </div>
    </div>
  );
}

// Line icons on a grid of 16.
import type { JSX } from "preact";

const paths = {
  dice: "M2.5 2.5h11v11h-11zM5.5 5.5h.01M10.5 5.5h.01M8 8h.01M5.5 10.5h.01M10.5 10.5h.01",
  locked: "M3.5 7.5h9v6h-9zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
  unlocked: "M3.5 7.5h9v6h-9zM5.5 7.5V4.5a2.5 2.5 0 0 1 4.8-1",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  left: "M10 3L5 8l5 5",
  right: "M6 3l5 5-5 5",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  undo: "M6 3L2.5 6.5 6 10M2.5 6.5H9a4 4 0 0 1 0 7H6",
  redo: "M10 3l3.5 3.5L10 10M13.5 6.5H7a4 4 0 0 0 0 7h3",
  brush: "M13.5 2.5L7 9M7 9c-2 0-2.5 1-2.5 2.5S3.5 13.5 2 13.5c1 1 6 .5 6-2.5C8 9.8 7.5 9.3 7 9z",
  eraser: "M9.5 2.5l4 4-6 7h-3l-2.5-2.5zM6 6.5l4 4M7.5 13.5h6",
  invert: "M8 2.5a5.5 5.5 0 0 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11z",
  clear: "M2.5 4.5h11M6 4.5V2.5h4v2M4 4.5l.7 9h6.6l.7-9",
  picture: "M2.5 3h11v10h-11zM2.5 11l3-3 2.5 2 2.5-3 3 3.5M5.5 5.8h.01",
  sliders: "M2.5 5h5M10.5 5h3M2.5 11h2M7.5 11h6M9 3.5v3M6 9.5v3",
  reset: "M3 8a5 5 0 1 0 1.5-3.5L3 6M3 3v3h3",
};

export function Icon({ name }: { name: keyof typeof paths }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={paths[name]} class={name === "invert" ? "half" : undefined} />
    </svg>
  );
}

/** The page's mark: grain that becomes a picture. */
export function Mark(): JSX.Element {
  return (
    <svg class="mark" viewBox="0 0 16 16" width="22" height="22" aria-hidden="true">
      <path d="M9 2.5h4.5v11H9z" />
      <path d="M5.8 2.5h2v2h-2zM5.8 7h2v2h-2zM5.8 11.5h2v2h-2z" opacity=".8" />
      <path d="M3.5 4.8h1.4v1.4H3.5zM3.5 9.6h1.4V11H3.5z" opacity=".6" />
      <path d="M1.8 3h1v1h-1zM1.8 7.5h1v1h-1zM1.8 12h1v1h-1z" opacity=".4" />
    </svg>
  );
}

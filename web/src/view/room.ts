// How much room an element offers to pictures.
import { useLayoutEffect, useState } from "preact/hooks";
import type { Size } from "../state/sizes";

// As in the style sheets: where the form is above the pictures, and all of it scrolls.
const narrow = matchMedia("(max-width: 859px)");

/** The inside of an element; where the page scrolls, as on a phone, high enough for one picture. */
export function useRoom(): [(element: HTMLDivElement | null) => void, Size] {
  const [room, setRoom] = useState<Size>({ width: 0, height: 0 });
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  useLayoutEffect(() => {
    if (!element) return;
    const measure = () => {
      const height = narrow.matches ? Math.min(innerHeight * 0.72, element.clientWidth * 1.4) : element.clientHeight;
      setRoom({ width: element.clientWidth, height });
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, [element]);
  return [setElement, room];
}

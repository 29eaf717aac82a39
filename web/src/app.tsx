// The page: the form, and beside it the stage, the canvas or the gallery.
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { reachable } from "./api/connection";
import { spoken } from "./state/notices";
import { view } from "./state/route";
import { drawNow } from "./view/drawing";
import { Editor } from "./view/editor";
import { Gallery } from "./view/gallery";
import { DropTargets } from "./view/incoming";
import { Large } from "./view/large";
import { Panel } from "./view/panel";
import { Stage } from "./view/stage";
import { Strip } from "./view/strip";
import { TokenQuestion } from "./view/token";

export function App(): JSX.Element {
  useEffect(() => {
    const keys = (event: KeyboardEvent) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      void drawNow();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, []);
  return (
    <div class="page" data-view={view.value}>
      {!reachable.value && (
        <p class="gone" role="status">
          The server does not answer. The page goes on when it is back.
        </p>
      )}
      <Panel />
      <main>
        {view.value === "gallery" ? <Gallery /> : view.value === "edit" ? <Editor /> : <Stage />}
        {view.value !== "gallery" && <Strip />}
      </main>
      <Large />
      <DropTargets />
      <TokenQuestion />
      <p class="unseen" aria-live="polite">
        {spoken.value}
      </p>
    </div>
  );
}

// Pictures from elsewhere: dropped, pasted or opened; to begin with, or to take their settings.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { postJson } from "../api/client";
import type { JobRequest } from "../api/contract";
import { dataUrl } from "../api/data_url";
import { say } from "../state/notices";
import { go } from "../state/route";
import { adopt, beginWith } from "../state/settings";
import { complain } from "./drawing";
import { Icon } from "./icons";

export async function begin(file: Blob): Promise<void> {
  try {
    await beginWith(file);
    say("Drawing now begins with this picture.");
  } catch (error) {
    complain(error);
  }
}

export async function restore(file: Blob): Promise<void> {
  try {
    const found = await postJson<Partial<JobRequest>>("/api/v1/recipe", { image: await dataUrl(file) });
    const missing = adopt(found);
    go("stage");
    const but = missing.length > 0 ? ` Not taken over: ${missing.join("; ")}.` : "";
    say(`The picture's settings are in place.${but}`);
  } catch (error) {
    complain(error);
  }
}

/** Two fields over the whole window while a picture is dragged over it. */
export function DropTargets(): JSX.Element | null {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const enter = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const end = () => setOver(false);
    const paste = (event: ClipboardEvent) => {
      const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
      if (file) void begin(file);
    };
    addEventListener("dragenter", enter);
    addEventListener("dragover", enter);
    addEventListener("dragleave", leave);
    addEventListener("dragend", end);
    addEventListener("paste", paste);
    return () => {
      removeEventListener("dragenter", enter);
      removeEventListener("dragover", enter);
      removeEventListener("dragleave", leave);
      removeEventListener("dragend", end);
      removeEventListener("paste", paste);
    };
  }, []);
  if (!over) return null;
  const target = (use: (file: Blob) => Promise<void>) => ({
    onDrop(event: DragEvent) {
      event.preventDefault();
      setOver(false);
      const file = event.dataTransfer?.files[0];
      if (file) void use(file);
    },
  });
  return (
    <div class="drop">
      <div id="drop-settings" {...target(restore)}>
        <Icon name="sliders" />
        Use its settings
      </div>
      <div id="drop-picture" {...target(begin)}>
        <Icon name="picture" />
        Begin with it
      </div>
    </div>
  );
}

/** A button that opens the system's dialog for one picture. */
export function OpenPicture({ label, use }: { label: string; use: (file: Blob) => Promise<void> }): JSX.Element {
  return (
    <label class="open">
      <input
        type="file"
        class="unseen"
        accept="image/png,image/jpeg,image/webp"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (file) void use(file);
        }}
      />
      {label}
    </label>
  );
}

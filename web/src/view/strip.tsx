// The session's jobs as a strip of film: a frame a picture, numbered at the edge, the one looked at marked.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { addressOf } from "../state/gallery";
import { active, chosen, dismiss, jobs, shown, type Job } from "../state/jobs";
import { go, view } from "../state/route";
import { Icon } from "./icons";

export function Strip(): JSX.Element | null {
  const list = useRef<HTMLOListElement>(null);
  const all = jobs.value;
  useEffect(() => {
    list.current?.scrollTo({ left: list.current.scrollWidth });
  }, [all.length]);
  if (all.length === 0) return null;
  return (
    <nav class="strip" aria-label="Drawings of this session">
      <ol ref={list}>
        {all.map((job) => (
          <Entry key={job.id} job={job} />
        ))}
      </ol>
    </nav>
  );
}

const words: Record<string, string> = { queued: "waiting", running: "being drawn", done: "done", failed: "failed", cancelled: "cancelled" };

function Entry({ job }: { job: Job }): JSX.Element {
  const status = job.status.value;
  const marked = shown.value === job && view.value === "stage";
  const count = job.request.count ?? 1;
  const look = () => {
    chosen.value = job;
    go("stage");
  };
  return (
    <li class={`entry ${status}${marked ? " marked" : ""}`}>
      <button type="button" aria-current={marked} onClick={look}>
        <span class="cells">
          {Array.from({ length: Math.min(count, 4) }, (_, index) => (
            <Cell key={index} job={job} index={index} />
          ))}
        </span>
        <span class="edge">
          {job.number}
          {count > 1 && ` ×${count}`}
          {status === "running" && <b> {Math.round(100 * (job.progress.value?.fraction ?? 0))} %</b>}
          {status === "queued" && " waits"}
          {status === "failed" && " failed"}
        </span>
        <span class="unseen">
          , {words[status]}: {job.request.prompt}
        </span>
      </button>
      {!active(job) && (
        <button type="button" class="bare dismiss" aria-label={`Take drawing ${job.number} from the strip`} onClick={() => dismiss(job)}>
          <Icon name="close" />
        </button>
      )}
    </li>
  );
}

function Cell({ job, index }: { job: Job; index: number }): JSX.Element {
  const picture = job.pictures.value[index];
  const source = picture ? addressOf(picture.thumbnail) : job.previews.value[index];
  const { width = 1, height = 1 } = job.request;
  return (
    <span class="cell" style={{ aspectRatio: `${width} / ${height}` }}>
      {source && <img src={source} alt="" />}
    </span>
  );
}

// The session's jobs: sent, followed by their events, cancelled; their pictures go into the gallery.
import { computed, signal, type Signal } from "@preact/signals";
import { call, getJson, Gone, postJson, Refused } from "../api/client";
import { whenReachable } from "../api/connection";
import type { JobEvents, JobImage, JobRequest, Problem, Progress, Status } from "../api/contract";
import { dataUrl } from "../api/data_url";
import { readEvents } from "../api/events";
import { duration } from "./duration";
import { keep, type Kept } from "./gallery";
import { announce } from "./notices";

export interface Job {
  id: string;
  number: number; // in this session, from 1
  request: JobRequest;
  input: Blob | null;
  mask: Blob | null;
  status: Signal<Status>;
  position: Signal<number>;
  progress: Signal<Progress | null>;
  /** When it should be done, by performance.now(). */
  deadline: Signal<number | null>;
  previews: Signal<(string | undefined)[]>;
  pictures: Signal<Kept[]>;
  warnings: Signal<string[]>;
  problem: Signal<Problem | null>;
}

/** Oldest first. */
export const jobs = signal<Job[]>([]);
/** The job a person chose to look at; null: whichever is being drawn, else the newest. */
export const chosen = signal<Job | null>(null);

export const active = (job: Job): boolean => job.status.value === "queued" || job.status.value === "running";

export const shown = computed<Job | null>(() => {
  const all = jobs.value;
  return chosen.value ?? all.find((job) => job.status.value === "running") ?? all.find(active) ?? all.at(-1) ?? null;
});

/** Sends a request. Throws Refused or Gone. */
export async function draw(request: JobRequest, input: Blob | null, mask: Blob | null): Promise<Job> {
  const pictures = {
    ...(input ? { image: await dataUrl(input) } : {}),
    ...(input && mask ? { mask: await dataUrl(mask) } : {}),
  };
  const sent = { ...request, ...pictures, output_format: "png" as const, previews: true };
  const answer = await postJson<{ id: string; position?: number }>("/api/v1/jobs", sent);
  const job = newJob(answer.id, request, input, mask);
  job.position.value = answer.position ?? 0;
  jobs.value = [...jobs.value, job];
  chosen.value = null;
  rememberActive();
  void follow(job);
  return job;
}

function newJob(id: string, request: JobRequest, input: Blob | null, mask: Blob | null): Job {
  return {
    id,
    number: (jobs.value.at(-1)?.number ?? 0) + 1,
    request,
    input,
    mask,
    status: signal<Status>("queued"),
    position: signal(0),
    progress: signal<Progress | null>(null),
    deadline: signal<number | null>(null),
    previews: signal<(string | undefined)[]>([]),
    pictures: signal<Kept[]>([]),
    warnings: signal<string[]>([]),
    problem: signal<Problem | null>(null),
  };
}

export async function cancel(job: Job): Promise<void> {
  await call(`/api/v1/jobs/${job.id}`, { method: "DELETE" });
}

/** Takes a finished job from the strip. */
export function dismiss(job: Job): void {
  jobs.value = jobs.value.filter((one) => one !== job);
  if (chosen.value === job) chosen.value = null;
}

// Follows a job to its end, over connections that break and a server that restarts.
async function follow(job: Job): Promise<void> {
  let seen = "";
  while (active(job)) {
    try {
      const headers: Record<string, string> = seen ? { "Last-Event-ID": seen } : {};
      const response = await call(`/api/v1/jobs/${job.id}/events`, { headers });
      for await (const { id, event, data } of readEvents(response.body!)) {
        await apply(job, event as keyof JobEvents, JSON.parse(data));
        if (id) seen = id;
      }
    } catch (error) {
      if (error instanceof Refused) fail(job, lostOrRefused(error));
      else if (error instanceof Gone) await whenReachable();
      else fail(job, { code: "page", message: String(error) });
    }
    if (active(job)) await new Promise((resolve) => setTimeout(resolve, 300)); // the stream broke off
  }
  rememberActive();
}

function lostOrRefused(error: Refused): Problem {
  if (error.status !== 404) return error.problem;
  return { code: "lost", message: "The server was started again in the meantime, and this drawing is lost." };
}

async function apply<E extends keyof JobEvents>(job: Job, event: E, data: JobEvents[E]): Promise<void> {
  await handlers[event]?.(job, data);
}

const handlers: { [E in keyof JobEvents]: (job: Job, data: JobEvents[E]) => void | Promise<void> } = {
  queued(job, { position }) {
    job.position.value = position;
  },
  started(job) {
    job.status.value = "running";
    announce("Drawing has begun.");
  },
  async progress(job, data) {
    const finished = data.picture > (job.progress.value?.picture ?? 0);
    job.status.value = "running";
    job.progress.value = data;
    const left = data.eta_seconds;
    job.deadline.value = left === null ? null : performance.now() + left * 1000;
    announce(spokenProgress(data, job.request.count ?? 1));
    if (finished) await collect(job, (await getJson<{ images: JobImage[] }>(`/api/v1/jobs/${job.id}`)).images);
  },
  preview(job, { picture, image }) {
    const all = [...job.previews.value];
    all[picture] = image;
    job.previews.value = all;
  },
  warning(job, { message }) {
    job.warnings.value = [...job.warnings.value, message];
  },
  async done(job, { images }) {
    await collect(job, images);
    job.previews.value = [];
    job.status.value = "done";
    announce(images.length === 1 ? "The picture is done." : `${images.length} pictures are done.`);
  },
  async failed(job, { error, images = [] }) {
    await collect(job, images);
    fail(job, error);
  },
  async cancelled(job, { images = [] }) {
    await collect(job, images);
    job.status.value = "cancelled";
    announce("Cancelled.");
  },
};

function fail(job: Job, problem: Problem): void {
  job.problem.value = problem;
  job.status.value = "failed";
  announce("Drawing failed.");
}

function spokenProgress({ step, steps, picture, eta_seconds: left }: Progress, count: number): string {
  const which = count > 1 ? `Picture ${picture + 1} of ${count}, ` : "";
  const time = left === null ? "" : `, ${duration(left)} left`;
  return `${which}step ${step} of ${steps}${time}.`;
}

async function collect(job: Job, images: JobImage[]): Promise<void> {
  for (const image of images.slice(job.pictures.value.length)) {
    const blob = await (await call(image.url)).blob();
    const picture = await keep({
      made: Date.now(),
      seed: image.seed,
      width: image.width ?? job.request.width ?? 0,
      height: image.height ?? job.request.height ?? 0,
      settings: { ...job.request, seed: image.seed, count: 1 },
      blob,
      ...(job.input ? { input: job.input } : {}),
      ...(job.mask ? { mask: job.mask } : {}),
    });
    job.pictures.value = [...job.pictures.value, picture];
  }
}

// Jobs that are not done yet are followed on after a reload of the page.
const activeKey = "sd35.jobs";

function rememberActive(): void {
  const left = jobs.value.filter(active).map(({ id, request }) => ({ id, request }));
  sessionStorage.setItem(activeKey, JSON.stringify(left));
}

export async function resumeJobs(): Promise<void> {
  const left: { id: string; request: JobRequest }[] = JSON.parse(sessionStorage.getItem(activeKey) ?? "[]");
  for (const { id, request } of left) {
    const exists = await getJson(`/api/v1/jobs/${id}`).catch(() => null);
    if (!exists) continue;
    const job = newJob(id, request, null, null);
    jobs.value = [...jobs.value, job];
    void follow(job);
  }
  rememberActive();
}

import { effect } from "@preact/signals";
import { render } from "preact";
import { returns, watchConnection } from "./api/connection";
import { App } from "./app";
import { openGallery } from "./state/gallery";
import { jobs, resumeJobs } from "./state/jobs";
import { startRouting } from "./state/route";
import { readServer } from "./state/server";
import { complain } from "./view/drawing";
import "./style/page.css";

startRouting();
await openGallery();
render(<App />, document.querySelector("#app")!);
watchConnection();

effect(() => {
  const running = jobs.value.find((job) => job.status.value === "running");
  document.title = running ? `${Math.round(100 * (running.progress.value?.fraction ?? 0))} % · sd35` : "sd35";
});

let first = true;
effect(() => {
  void returns.value; // again each time the server is back
  readServer()
    .then(() => (first ? resumeJobs() : undefined))
    .then(() => (first = false), complain);
});

import { effect } from "@preact/signals";
import { render } from "preact";
import { returns, watchConnection } from "./api/connection";
import { App } from "./app";
import { openGallery } from "./state/gallery";
import { resumeJobs } from "./state/jobs";
import { startRouting } from "./state/route";
import { readServer } from "./state/server";
import { complain } from "./view/drawing";
import "./style/page.css";

startRouting();
await openGallery();
render(<App />, document.querySelector("#app")!);
watchConnection();

let first = true;
effect(() => {
  void returns.value; // again each time the server is back
  readServer()
    .then(() => (first ? resumeJobs() : undefined))
    .then(() => (first = false), complain);
});

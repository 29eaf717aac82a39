// Calls to the server: adds the token, asks for one at a 401, tells refusals from a server that is gone.
import type { Problem } from "./contract";
import { lost, found } from "./connection";
import { renewToken, token } from "./token";

/** The server answered with an error. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
    readonly retryAfter: number | null,
  ) {
    super(problem.message);
  }
}

/** The server did not answer. */
export class Gone extends Error {
  constructor() {
    super("The server does not answer.");
  }
}

export interface Call {
  method?: "GET" | "POST" | "DELETE";
  json?: unknown;
  headers?: Record<string, string>;
}

export async function call(path: string, { method = "GET", json, headers = {} }: Call = {}): Promise<Response> {
  for (;;) {
    const tried = token();
    const all: Record<string, string> = { ...headers };
    if (tried) all["Authorization"] = `Bearer ${tried}`;
    if (json !== undefined) all["Content-Type"] = "application/json";
    const body = json === undefined ? undefined : JSON.stringify(json);
    const response = await fetch(path, { method, headers: all, body, cache: "no-store" }).catch(() => {
      lost();
      throw new Gone();
    });
    found();
    if (response.ok) return response;
    const refusal = await refusalOf(response);
    if (response.status !== 401 || !(await renewToken(tried))) throw refusal;
  }
}

export async function getJson<T>(path: string): Promise<T> {
  return (await call(path)).json() as Promise<T>;
}

export async function postJson<T>(path: string, json: unknown): Promise<T> {
  return (await call(path, { method: "POST", json })).json() as Promise<T>;
}

async function refusalOf(response: Response): Promise<Refused> {
  const after = Number(response.headers.get("Retry-After"));
  const retryAfter = after > 0 ? after : null;
  const answer = await response.json().catch(() => null);
  const problem: Problem = answer?.error?.message
    ? answer.error
    : { code: "unexpected", message: `The server answered ${response.status}.` };
  return new Refused(response.status, problem, retryAfter);
}

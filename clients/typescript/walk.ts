// The whole walk with openapi-fetch and generated types: need, match, approval by two, acceptance, delivery, evaluation, closed.
// `make clients && node var/clients/typescript/walk.js var/demo.json`; may be run again, each time is a new need.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./marketplace.js";

type Schemas = components["schemas"];
type Json = "application/json"; // some things also come in formats of the field
type Marketplace = Client<paths, Json>;
type Answer<Thing> = { data?: Thing; error?: unknown; response: Response };

const PARTNER = "CIFAL-JEJU";
// Decisions name the version that was read; a walk that is alone may say "any".
const ANY_VERSION = { "If-Match": "*" };
const EARLY_MILESTONES = ["needs_analysis", "terms_of_reference", "nominations"];
const RUN_MS = 60_000;
const FEED_MS = 30_000;

interface Demo {
  base_url: string;
  accounts: { login: string; token: string }[];
}

function connect(demo: Demo, login: string): Marketplace {
  const account = demo.accounts.find((one) => one.login === login);
  if (account === undefined) throw new Error(`the demo has no account ${login}`);
  return createClient<paths, Json>({ baseUrl: demo.base_url, headers: { Authorization: `Bearer ${account.token}` } });
}

/** Give the answer, or throw the problem (RFC 9457) that came in its place. */
async function sure<Thing>(call: Promise<Answer<Thing>>): Promise<Thing> {
  const { data, error, response } = await call;
  if (data !== undefined) return data;
  const problem = error as Schemas["Problem"] | undefined;
  const fields = (problem?.errors ?? []).map((one) => `${one.pointer ?? ""}: ${one.detail}`);
  throw new Error([`${response.status} ${problem?.code}: ${problem?.detail}`, ...fields].join("\n"));
}

function first<Thing>(things: Thing[], fits: (thing: Thing) => boolean = () => true): Thing {
  const found = things.find(fits);
  if (found === undefined) throw new Error("nothing of the kind was found");
  return found;
}

const said = (step: string, thing: string, state: string) => console.log(`${step}: ${thing} ${state}`);
const one = (id: string) => ({ params: { path: { id } } });
const under = (parent_id: string, id: string) => ({ params: { path: { parent_id, id } } });
const below = (parent_id: string) => ({ params: { path: { parent_id } } });

const demo: Demo = JSON.parse(readFileSync(process.argv[2] ?? "var/demo.json", "utf8"));
// Two officers, because four eyes are due: the partner belongs to the secretariat's own house.
const [focal, officer, second, partner] = [
  connect(demo, "demo-focal-en"),
  connect(demo, "demo-officer"),
  connect(demo, "demo-officer-2"),
  connect(demo, "demo-provider"),
] as const;

async function need(): Promise<string> {
  const year = new Date().getUTCFullYear() + 1;
  const body: Schemas["RequestInRequest"] = {
    requesting_organization: "UNDP",
    title: { en: "Protecting victims of trafficking" },
    need_statement: { en: "Officials of six districts need to recognize and protect victims." },
    language: "en",
    lines: [
      {
        theme: "trafficking-victims",
        audience: "local_regional_authorities",
        country: "BGD",
        language: "en",
        participants: { min: 15, max: 20 },
      },
    ],
    window: { start: `${year}-01-01`, end: `${year}-12-31`, precision: "year" },
    visibility: "group",
  };
  // The key makes the call safe to repeat: the same key never makes a second draft.
  const key = { header: { "Idempotency-Key": randomUUID() } };
  const draft = await sure(focal.POST("/api/v1/requests", { body, params: key }));
  await sure(focal.POST("/api/v1/requests/{id}/submit", one(draft.id)));
  const opened = await sure(officer.POST("/api/v1/requests/{id}/open", one(draft.id)));
  if (opened.reference === null) throw new Error("an open request has a reference");
  said("need", opened.reference, opened.state);
  return opened.reference;
}

async function match(reference: string): Promise<Schemas["Proposal"]> {
  let run = await sure(officer.POST("/api/v1/match-runs", { body: { request: reference } }));
  const deadline = Date.now() + RUN_MS;
  while (["queued", "running"].includes(run.state) && Date.now() < deadline) {
    await sleep(300);
    run = await sure(officer.GET("/api/v1/match-runs/{id}", one(run.id)));
  }
  said("match", reference, run.state);
  const found = await sure(officer.GET("/api/v1/requests/{parent_id}/proposals", below(reference)));
  return first(found.results, (proposal) => proposal.lead === PARTNER);
}

async function approve({ id }: Schemas["Proposal"]): Promise<void> {
  await sure(officer.POST("/api/v1/proposals/{id}/shortlist", one(id)));
  await sure(officer.POST("/api/v1/proposals/{id}/consult", one(id)));
  await sure(focal.POST("/api/v1/proposals/{id}/prefer", { ...one(id), body: {} }));
  const decision = { params: { path: { id }, header: ANY_VERSION }, body: { reason_text: "Best by score." } };
  said("first approval", id, (await sure(officer.POST("/api/v1/proposals/{id}/approve", decision))).state);
  said("second approval", id, (await sure(second.POST("/api/v1/proposals/{id}/approve", decision))).state);
}

async function accept({ id }: Schemas["Proposal"], reference: string): Promise<string> {
  const parts = await sure(partner.GET("/api/v1/proposals/{parent_id}/parts", below(id)));
  await sure(partner.POST("/api/v1/proposals/{parent_id}/parts/{id}/accept", under(id, first(parts.results).id)));
  const query = { request: [reference] };
  const engagement = first((await sure(focal.GET("/api/v1/engagements", { params: { query } }))).results);
  said("engagement", engagement.reference, engagement.state);
  return engagement.reference;
}

async function deliver(of: string): Promise<void> {
  await sure(partner.POST("/api/v1/engagements/{id}/agree", one(of)));
  const milestones = await sure(officer.GET("/api/v1/engagements/{parent_id}/milestones", below(of)));
  for (const milestone of milestones.results.filter(({ kind }) => EARLY_MILESTONES.includes(kind))) {
    const done = { ...under(of, milestone.id), body: { note: "Done." } };
    await sure(officer.POST("/api/v1/engagements/{parent_id}/milestones/{id}/complete", done));
  }
  await sure(partner.POST("/api/v1/engagements/{id}/start", one(of)));
  const deliveries = await sure(partner.GET("/api/v1/engagements/{parent_id}/deliveries", below(of)));
  for (const delivery of deliveries.results) await report(of, delivery);
  said("delivered", of, (await sure(focal.POST("/api/v1/engagements/{id}/confirm", one(of)))).state);
}

async function report(of: string, { id, state }: Schemas["Delivery"]): Promise<void> {
  const path = under(of, id);
  if (state === "planned") await sure(partner.POST("/api/v1/engagements/{parent_id}/deliveries/{id}/start", path));
  const attended = { stage: "attended" as const, total: 18, breakdown: { sex: { female: 10, male: 8 } } };
  const numbers = { ...path, body: { participation: [attended] } };
  await sure(partner.POST("/api/v1/engagements/{parent_id}/deliveries/{id}/participation", numbers));
  const words = { ...path, body: { report: { en: "All modules held, eighteen participants." } } };
  await sure(partner.POST("/api/v1/engagements/{parent_id}/deliveries/{id}/deliver", words));
}

function evaluation(level: number): Schemas["EvaluationInRequest"] {
  return {
    level,
    source: "participants",
    collected_on: new Date().toISOString().slice(0, 10),
    method: level === 1 ? "survey" : "test",
    instrument: "objective_test",
    invited: 18,
    answered: 16,
    value: "4.40",
    scale_min: "1",
    scale_max: "5",
  };
}

async function close(of: string): Promise<Schemas["Engagement"]> {
  const { missing_levels } = await sure(officer.GET("/api/v1/engagements/{id}", one(of)));
  for (const level of missing_levels) {
    const told = { ...below(of), body: evaluation(level) };
    await sure(focal.POST("/api/v1/engagements/{parent_id}/evaluations", told));
  }
  const params = { path: { id: of }, header: ANY_VERSION };
  const closed = await sure(officer.POST("/api/v1/engagements/{id}/close", { params }));
  said("closed", closed.reference, closed.state);
  return closed;
}

/** Wait until the feed tells that it is closed; the cursor is all that there is to remember. */
async function feed({ id, reference }: Schemas["Engagement"]): Promise<void> {
  const deadline = Date.now() + FEED_MS;
  for (let after = 0; Date.now() < deadline; ) {
    const query = { after, resource_id: id, wait: 5, limit: 1000 };
    const page = await sure(officer.GET("/api/v1/events", { params: { query } }));
    if (page.results.some((event) => event.type === "engagement.closed")) {
      said("event", reference, "engagement.closed");
      return;
    }
    after = page.after;
  }
  throw new Error("the feed did not tell in time that the engagement is closed");
}

const reference = await need();
const proposal = await match(reference);
await approve(proposal);
const engagement = await accept(proposal, reference);
await deliver(engagement);
await feed(await close(engagement));

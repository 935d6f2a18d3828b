// Reads the Postman collection that a running marketplace serves with Postman's own library, and sends what can be sent
// without naming a thing: `node clients/postman/check.mjs http://127.0.0.1:8000 TOKEN`. Exit code 1 where an answer is none of 2xx.

import postman from "postman-collection";

const [base, token] = process.argv.slice(2);
const served = await (await fetch(`${base}/api/v1/postman`)).json();
const collection = new postman.Collection(served);
collection.variables.upsert({ key: "token", value: token });

const wrong = [];
let requests = 0;
let sent = 0;
const items = [];
collection.forEachItem((item) => items.push(item));
for (const { name, request } of items) {
  requests += 1;
  const url = collection.variables.replace(request.url.toString());
  if (!request.url.path?.length || !url.startsWith(`${base}/api/v1`) || url.includes("{{")) wrong.push(`${name}: ${url}`);
  if (request.body?.mode === "raw" && request.body.raw) JSON.parse(request.body.raw);
  if (request.method !== "GET" || request.url.variables.count() > 0 || request.url.query.filter((q) => !q.disabled).length > 0) continue;
  const open = (request.auth ?? collection.auth).type === "noauth";
  const answer = await fetch(url, { headers: open ? {} : { Authorization: `Bearer ${token}` } });
  await answer.arrayBuffer();
  sent += 1;
  if (!answer.ok) wrong.push(`${name}: ${url} ${answer.status}`);
}
console.log(JSON.stringify({ requests, sent, wrong }));
process.exitCode = wrong.length === 0 ? 0 : 1;

// A GitHub App written with octokit, on a playground of its own.
//
//     app.mjs URL OWNER/NAME APP_ID KEY_FILE SECRET_FILE PORT
//
// The app keeps a house rule: an issue with the label `typo` gets a comment and a pull request that mends the README, whose check
// run has a button; whoever may write presses it, and the app merges. It looks its installations up, authenticates as each,
// and takes its webhooks through @octokit/webhooks, which refuses what is not signed with the secret.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

import { App } from "@octokit/app";
import { createNodeMiddleware, Webhooks } from "@octokit/webhooks";

import { against, person, quiet, refused, say, until, whole } from "./common.mjs";

const [URL, REPOSITORY, APP_ID, KEY_FILE, SECRET_FILE, PORT] = process.argv.slice(2);
const [owner, repo] = REPOSITORY.split("/");
const here = { owner, repo };
const HOOK = `http://127.0.0.1:${PORT}/webhooks/github`;
const secret = readFileSync(SECRET_FILE, "utf8");

const app = new App({
  appId: APP_ID,
  privateKey: readFileSync(KEY_FILE, "utf8"),
  webhooks: { secret },
  Octokit: against(URL),
  log: quiet(),
});
const maintainer = person(URL, "maintainer");
const outsider = person(URL, "outsider");

// What came, and what went wrong with it.
const heard = [];
const faults = [];
app.webhooks.onAny(({ id, name, payload }) => {
  heard.push({ id, name, action: payload.action, sender: payload.sender?.login, payload });
});
app.webhooks.onError((error) => faults.push(error));

/** The first webhook of this name and action that fits. */
const came = (name, action, fits = () => true) =>
  until(`${name}.${action} comes`, () =>
    heard.find((one) => one.name === name && one.action === action && fits(one.payload)),
  );

// The house rule.
app.webhooks.on("issues.labeled", async ({ octokit, payload }) => {
  if (payload.label.name !== "typo") return;
  const { number } = payload.issue;
  await octokit.rest.issues.createComment({ ...here, issue_number: number, body: "On it." });
  const head = await branch(octokit, `typo-${number}`);
  const pull = await octokit.rest.pulls.create({
    ...here,
    title: "Mend the README",
    head: `typo-${number}`,
    base: payload.repository.default_branch,
    body: `Closes #${number}`,
  });
  assert.equal(pull.data.head.sha, head);
  await check(octokit, head);
});

app.webhooks.on("check_run.requested_action", async ({ octokit, payload }) => {
  assert.equal(payload.requested_action.identifier, "merge");
  const [pull] = payload.check_run.pull_requests;
  const { data } = await octokit.rest.repos.getCollaboratorPermissionLevel({ ...here, username: payload.sender.login });
  assert.equal(data.permission, "admin");
  await octokit.rest.pulls.merge({ ...here, pull_number: pull.number, merge_method: "squash", sha: pull.head.sha });
});

/** A branch with one commit, made of git's own objects. */
async function branch(octokit, name) {
  const { git } = octokit.rest;
  const { data: base } = await git.getRef({ ...here, ref: "heads/main" });
  const { data: commit } = await git.getCommit({ ...here, commit_sha: base.object.sha });
  const { data: readme } = await octokit.rest.repos.getReadme(here);
  const text = Buffer.from(readme.content, readme.encoding).toString().replace("#", "# The");
  const { data: blob } = await git.createBlob({ ...here, content: Buffer.from(text).toString("base64"), encoding: "base64" });
  const { data: tree } = await git.createTree({
    ...here,
    base_tree: commit.tree.sha,
    tree: [{ path: readme.path, mode: "100644", type: "blob", sha: blob.sha }],
  });
  const made = await git.createCommit({ ...here, message: "Mend the README", tree: tree.sha, parents: [commit.sha] });
  whole(made.data, "sha node_id url html_url author.date committer.name tree.sha message parents.0.sha");
  const ref = await git.createRef({ ...here, ref: `refs/heads/${name}`, sha: made.data.sha });
  assert.deepEqual([ref.data.ref, ref.data.object.sha], [`refs/heads/${name}`, made.data.sha]);
  await refused(422, git.createRef({ ...here, ref: `refs/heads/${name}`, sha: made.data.sha }));
  return made.data.sha;
}

/** A check run with 60 annotations, which take two requests, and a button. */
async function check(octokit, head_sha) {
  const annotations = Array.from({ length: 60 }, (_, at) => ({
    path: "README.md",
    start_line: at + 1,
    end_line: at + 1,
    annotation_level: "notice",
    message: `Line ${at + 1} was read.`,
  }));
  const output = { title: "Spelling", summary: "One line was mended." };
  const { data: run } = await octokit.rest.checks.create({
    ...here,
    name: "spelling",
    head_sha,
    status: "in_progress",
    output: { ...output, annotations: annotations.slice(0, 50) },
  });
  await refused(422, octokit.rest.checks.update({ ...here, check_run_id: run.id, output: { ...output, annotations: annotations.slice(0, 51) } }));
  const actions = [{ label: "Merge it", description: "Squash it into main", identifier: "merge" }];
  const more = { ...output, annotations: annotations.slice(50) };
  await octokit.rest.checks.update({ ...here, check_run_id: run.id, conclusion: "success", output: more, actions });
}

/** The app looks at itself, and at what it was given. */
async function introduction() {
  const { data: me } = await app.octokit.rest.apps.getAuthenticated();
  whole(me, "id slug node_id client_id owner.login name html_url created_at permissions.checks events installations_count");
  assert.equal(String(me.id), APP_ID);
  assert.ok((await app.getInstallationUrl()).includes(me.slug));
  const installations = [];
  await app.eachInstallation(({ installation }) => installations.push(installation));
  assert.equal(installations.length, 1);
  whole(installations[0], "id account.login repository_selection access_tokens_url repositories_url permissions events app_slug");
  const seen = [];
  for await (const { octokit, repository } of app.eachRepository.iterator()) {
    seen.push(repository.full_name);
    const { data } = await octokit.rest.repos.get({ owner: repository.owner.login, repo: repository.name });
    assert.equal(data.id, repository.id);
  }
  assert.deepEqual(seen, [REPOSITORY]);
  const octokit = await app.getInstallationOctokit(installations[0].id);
  const minted = await octokit.auth({ type: "installation", repositoryNames: [repo], permissions: { issues: "write" } });
  assert.ok(minted.token.startsWith("ghs_") && minted.permissions.issues === "write", JSON.stringify(minted));
  await refused(403, octokit.rest.users.getAuthenticated());
  await refused(401, outsider.rest.apps.getAuthenticated());
  // As `data`, for `url` itself is what octokit calls.
  const { data: config } = await app.octokit.rest.apps.updateWebhookConfigForApp({ data: { url: HOOK } });
  assert.equal(config.url, HOOK);
  say("the app knows its installation");
  return octokit;
}

/** What is not signed with the secret is refused, and heard by nobody. */
async function forgery() {
  const body = JSON.stringify({ action: "labeled" });
  const deliver = (signature) => {
    const headers = { "content-type": "application/json", "x-github-event": "issues", "x-github-delivery": "forged" };
    return fetch(HOOK, { method: "POST", body, headers: { ...headers, "x-hub-signature-256": signature } });
  };
  const other = await new Webhooks({ secret: "guessed" }).sign(body);
  assert.equal((await deliver(other)).status, 400);
  assert.ok(faults.pop() && faults.length === 0 && !heard.some(({ id }) => id === "forged"));
}

/** An outsider finds the typo, the maintainer labels it, and presses the button. */
async function story(octokit) {
  const { data: label } = await maintainer.rest.issues.createLabel({ ...here, name: "typo", color: "fbca04" });
  whole(label, "id node_id url name color");
  const { data: issue } = await outsider.rest.issues.create({ ...here, title: "A typo", body: "In the README." });
  await refused(403, outsider.rest.issues.addLabels({ ...here, issue_number: issue.number, labels: ["typo"] }));
  await maintainer.rest.issues.addLabels({ ...here, issue_number: issue.number, labels: ["typo"] });
  const labeled = await came("issues", "labeled");
  assert.deepEqual([labeled.sender, labeled.payload.issue.number], ["maintainer", issue.number]);
  const comment = await came("issue_comment", "created");
  assert.equal(comment.sender, "adjutant[bot]");
  say("the app answered the label");

  const done = await came("check_run", "completed");
  const { data: pull } = await maintainer.rest.pulls.get({ ...here, pull_number: issue.number + 1 });
  whole(pull, "id node_id number user.login head.ref base.sha html_url diff_url mergeable_state changed_files");
  assert.deepEqual([pull.user.type, pull.changed_files, pull.head.sha], ["Bot", 1, done.payload.check_run.head_sha]);
  const run = done.payload.check_run;
  const annotations = await maintainer.paginate(maintainer.rest.checks.listAnnotations, {
    ...here,
    check_run_id: run.id,
    per_page: 25,
  });
  assert.deepEqual(annotations.map(({ start_line }) => start_line), Array.from({ length: 60 }, (_, at) => at + 1));
  const { data: diff } = await maintainer.rest.pulls.get({ ...here, pull_number: pull.number, mediaType: { format: "diff" } });
  assert.ok(diff.startsWith("diff --git a/README.md b/README.md"), diff);
  say(`#${pull.number} waits for its button`);

  const press = (client, identifier) =>
    client.request("POST /repos/{owner}/{repo}/check-runs/{check_run_id}/requested_action", {
      ...here,
      check_run_id: run.id,
      identifier,
    });
  await refused(403, press(outsider, "merge"));
  await refused(422, press(maintainer, "no-such-button"));
  await press(maintainer, "merge");
  const merged = await came("pull_request", "closed");
  assert.equal(merged.payload.pull_request.merged, true);
  await came("issues", "closed");
  const { data: closed } = await octokit.rest.issues.get({ ...here, issue_number: issue.number });
  assert.deepEqual([closed.state, closed.state_reason], ["closed", "completed"]);
  await came("push", undefined, ({ ref }) => ref === "refs/heads/main");
  say("the button was pressed, and the app merged");
  return { pull: pull.number, head: pull.head.sha };
}

/** GraphQL, as an installation and page by page where GitHub pages. */
async function graphql(octokit, { pull }) {
  const query = `query ($owner: String!, $repo: String!, $number: Int!) {
    repository(owner: $owner, name: $repo) { nameWithOwner pullRequest(number: $number) { id number title merged } }
  }`;
  const { repository } = await octokit.graphql(query, { ...here, number: pull });
  assert.equal(repository.nameWithOwner, REPOSITORY);
  assert.deepEqual([repository.pullRequest.title, repository.pullRequest.merged], ["Mend the README", true]);
  const fault = await octokit.graphql(query, { ...here, number: 4711 }).catch((error) => error);
  assert.equal(fault.name, "GraphqlResponseError");
  assert.equal(fault.errors[0].type, "NOT_FOUND");
  const typo = await octokit.graphql("{ viewer { logiin } }").catch((error) => error);
  assert.equal(typo.errors[0].extensions.code, "undefinedField");
}

/** Lists in pages, each found by the link of the one before. */
async function pages(octokit, { head }) {
  for (let at = 0; at < 7; at += 1) await outsider.rest.issues.create({ ...here, title: `Slip ${at}` });
  const slips = await octokit.paginate(octokit.rest.issues.listForRepo, { ...here, state: "all", per_page: 2 });
  assert.deepEqual(slips.map(({ number }) => number), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
  const sizes = [];
  const listed = octokit.paginate.iterator("GET /repos/{owner}/{repo}/issues", { ...here, state: "all", per_page: 4 });
  for await (const { data } of listed) sizes.push(data.length);
  assert.deepEqual(sizes, [4, 4, 1]);
  const runs = await octokit.paginate(octokit.rest.checks.listForRef, { ...here, ref: head, per_page: 1 });
  assert.deepEqual(runs.map(({ name }) => name), ["spelling"]);
}

/** What was delivered can be listed by the cursor, read, and had again under its old id. */
async function deliveries() {
  const all = [];
  const listed = app.octokit.paginate.iterator(app.octokit.rest.apps.listWebhookDeliveries, { per_page: 5 });
  for await (const { data } of listed) all.push(...data);
  assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
  const first = heard.find(({ name, action }) => name === "issue_comment" && action === "created");
  const { id } = all.find(({ guid }) => guid === first.id);
  const { data: delivery } = await app.octokit.rest.apps.getWebhookDelivery({ delivery_id: id });
  assert.deepEqual([delivery.event, delivery.action, delivery.status], ["issue_comment", "created", "OK"]);
  assert.deepEqual(delivery.request.payload, first.payload);
  const before = heard.length;
  await app.octokit.rest.apps.redeliverWebhookDelivery({ delivery_id: id });
  await until("the same comes again", () => heard.slice(before).find((again) => again.id === first.id));
  say(`${all.length} deliveries are listed, and one came again`);
}

const server = createServer(createNodeMiddleware(app.webhooks, { path: "/webhooks/github", log: quiet() }));
await new Promise((listening) => server.listen(Number(PORT), "127.0.0.1", listening));
const octokit = await introduction();
await forgery();
const made = await story(octokit);
await graphql(octokit, made);
await pages(octokit, made);
assert.deepEqual(faults, []);
await deliveries();
server.close();
server.closeAllConnections();
console.log("story: the app kept its rule");

// The main job from the label to the closed issue, told with octokit alone.
//
//     story.mjs URL OWNER/NAME
//
// URL is a playground that sends its webhooks to Adjutant, whose agent is the demo's. `outsider` writes the issue, `maintainer`
// sets the label and answers what waits for a person: one step by a review that approves, one by `/rework` with a sentence.
// On the way everything is read as a reviewer's tool would, lists through octokit's pagination.

import assert from "node:assert/strict";

import { person, refused, say, until, whole } from "./common.mjs";

const [URL, REPOSITORY] = process.argv.slice(2);
const [owner, repo] = REPOSITORY.split("/");
const here = { owner, repo };
const APP = "adjutant[bot]";
const theirs = person(URL, "maintainer");
const ours = person(URL, "outsider");

const TITLE = "Read and print dimensions";
const ISSUE = `### Goal

Order slips say how large a widget is, and the library cannot read it.

### Requirements

- R1: Dimensions such as \`20x30x5 mm\` or \`2x3x0.5 cm\` are read.
- R2: Dimensions are printed in millimetres.

### Acceptance criteria

- A1: \`2x3x0.5 cm\` reads as the same value as \`20x30x5 mm\`.
- A2: What is printed reads back as the same value.
- A3: An error names the part that is wrong.
`;

// What \`cargo test\` would find, without a compiler: the agent's first length has a factor wrong.
const POLICY = `autonomy: guardrails
verifiers:
  - name: test
    run: |
      if grep -n '"cm", 100)' src/*.rs; then echo '1 test failed: 1 cm is 10 mm'; exit 1; fi
    required: true
  - name: lint
    run: sh scripts/lint
    required: false
    weight: 0.5
`;

const REWORK =
  "/rework Document every public function, in `src/triple.rs` too, and do not abbreviate: `vol` is the volume in cubic " +
  "millimetres, so call it `volume_mm3`.";

const comments = (client, issue_number) =>
  client.paginate(client.rest.issues.listComments, { ...here, issue_number, per_page: 2 });

const statusComment = async (issue_number) =>
  (await comments(ours, issue_number)).find(({ body, user }) => user.login === APP && body.includes("```mermaid"));

const reactions = async (comment_id) => {
  const listed = await theirs.paginate(theirs.rest.reactions.listForIssueComment, { ...here, comment_id, per_page: 1 });
  return listed.map((reaction) => whole(reaction, "id node_id user.login created_at").content);
};

const pullRequest = async (pull_number) => (await theirs.rest.pulls.get({ ...here, pull_number })).data;

const order = async (client, issue_number, body) => {
  const { data } = await client.rest.issues.createComment({ ...here, issue_number, body });
  return whole(data, "id node_id body user.login created_at html_url issue_url author_association").id;
};

/** The open pull request of a step once it waits for a person. */
const waits = (suffix) =>
  until(`${suffix} waits for a person`, async () => {
    for (const { number, head } of await theirs.paginate(theirs.rest.pulls.list, { ...here, state: "open", per_page: 2 })) {
      if (!head.ref.endsWith(suffix)) continue;
      const query = { ...here, ref: head.sha, check_name: "adjutant", filter: "latest" };
      const { data } = await theirs.rest.checks.listForRef(query);
      if (data.check_runs[0]?.conclusion === "action_required") return pullRequest(number);
    }
  });

async function setPolicy() {
  const path = ".github/adjutant.yml";
  const { data: file } = await theirs.rest.repos.getContent({ ...here, path });
  const content = Buffer.from(POLICY).toString("base64");
  const write = (sha) =>
    theirs.rest.repos.createOrUpdateFileContents({ ...here, path, message: "Prove without a compiler", content, sha });
  await refused(409, write("0".repeat(40)));
  const { data: written } = await write(file.sha);
  whole(written, "content.sha content.download_url commit.sha commit.tree.sha commit.author.date");
  const raw = await theirs.rest.repos.getContent({ ...here, path, mediaType: { format: "raw" } });
  assert.equal(raw.data, POLICY);
  const { data: branch } = await theirs.rest.repos.getBranch({ ...here, branch: "main" });
  assert.equal(branch.commit.sha, written.commit.sha);
  say("the policy is set");
}

async function openIssue() {
  const { data: issue } = await ours.rest.issues.create({ ...here, title: TITLE, body: ISSUE });
  whole(issue, "id node_id number user.login html_url created_at labels_url events_url author_association reactions.total_count");
  assert.deepEqual([issue.title, issue.body, issue.state, issue.user.login], [TITLE, ISSUE, "open", "outsider"]);
  const at = { ...here, issue_number: issue.number };
  await refused(403, ours.rest.issues.addLabels({ ...at, labels: ["directive"] }));
  await ours.rest.reactions.createForIssue({ ...at, content: "heart" });
  const { data: labels } = await theirs.rest.issues.addLabels({ ...at, labels: ["directive"] });
  assert.deepEqual(labels.map(({ name }) => name), ["directive"]);
  const listed = await ours.paginate(ours.rest.issues.listForRepo, { ...here, labels: "directive", state: "open" });
  assert.deepEqual(listed.map(({ number }) => number), [issue.number]);
  say(`issue #${issue.number} is labelled`);
  return issue.number;
}

/** Reads a pull request as a reviewer's tool would: the object, its files, commits, checks and diff. */
async function lookAt(pull, issue) {
  const at = { ...here, pull_number: pull.number };
  whole(
    pull,
    "id node_id user.login head.ref head.sha head.repo.full_name base.ref base.sha html_url diff_url patch_url body " +
      "commits additions deletions changed_files mergeable_state author_association _links.statuses.href",
  );
  assert.deepEqual([pull.user.login, pull.user.type, pull.state, pull.draft, pull.merged], [APP, "Bot", "open", false, false]);
  assert.ok(pull.body.includes(`#${issue}`), pull.body);
  const files = await theirs.paginate(theirs.rest.pulls.listFiles, { ...at, per_page: 1 });
  assert.equal(files.length, pull.changed_files);
  assert.equal(files.reduce((sum, { additions }) => sum + additions, 0), pull.additions);
  const { data: diff } = await theirs.rest.pulls.get({ ...at, mediaType: { format: "diff" } });
  for (const file of files) {
    whole(file, "sha filename status blob_url raw_url contents_url");
    assert.ok(diff.includes(file.patch), `${file.filename} is not in the diff`);
  }
  const commits = await theirs.paginate(theirs.rest.pulls.listCommits, { ...at, per_page: 1 });
  assert.deepEqual([commits.length, commits.at(-1).sha], [pull.commits, pull.head.sha]);
  assert.equal(commits.at(-1).author.login, APP);
  const { data: patch } = await theirs.rest.pulls.get({ ...at, mediaType: { format: "patch" } });
  assert.equal(patch.match(/^From [0-9a-f]{40} /gm).length, pull.commits);
  const basehead = `${pull.base.sha}...${pull.head.sha}`;
  const { data: compared } = await theirs.rest.repos.compareCommitsWithBasehead({ ...here, basehead });
  assert.deepEqual([compared.ahead_by, compared.files.length], [pull.commits, files.length]);
  const runs = await theirs.paginate(theirs.rest.checks.listForRef, { ...here, ref: pull.head.sha, per_page: 1 });
  assert.equal(runs.length, 3, runs.map(({ name }) => name).join());
  for (const run of runs) {
    whole(run, "id node_id html_url started_at completed_at app.slug output.summary check_suite.id");
    assert.deepEqual([run.head_sha, run.status, run.app.slug], [pull.head.sha, "completed", "adjutant"]);
    assert.deepEqual(run.pull_requests.map(({ number }) => number), [pull.number]);
  }
  return files;
}

/** A review that approves, with a remark in its place, which counts as /approve. */
async function approveByReview(pull, files) {
  const at = { ...here, pull_number: pull.number };
  const line = Number(/^@@ -\S+ \+(\d+)/m.exec(files[0].patch)[1]);
  const comments = [{ path: files[0].filename, line, side: "RIGHT", body: "A doc comment would help here." }];
  const { data: review } = await theirs.rest.pulls.createReview({ ...at, event: "APPROVE", body: "Good.", comments });
  whole(review, "id node_id user.login body state html_url pull_request_url submitted_at commit_id");
  assert.deepEqual([review.state, review.commit_id], ["APPROVED", pull.head.sha]);
  const { data: remarks } = await theirs.rest.pulls.listCommentsForReview({ ...at, review_id: review.id });
  assert.deepEqual(remarks.map(({ body }) => body), ["A doc comment would help here."]);
  await until("it is merged", async () => (await pullRequest(pull.number)).merged);
  const merged = whole(await pullRequest(pull.number), "merged_at merged_by.login merge_commit_sha closed_at");
  assert.deepEqual([merged.state, merged.merged_by.login], ["closed", APP]);
  assert.equal((await theirs.rest.pulls.checkIfMerged(at)).status, 204);
  say(`#${pull.number} was approved by a review and merged`);
}

async function reworked(pull) {
  const idle = await order(ours, pull.number, "/approve");
  await until("the outsider is refused", async () => (await reactions(idle)).includes("-1"));
  assert.equal((await pullRequest(pull.number)).state, "open");
  const rework = await order(theirs, pull.number, REWORK);
  await until("the rework is taken", async () => (await reactions(rework)).includes("rocket"));
  await until("it is done again and merged", async () => (await pullRequest(pull.number)).merged);
  const again = await pullRequest(pull.number);
  assert.ok(again.head.sha !== pull.head.sha && again.commits > pull.commits);
  const place = { ...here, path: "src/dimension.rs", ref: again.merge_commit_sha };
  const { data: text } = await theirs.rest.repos.getContent({ ...place, mediaType: { format: "raw" } });
  assert.ok(text.includes("pub fn volume_mm3(") && !text.includes("pub fn vol("), text);
  say(`#${pull.number} was sent back, followed the sentence and is merged`);
}

async function finish(issue) {
  const final = await waits("/main");
  assert.ok(final.base.ref === "main" && final.body.includes(`Closes #${issue}`), final.body);
  const at = { ...here, pull_number: final.number };
  await refused(403, ours.rest.pulls.merge({ ...at, sha: final.head.sha }));
  await refused(409, theirs.rest.pulls.merge({ ...at, sha: "0".repeat(40) }));
  const { data: done } = await theirs.rest.pulls.merge({ ...at, merge_method: "merge", sha: final.head.sha });
  assert.ok(done.merged && done.sha);
  await refused(405, theirs.rest.pulls.merge({ ...at, sha: final.head.sha }));
  say(`the final pull request #${final.number} is merged`);
  const look = async () => (await ours.rest.issues.get({ ...here, issue_number: issue })).data;
  await until("the issue is closed", async () => (await look()).state === "closed");
  assert.equal((await look()).state_reason, "completed");
  await until("the status comment says so", async () => (await statusComment(issue)).body.includes("Completed"));
  const events = await ours.paginate(ours.rest.issues.listEventsForTimeline, { ...here, issue_number: issue, per_page: 3 });
  const kinds = events.map(({ event }) => event);
  for (const kind of ["labeled", "commented", "closed"]) assert.ok(kinds.includes(kind), kinds.join());
  const pulls = await ours.paginate(ours.rest.pulls.list, { ...here, state: "all", sort: "created", direction: "asc", per_page: 4 });
  assert.equal(pulls.filter(({ merged_at }) => merged_at).length, 6);
  await until("the branches are gone", async () => {
    const { data } = await theirs.rest.git.listMatchingRefs({ ...here, ref: "heads/adjutant/" });
    return data.length === 0;
  });
  await refused(404, theirs.rest.repos.getBranch({ ...here, branch: pulls[0].head.ref }));
}

async function tell() {
  const { data: me } = await ours.rest.users.getAuthenticated();
  assert.equal(whole(me, "id node_id login type html_url created_at").login, "outsider");
  await setPolicy();
  const issue = await openIssue();
  const status = await until("the status comment is there", () => statusComment(issue));
  assert.equal(whole(status, "id node_id html_url performed_via_github_app.slug").user.type, "Bot");
  say("the status comment is there");
  // First the step that mends itself: on top of the other's fault it would wait for a person too.
  await until("the length is merged", async () => {
    const { data } = await ours.rest.pulls.list({ ...here, state: "closed" });
    return data.some(({ head, merged_at }) => head.ref.endsWith("-length") && merged_at);
  });
  say("a step whose first try failed its test is merged");
  const triple = await waits("-triple");
  await approveByReview(triple, await lookAt(triple, issue));
  const dimension = await waits("-dimension");
  await lookAt(dimension, issue);
  await reworked(dimension);
  await finish(issue);
}

await tell();
console.log("story: the issue is closed");

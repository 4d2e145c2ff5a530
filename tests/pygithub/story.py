"""The main job from the label to the closed issue, told with PyGithub alone.

    story.py URL OWNER/NAME

URL is a playground that sends its webhooks to Adjutant, whose agent is the demo's. `outsider` writes the issue,
`maintainer` sets the label and answers what waits for a person. On the way every object is read through PyGithub's
classes, attribute by attribute: what they promise has to be there and of the type that they promise.
"""

import sys
import time
import warnings
from datetime import datetime, timedelta, timezone

from github import Auth, Github, GithubException, UnknownObjectException
from github.GithubObject import GithubObject

# Attributes that GitHub still answers, and PyGithub would rather not be asked for.
warnings.simplefilter("ignore", DeprecationWarning)

URL, REPOSITORY = sys.argv[1:]
STARTED = datetime.now(timezone.utc).replace(microsecond=0)

TITLE = "Read and print dimensions"
ISSUE = """### Goal

Order slips say how large a widget is, and the library cannot read it.

### Requirements

- R1: Dimensions such as `20x30x5 mm` or `2x3x0.5 cm` are read.
- R2: Dimensions are printed in millimetres.

### Acceptance criteria

- A1: `2x3x0.5 cm` reads as the same value as `20x30x5 mm`.
- A2: What is printed reads back as the same value.
- A3: An error names the part that is wrong.
"""

# What `cargo test` would find, without a compiler: the agent's first length has a factor wrong.
POLICY = """autonomy: guardrails
verifiers:
  - name: test
    run: |
      if grep -n '"cm", 100)' src/*.rs; then echo '1 test failed: 1 cm is 10 mm'; exit 1; fi
    required: true
  - name: lint
    run: sh scripts/lint
    required: false
    weight: 0.5
"""

REWORK = (
    "/rework Document every public function, in `src/triple.rs` too, and do not abbreviate: `vol` is the volume in "
    "cubic millimetres, so call it `volume_mm3`."
)

APP = "adjutant[bot]"


def client(login, per_page=30):
    """GitHub as a person sees it."""
    return Github(
        base_url=f"{URL}/api/v3",
        auth=Auth.Token(f"playground-{login}"),
        per_page=per_page,
        retry=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
    )


def until(what, condition, seconds=90):
    """What `condition` answers once it is truthy."""
    deadline = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.05)


def refused(status, act):
    """The refusal of something that must not work."""
    try:
        done = act()
    except GithubException as refusal:
        assert refusal.status == status, f"expected {status}, got {refusal}"
        assert refusal.data["message"] and refusal.data["documentation_url"], refusal.data
        return refusal
    raise AssertionError(f"expected {status}, but it worked: {done}")


def whole(thing, names):
    """Reads every attribute that the class of `thing` has, and insists on the named ones.

    PyGithub raises on an attribute of another type than it promises; one that is missing reads as None.
    """
    for name in dir(type(thing)):
        if not name.startswith("_") and isinstance(getattr(type(thing), name), property):
            value = getattr(thing, name)
            if isinstance(value, datetime):
                assert value.tzinfo is not None, f"{thing}.{name} has no time zone"
    for name in names.split():
        value = thing
        for part in name.split("."):
            value = getattr(value, part)
            assert value is not None, f"{type(thing).__name__} has no {name}: {thing.raw_data}"
    assert isinstance(thing, GithubObject) and thing.raw_data, thing
    return thing


def fresh(moment):
    assert STARTED <= moment <= datetime.now(timezone.utc) + timedelta(seconds=1), moment


def say(text):
    print(f"{(datetime.now(timezone.utc) - STARTED).total_seconds():5.1f}  {text}", flush=True)


def people(repo):
    """Who may what, and how that is answered."""
    levels = {"maintainer": "admin", "writer": "write", "triager": "read", "outsider": "read"}
    for login, level in levels.items():
        assert repo.get_collaborator_permission(login) == level, login
        role = repo.get_collaborator_role_name(login)
        assert role == ("triage" if login == "triager" else level), role
    assert refused(404, lambda: repo.get_collaborator_permission("nobody-of-that-name"))
    me = whole(client("outsider").get_user(), "login id node_id type html_url created_at")
    assert me.login == "outsider" and me.type == "User"
    assert client("outsider").get_user("maintainer").login == "maintainer"
    refused(401, lambda: client("nobody-of-that-name").get_user().login)
    refused(404, lambda: client("outsider").get_repo("acme/nothing"))
    say("permissions are answered")


def repository(repo):
    """The repository itself, its branches, commits and contents."""
    whole(repo, "id node_id name full_name owner.login default_branch html_url clone_url created_at pushed_at permissions")
    assert repo.full_name == REPOSITORY and not repo.private and not repo.fork
    assert repo.permissions.admin and repo.permissions.push
    branch = whole(repo.get_branch(repo.default_branch), "name commit.sha")
    ref = repo.get_git_ref(f"heads/{branch.name}")
    assert ref.object.sha == branch.commit.sha and ref.object.type == "commit"
    commit = whole(repo.get_commit(branch.commit.sha), "sha commit.message commit.author.date commit.tree.sha stats.total")
    assert repo.get_commits().totalCount >= 1
    readme = repo.get_contents("README.md")
    assert readme.decoded_content.startswith(b"#") and readme.encoding == "base64" and readme.size > 0
    assert {file.path for file in repo.get_contents("src")} >= {"src/lib.rs", "src/order.rs"}
    tree = repo.get_git_tree(commit.commit.tree.sha, recursive=True)
    assert any(entry.path == "src/lib.rs" and entry.type == "blob" for entry in tree.tree)
    refused(404, lambda: repo.get_contents("no/such/file"))


def set_policy(repo):
    """A policy that needs no compiler, through the contents API with its own guard."""
    path = ".github/adjutant.yml"
    file = repo.get_contents(path)
    refused(409, lambda: repo.update_file(path, "Lost update", POLICY, "0" * 40))
    written = repo.update_file(path, "Prove without a compiler", POLICY, file.sha)
    assert repo.get_contents(path).decoded_content.decode() == POLICY
    assert repo.get_branch(repo.default_branch).commit.sha == written["commit"].sha
    assert repo.get_commit(written["commit"].sha).commit.message == "Prove without a compiler"
    say("the policy is set")


def open_issue(ours, theirs):
    """The contributor writes the issue and may not set its label; the maintainer does."""
    issue = whole(ours.create_issue(TITLE, ISSUE), "id node_id number user.login html_url created_at state comments_url")
    assert (issue.title, issue.body, issue.state, issue.user.login) == (TITLE, ISSUE, "open", "outsider")
    fresh(issue.created_at)
    refused(403, lambda: issue.add_to_labels("directive"))
    assert list(issue.get_labels()) == [] and issue.pull_request is None
    issue.create_reaction("heart")
    assert [reaction.content for reaction in issue.get_reactions()] == ["heart"]
    for title in ("Say what a slip is", "Read ounces", "Read inches"):
        ours.create_issue(title).edit(state="closed")
    theirs.get_issue(issue.number).add_to_labels("directive")
    labels = list(ours.get_issue(issue.number).get_labels())
    assert [whole(label, "name color url").name for label in labels] == ["directive"]
    assert [found.number for found in theirs.get_issues(labels=["directive"])] == [issue.number]
    say(f"issue #{issue.number} is labelled")
    return issue


def pages(login, issue):
    """Lists come in pages, and PyGithub finds its way through them."""
    small = client(login, per_page=2).get_repo(REPOSITORY)
    everything = small.get_issues(state="all", sort="created", direction="asc")
    total = everything.totalCount  # asked first: once it has walked, PyGithub forgets the parameters
    numbers = [found.number for found in everything]
    assert len(numbers) >= 4 and numbers == sorted(set(numbers)), numbers
    assert total == len(numbers), (total, numbers)
    assert [found.number for found in everything.reversed] == numbers[::-1]
    assert len(everything.get_page(0)) == 2 and everything[2].number == numbers[2]
    paths = [entry.path for entry in small.get_contents("src")]
    assert len(paths) > 2, "contents are not cut into pages"
    comments = small.get_issue(issue.number).get_comments()
    assert comments.totalCount == len(list(comments)) >= 1
    say("pages are walked")


def status_comment(issue):
    """The one comment by the app on the issue."""
    return [comment for comment in issue.get_comments() if "<!-- adjutant:status:" in comment.body]


def adjutant(pull):
    """The app's composite check of a pull request's head, if it is there."""
    commit = pull.base.repo.get_commit(pull.head.sha)
    runs = list(commit.get_check_runs(check_name="adjutant"))
    return runs[0] if runs else None


def waits(repo, suffix, answered=()):
    """The open pull request of a step once it waits for a person, on another head than the answered ones."""

    def look():
        for pull in repo.get_pulls(state="open"):
            if pull.head.ref.endswith(suffix) and pull.head.sha not in answered:
                check = adjutant(pull)
                if check and check.conclusion == "action_required":
                    return repo.get_pull(pull.number)
        return None

    return until(f"{suffix} waits for a person", look)


def look_at(repo, pull, issue):
    """Reads a pull request as a reviewer's tool would: the object, its files, commits and checks."""
    names = (
        "id node_id number user.login head.ref head.sha head.repo.full_name head.user.login base.ref base.sha "
        "base.repo.full_name created_at updated_at html_url diff_url patch_url body title state draft merged commits "
        "additions deletions changed_files mergeable_state author_association review_comments_url"
    )
    whole(pull, names)
    assert pull.user.login == APP and pull.user.type == "Bot", pull.user
    assert pull.head.repo.full_name == pull.base.repo.full_name == REPOSITORY
    assert f"#{issue.number}" in pull.body and pull.state == "open" and not pull.merged and pull.merged_at is None
    assert not pull.draft, "what waits for a person is ready for review"
    fresh(pull.created_at)
    until("mergeability is known", lambda: repo.get_pull(pull.number).mergeable is not None)
    assert repo.get_pull(pull.number).mergeable
    files = [whole(file, "filename status sha additions changes patch blob_url") for file in pull.get_files()]
    assert files and len(files) == pull.changed_files == pull.get_files().totalCount
    assert sum(file.additions for file in files) == pull.additions
    commits = [whole(commit, "sha commit.message commit.committer.date html_url") for commit in pull.get_commits()]
    assert len(commits) == pull.commits and commits[-1].sha == pull.head.sha
    assert "Adjutant-Step:" in commits[-1].commit.message, commits[-1].commit.message
    assert commits[-1].author.login == APP, commits[-1].raw_data
    compared = repo.compare(pull.base.sha, pull.head.sha)
    assert compared.ahead_by == pull.commits and {f.filename for f in compared.files} == {f.filename for f in files}
    assert pull.as_issue().number == pull.number and pull.as_issue().pull_request is not None
    check_runs(repo, pull)
    return files


def check_runs(repo, pull):
    """One check run for each verifier, and the composite one."""
    commit = repo.get_commit(pull.head.sha)
    runs = list(commit.get_check_runs())
    for run in runs:
        names = "id node_id name head_sha status conclusion started_at completed_at app.slug html_url url output.title"
        whole(run, names)
        assert run.head_sha == pull.head.sha and run.status == "completed" and run.app.slug == "adjutant"
        assert run.started_at <= run.completed_at
        assert repo.get_check_run(run.id).name == run.name
        assert run.output.annotations_count == len(list(run.get_annotations()))
        assert [found.number for found in run.pull_requests] == [pull.number], run.raw_data
    by_name = {run.name: run for run in runs}
    assert len(by_name) == len(runs), "no check run has a twin"
    composite = by_name.pop("adjutant")
    assert composite.conclusion == "action_required" and composite.output.summary
    assert len(by_name) == 2, by_name
    for name, run in by_name.items():
        assert run.conclusion == ("success" if "lint" not in name else run.conclusion), name
    small = client("outsider", per_page=1).get_repo(REPOSITORY).get_commit(pull.head.sha)
    assert len(list(small.get_check_runs())) == len(runs), "check runs come in pages too"
    suites = [whole(suite, "id head_sha status app.slug") for suite in commit.get_check_suites()]
    assert [suite.app.slug for suite in suites] == ["adjutant"]
    assert commit.get_combined_status().total_count == 0, "check runs are no statuses"


def review(pull, files):
    """A review with a remark in its place, that decides nothing."""
    line = next(n for n, text in enumerate(files[0].patch.splitlines()) if text.startswith("+"))
    comments = [{"path": files[0].filename, "position": max(line, 1), "body": "A doc comment would help here."}]
    written = pull.create_review(body="Fine but for one remark.", event="COMMENT", comments=comments)
    whole(written, "id user.login body state commit_id submitted_at html_url pull_request_url")
    assert (written.state, written.commit_id, written.user.login) == ("COMMENTED", pull.head.sha, "maintainer")
    assert pull.get_review(written.id).body == written.body
    assert [found.id for found in pull.get_reviews()] == [written.id]
    (remark,) = pull.get_single_review_comments(written.id)
    whole(remark, "id node_id path diff_hunk body user.login commit_id original_commit_id created_at html_url")
    assert remark.path == files[0].filename and remark.pull_request_review_id == written.id
    answer = pull.create_review_comment_reply(remark.id, "In the next one, then.")
    assert answer.in_reply_to_id == remark.id
    assert [found.id for found in pull.get_review_comments()] == [remark.id, answer.id]
    remark.create_reaction("+1")
    assert [reaction.content for reaction in pull.get_review_comment(remark.id).get_reactions()] == ["+1"]


def order(pull, text):
    """Writes a command on a pull request; the app answers it with a reaction."""
    return whole(pull.create_issue_comment(text), "id node_id body user.login created_at html_url issue_url")


def reactions(comment):
    return {whole(reaction, "id content user.login created_at").content for reaction in comment.get_reactions()}


def tell():
    ours, theirs = client("outsider").get_repo(REPOSITORY), client("maintainer").get_repo(REPOSITORY)
    people(theirs)
    repository(theirs)
    set_policy(theirs)
    issue = open_issue(ours, theirs)

    status = until("the status comment is there", lambda: status_comment(issue))[0]
    whole(status, "id node_id user.login body created_at updated_at html_url issue_url")
    assert status.user.login == APP and status.user.type == "Bot", status.user
    fresh(status.created_at)
    say("the status comment is there")
    pages("outsider", issue)

    # The step that is accepted with its fault.
    until("the length is merged", lambda: any(p.merged for p in ours.get_pulls(state="closed") if p.head.ref.endswith("-length")))
    say("a step whose first try failed its test is merged")
    triple = waits(theirs, "-triple")
    files = look_at(theirs, triple, issue)
    say(f"#{triple.number} was read: {', '.join(file.filename for file in files)}")
    review(triple, files)
    refused(403, lambda: ours.get_pull(triple.number).merge(sha=triple.head.sha))
    idle = order(ours.get_pull(triple.number), "/approve")
    until("the outsider is refused", lambda: "-1" in reactions(idle))
    assert theirs.get_pull(triple.number).state == "open"
    say("a stranger's /approve was refused")
    approval = order(triple, "/approve")
    until("the approval is taken", lambda: "rocket" in reactions(approval))
    until("it is merged", lambda: theirs.get_pull(triple.number).merged)
    merged = whole(theirs.get_pull(triple.number), "merged_at merged_by.login merge_commit_sha closed_at")
    assert merged.state == "closed" and merged.merged_by.login == APP
    assert triple.is_merged() and fresh(merged.merged_at) is None
    say(f"#{triple.number} was approved and merged")

    # The step that is sent back.
    dimension = waits(theirs, "-dimension")
    look_at(theirs, dimension, issue)
    before = dimension.head.sha
    rework = order(dimension, REWORK)
    until("the rework is taken", lambda: "rocket" in reactions(rework))
    until("it is done again and merged", lambda: theirs.get_pull(dimension.number).merged)
    again = theirs.get_pull(dimension.number)
    assert again.head.sha != before and again.commits > dimension.commits
    text = theirs.get_contents("src/dimension.rs", ref=again.merge_commit_sha).decoded_content.decode()
    assert "pub fn volume_mm3(" in text and "pub fn vol(" not in text
    say(f"#{dimension.number} was sent back, followed the sentence and is merged")

    finish(ours, theirs, issue)


def finish(ours, theirs, issue):
    """The final pull request, merged by the maintainer, closes the issue."""
    final = waits(theirs, "/main")
    assert final.base.ref == theirs.default_branch and f"Closes #{issue.number}" in final.body
    look_at_final = [commit.commit.message.splitlines()[0] for commit in final.get_commits()]
    assert len(look_at_final) == final.commits >= 5, look_at_final
    assert theirs.get_issue(issue.number).state == "open"
    refused(409, lambda: final.merge(sha="0" * 40))
    assert not theirs.get_pull(final.number).merged
    done = whole(final.merge(merge_method="merge", sha=final.head.sha), "merged sha message")
    assert done.merged and theirs.get_branch(theirs.default_branch).commit.sha == done.sha
    assert theirs.get_pull(final.number).merged_by.login == "maintainer"
    refused(405, lambda: final.merge(sha=final.head.sha))
    say(f"the final pull request #{final.number} is merged")

    until("the issue is closed", lambda: ours.get_issue(issue.number).state == "closed")
    closed = whole(ours.get_issue(issue.number), "closed_at state_reason")
    assert closed.state_reason == "completed" and closed.closed_at >= closed.created_at
    until("the status comment says so", lambda: "Completed" in status_comment(issue)[0].body)
    (status,) = status_comment(issue)
    assert "```mermaid" in status.body and status.updated_at >= status.created_at
    assert status.body.count("merged") >= 5, status.body

    pulls = list(ours.get_pulls(state="all", sort="created", direction="asc"))
    assert len(pulls) == 6 and all(pull.merged_at for pull in pulls), [(p.title, p.state) for p in pulls]
    heads = [pull.head.ref for pull in pulls]
    assert len(set(heads)) == len(heads), "no step has two pull requests"
    events = {event.event for event in ours.get_issue(issue.number).get_events()}
    assert {"labeled", "closed"} <= events, events
    until("the branches are gone", lambda: not [r.ref for r in theirs.get_git_matching_refs("heads/adjutant/")])
    try:
        theirs.get_branch(heads[0])
        raise AssertionError(f"{heads[0]} is still there")
    except UnknownObjectException:
        pass
    assert "README.md" in {file.filename for file in pulls[-1].get_files()}


tell()
print("story: the issue is closed")

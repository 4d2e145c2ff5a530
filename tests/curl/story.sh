#!/usr/bin/env bash
# The main job from the label to the closed issue, told with git and curl alone; python3 reads the JSON.
#
#     story.sh URL OWNER/NAME
#
# URL is a playground that sends its webhooks to Adjutant, whose agent is the demo's. `writer` works with git first, as people
# do: clones of every kind, branches, tags, what is refused. Then `outsider` writes the issue, `maintainer` sets the label,
# approves what waits for a person or sends it back, and merges.
set -euo pipefail

url=$1 repository=$2
api=$url/api/v3/repos/$repository
app='adjutant[bot]'
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

# Nobody's settings, and nobody to ask.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 HOME=$scratch
export GIT_AUTHOR_NAME='Wren Writer' GIT_AUTHOR_EMAIL=wren@example.com
export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL

say() { printf '%5d  %s\n' "$SECONDS" "$*"; }

fail() {
    echo "story: $*" >&2
    exit 1
}

is() { [ "$1" = "$2" ] || fail "expected \`$2\`, got \`$1\`${3:+ ($3)}"; }

has() { [[ $1 == *"$2"* ]] || fail "\`$2\` is not in: $1"; }

# call LOGIN METHOD PLACE [curl's arguments]: the body; a refusal ends the story.
call() {
    local login=$1 method=$2 place=$3
    shift 3
    curl -sS --fail-with-body -X "$method" -H "Authorization: Bearer playground-$login" "$@" "$api$place" || fail "$method $place as $login"
}

# status LOGIN METHOD PLACE [curl's arguments]: only the status.
status() {
    local login=$1 method=$2 place=$3
    shift 3
    curl -sS -o body -w '%{http_code}' -X "$method" -H "Authorization: Bearer playground-$login" "$@" "$api$place"
}

# The answer's head, as lines without carriage returns, names in small letters.
head_of() {
    local place=$1
    shift
    curl -sS -D - -o body -H 'Authorization: Bearer playground-maintainer' "$@" "$api$place" | tr -d '\r' |
        sed 's/^[^: ]*:/\L&/'
}

# read_json EXPRESSION [WORD]: of what is piped in, as `it`, and of the word.
read_json() { python3 -c 'import json, sys; it, word = json.load(sys.stdin), sys.argv[-1]; print(eval(sys.argv[1]))' "$@"; }

# until WHAT COMMAND…: tries again until the command succeeds; what it prints is the answer.
until_() {
    local what=$1 deadline=$((SECONDS + 90))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || fail "waited in vain until $what"
        sleep 0.1
    done
}

# remote LOGIN [OWNER/NAME]: the repository's address for somebody.
remote() { echo "${url/:\/\//:\/\/x-access-token:playground-$1@}/${2:-$repository}.git"; }

# refused TEXT COMMAND…: it fails, and says so.
refused() {
    local text=$1
    shift
    if "$@" >said 2>&1; then fail "it worked: $*"; fi
    has "$(cat said)" "$text"
}

clones() {
    git clone -q "$(remote writer)" work
    git clone -q --depth 1 "$(remote outsider)" shallow
    is "$(git -C shallow rev-list --count HEAD)" 1
    git -C shallow fetch -q --unshallow
    git clone -q --single-branch --branch main --filter=blob:none --no-checkout "$(remote outsider)" partial
    git clone -q --bare "$url/$repository.git" anonymous.git
    local head
    head=$(call maintainer GET /git/ref/heads/main | read_json 'it["object"]["sha"]')
    for version in 0 1 2; do
        is "$(git -c protocol.version=$version ls-remote "$(remote outsider)" refs/heads/main)" "$head"$'\t'refs/heads/main "protocol $version"
        git -c protocol.version=$version clone -q "$(remote outsider)" "version-$version"
        is "$(git -C "version-$version" rev-parse HEAD)" "$head"
    done
    is "$(git ls-remote --symref "$(remote outsider)" HEAD | head -1)" $'ref: refs/heads/main\tHEAD'
    say 'cloned whole, shallow, partial, bare, and with every protocol'
}

pushes() {
    cd work
    git checkout -q -b notes
    echo 'Count the widgets.' >notes.md
    git add notes.md && git commit -q -m 'Take notes'
    has "$(git push origin notes 2>&1)" 'new branch'
    is "$(call outsider GET /branches/notes | read_json 'it["commit"]["sha"]')" "$(git rev-parse HEAD)"

    # Tags: of both kinds, found over the API, and taken away.
    git tag light && git tag -a heavy -m 'The first'
    git push -q origin light heavy
    is "$(call outsider GET /git/ref/tags/heavy | read_json 'it["object"]["type"]')" tag
    is "$(call outsider GET /tags | read_json 'sorted(tag["name"] for tag in it)')" "['heavy', 'light']"
    git push -q origin --delete light heavy
    is "$(status outsider GET /git/ref/tags/heavy)" 404

    # With a lease, somebody else's push is not overwritten; without force neither.
    git clone -q "$(remote maintainer)" ../other
    git -C ../other checkout -q notes
    echo 'And the lids.' >>../other/notes.md
    git -C ../other commit -q -a -m 'Take more notes' && git -C ../other push -q
    git commit -q --amend -m 'Take other notes'
    refused 'stale info' git push --force-with-lease origin notes
    refused 'fetch first' git push origin notes
    git fetch -q origin && git push -q --force-with-lease origin notes

    # All or nothing.
    git push -q origin notes:fine && git -C ../other commit -q --allow-empty -m 'Meanwhile'
    git -C ../other push -q --force origin notes
    echo 'And the screws.' >>notes.md
    git commit -q -a -m 'More'
    refused 'atomic' git push --atomic origin HEAD:refs/heads/fine notes
    refused 'remote rejected' git push origin HEAD:refs/pull/1/head
    is "$(git ls-remote origin refs/heads/fine | cut -f 1)" "$(git rev-parse HEAD~1)"
    git push -q -o ci.skip --force origin notes
    git push -q origin --delete fine
    is "$(status outsider GET /branches/fine)" 404
    cd ..
    say 'branches and tags were pushed, moved and deleted'
}

refusals() {
    # `work` belongs to the writer; the others come with their own address.
    refused '403' git -C work push "$(remote outsider)" HEAD:refs/heads/theirs
    refused 'Authentication failed' git -C work push "$(remote nobody)" HEAD:refs/heads/theirs
    # Nobody is told that a repository is not there before they have said who they are.
    refused 'could not read Username' git clone -q "$url/acme/nothing.git" nothing
    refused 'not found' git clone -q "$(remote outsider acme/nothing)" nothing
    local asked
    asked=$(curl -sS -D - -o body "$url/$repository.git/info/refs?service=git-receive-pack" | tr -d '\r' | sed 's/^[^: ]*:/\L&/')
    has "$asked" ' 401 '
    has "$asked" 'www-authenticate: Basic realm="GitHub"'
    is "$(status outsider DELETE /git/refs/heads/notes)" 403
    is "$(status nobody GET '')" 401
    is "$(read_json 'it["message"]' <body)" 'Bad credentials'
    is "$(status maintainer POST /issues -d '{')" 400
    is "$(read_json 'it["message"]' <body)" 'Problems parsing JSON'
    is "$(status maintainer POST /labels -d '{"name": "a", "color": 5}')" 422
    say 'what may not be was refused'
}

reading() {
    local number first next head found
    number=$(call writer POST /pulls -d '{"title": "Take notes", "head": "notes", "base": "main", "draft": true}' | read_json 'it["number"]')
    git -C shallow fetch -q origin "pull/$number/head"
    is "$(git -C shallow rev-parse FETCH_HEAD)" "$(git -C work rev-parse notes)"
    has "$(call outsider GET "/pulls/$number" -H 'Accept: application/vnd.github.diff')" '+Count the widgets.'
    call outsider GET "/pulls/$number" -H 'Accept: application/vnd.github.patch' >mail
    git -C shallow checkout -q -b mailed origin/main && git -C shallow am -q ../mail
    is "$(git -C shallow show HEAD:notes.md)" "$(git -C work show notes:notes.md)"

    # HEAD is GET without its body.
    head=$(head_of "/pulls/$number" -I)
    has "$head" ' 200 '
    has "$head" 'content-type: application/json; charset=utf-8'
    [ -z "$(head_of "/pulls/$number" -I -o /dev/null | tail -n +2 | grep '{')" ] || fail 'HEAD has a body'

    # Pages, from link to link.
    for title in one two three four; do call outsider POST /issues -d "{\"title\": \"$title\"}" >/dev/null; done
    found=() next="$api/issues?per_page=2"
    while [ -n "$next" ]; do
        head=$(curl -sS -D - -o body -H 'Authorization: Bearer playground-outsider' "$next" | tr -d '\r')
        found+=("$(read_json 'len(it)' <body)")
        next=$(sed -n 's/^[Ll]ink:.*<\([^>]*\)>; rel="next".*/\1/p' <<<"$head")
    done
    is "${found[*]}" '2 2 1'
    for title in 2 3 4 5; do call maintainer PATCH "/issues/$title" -d '{"state": "closed"}' >/dev/null; done
    call maintainer PATCH "/pulls/$number" -d '{"state": "closed"}' >/dev/null
    first=$(call outsider GET '/commits?per_page=1' | read_json 'it[0]["sha"]')
    is "$(call outsider GET /commits/main -H 'Accept: application/vnd.github.sha')" "$first"
    has "$(call outsider GET /readme -H 'Accept: application/vnd.github.raw+json')" '#'
    say 'pull requests, pages, diffs and mails were read'
}

policy='autonomy: guardrails
verifiers:
  - name: test
    run: |
      if grep -n '"'\"cm\", 100)'"' src/*.rs; then echo "1 test failed: 1 cm is 10 mm"; exit 1; fi
    required: true
  - name: lint
    run: sh scripts/lint
    required: false
    weight: 0.5
'

body='### Goal

Order slips say how large a widget is, and the library cannot read it.

### Requirements

- R1: Dimensions such as `20x30x5 mm` or `2x3x0.5 cm` are read.
- R2: Dimensions are printed in millimetres.

### Acceptance criteria

- A1: `2x3x0.5 cm` reads as the same value as `20x30x5 mm`.
- A2: What is printed reads back as the same value.
- A3: An error names the part that is wrong.
'

rework='/rework Document every public function, in `src/triple.rs` too, and do not abbreviate: `vol` is the volume in cubic
millimetres, so call it `volume_mm3`.'

# object NAME VALUE…: a JSON object of strings.
object() { python3 -c 'import json, sys; words = sys.argv[1:]; print(json.dumps(dict(zip(words[::2], words[1::2]))))' "$@"; }

# The number of the open pull request whose branch ends so, once its `adjutant` check waits for a person.
waiting() {
    local pull number sha
    pull=$(call maintainer GET '/pulls?state=open' |
        read_json 'next((str(p["number"]) + " " + p["head"]["sha"] for p in it if p["head"]["ref"].endswith(word)), "")' "$1")
    [ -n "$pull" ] || return 1
    read -r number sha <<<"$pull"
    [ "$(call maintainer GET "/commits/$sha/check-runs?check_name=adjutant" |
        read_json 'it["check_runs"] and it["check_runs"][0]["conclusion"]')" = action_required ] && echo "$number"
}

merged() { [ "$(status outsider GET "/pulls/$1/merge")" = 204 ]; }

approved() {
    local number=$1 order
    is "$(status outsider PUT "/pulls/$number/merge" -d '{}')" 403
    order=$(call maintainer POST "/issues/$number/comments" -d '{"body": "/approve"}' | read_json 'it["id"]')
    until_ "#$number is merged" merged "$number"
    has "$(call maintainer GET "/issues/comments/$order/reactions" | read_json '[reaction["content"] for reaction in it]')" rocket
    is "$(call outsider GET "/pulls/$number" | read_json 'it["merged_by"]["login"]')" "$app"
    say "#$number was approved and merged"
}

reworked() {
    object body "$rework" >order.json
    call maintainer POST "/issues/$1/comments" -d @order.json >/dev/null
    until_ "#$1 is merged" merged "$1"
    has "$(call outsider GET '/contents/src/dimension.rs?ref=refs/pull/'"$1"'/head' -H 'Accept: application/vnd.github.raw+json')" 'pub fn volume_mm3('
    say "#$1 was sent back, followed the sentence and is merged"
}

length_is_merged() {
    [ "$(call outsider GET '/pulls?state=closed' | read_json 'any(p["head"]["ref"].endswith("-length") and p["merged_at"] is not None for p in it)')" = True ]
}

closed() { [ "$(call outsider GET "/issues/$1" | read_json 'it["state"], it["state_reason"]')" = "('closed', 'completed')" ]; }

no_branches() { [ "$(call outsider GET /git/matching-refs/heads/adjutant/)" = '[]' ]; }

main_job() {
    local sha issue final head
    sha=$(call maintainer GET /contents/.github/adjutant.yml | read_json 'it["sha"]')
    object message 'Prove without a compiler' sha "$sha" content "$(base64 <<<"$policy" | tr -d '\n')" >policy.json
    call maintainer PUT /contents/.github/adjutant.yml -d @policy.json >/dev/null
    object title 'Read and print dimensions' body "$body" >issue.json
    issue=$(call outsider POST /issues -d @issue.json | read_json 'it["number"]')
    is "$(status outsider POST "/issues/$issue/labels" -d '{"labels": ["directive"]}')" 403
    call maintainer POST "/issues/$issue/labels" -d '{"labels": ["directive"]}' >/dev/null
    say "issue #$issue is labelled"
    until_ 'the length is merged' length_is_merged
    say 'a step whose first try failed its test is merged'
    approved "$(until_ 'the triple waits' waiting -triple)"
    reworked "$(until_ 'the dimension waits' waiting -dimension)"
    final=$(until_ 'the final pull request waits' waiting /main)
    head=$(call maintainer GET "/pulls/$final" | read_json 'it["head"]["sha"]')
    is "$(status maintainer PUT "/pulls/$final/merge" -d '{"sha": "0000000000000000000000000000000000000000"}')" 409
    call maintainer PUT "/pulls/$final/merge" -d "{\"sha\": \"$head\", \"merge_method\": \"merge\"}" >/dev/null
    is "$(status maintainer PUT "/pulls/$final/merge" -d '{}')" 405
    until_ 'the issue is closed' closed "$issue"
    until_ 'the branches are gone' no_branches
    git -C work fetch -q origin main
    has "$(git -C work show FETCH_HEAD:src/dimension.rs)" 'pub fn volume_mm3('
}

clones
pushes
refusals
reading
main_job
echo 'story: the issue is closed'

//! Setup that a repository describes for other tools: the steps of GitHub's Copilot, and development containers.
//!
//! Only commands are taken. What needs a container, a service, an action or the rights of root is named instead, so that a
//! person can put something else into the policy.

use serde_json::{Map, Value};

use super::files::Files;
use adjutant_domain::baseline::SetupSource;
use adjutant_domain::{text, yaml};

/// The files, those that are taken first at the front.
pub(super) const FILES: [&str; 4] = [
    // <https://docs.github.com/en/copilot/how-tos/use-copilot-agents/coding-agent/customize-the-agent-environment>
    ".github/workflows/copilot-setup-steps.yml",
    ".github/workflows/copilot-setup-steps.yaml",
    // <https://containers.dev/implementors/spec/#devcontainerjson>
    ".devcontainer/devcontainer.json",
    ".devcontainer.json",
];
const JOB: &str = "copilot-setup-steps";
/// The commands of a development container that install, in the order in which they run.
const LIFECYCLE: [&str; 3] = ["onCreateCommand", "updateContentCommand", "postCreateCommand"];
/// What else of a development container is wanted and not given.
const OF_CONTAINERS: [&str; 6] = ["image", "build", "dockerFile", "dockerComposeFile", "features", "initializeCommand"];
/// The most steps that are read.
const MOST_STEPS: usize = 50;
/// Programs that work only as root, or with a daemon beside.
const OF_ROOT: [&str; 6] = ["sudo", "apt-get", "apt", "apk", "dnf", "docker"];
/// What only GitHub or an editor fills in.
const FILLED_IN: [&str; 8] = [
    "${{",
    "$GITHUB_ENV",
    "$GITHUB_PATH",
    "$GITHUB_OUTPUT",
    "${localEnv:",
    "${containerEnv:",
    "${localWorkspaceFolder",
    "${containerWorkspaceFolder",
];

/// A setup that a file of the repository describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) install: Vec<String>,
    pub(super) source: SetupSource,
}

/// The setup that the first of the files describes.
pub(super) fn described(files: &Files) -> Option<Described> {
    let root = files.root();
    let (path, text) = FILES.iter().find_map(|path| Some((*path, root.text(path)?)))?;
    let mut found = Found::default();
    let read = if path.ends_with("json") { development_container(text, &mut found) } else { copilot(text, &mut found) };
    if let Err(why) = read {
        found.skipped.push(format!("the whole file ({why})"));
    }
    let skipped = found.skipped.iter().map(|what| text::truncate(what, 200).to_owned()).collect();
    Some(Described { install: found.install, source: SetupSource { path: path.to_owned(), skipped } })
}

#[derive(Default)]
struct Found {
    install: Vec<String>,
    skipped: Vec<String>,
}

impl Found {
    fn take(&mut self, name: &str, command: Result<String, &'static str>) {
        match command {
            Ok(command) if command.trim().is_empty() => {}
            Ok(command) => self.install.push(command),
            Err(why) => self.skipped.push(format!("`{}`, which {why}", first_line(name))),
        }
    }
}

/// The steps of the job for GitHub's agent.
fn copilot(text: &str, found: &mut Found) -> Result<(), String> {
    let workflow = yaml::value(text)?;
    let job = workflow.get("jobs").and_then(|jobs| jobs.get(JOB)).and_then(Value::as_object);
    let job = job.ok_or_else(|| format!("it has no job `{JOB}`"))?;
    let wanted = ["services", "container"].into_iter().filter(|key| job.contains_key(*key));
    found.skipped.extend(wanted.map(|key| format!("`{key}` of the job")));
    let steps = job.get("steps").and_then(Value::as_array).ok_or("the job has no steps")?;
    for step in steps.iter().take(MOST_STEPS).filter_map(Value::as_object) {
        if let Some(action) = text_of(step, "uses") {
            found.skipped.push(format!("the action `{}`", first_line(action)));
        } else if let Some(run) = text_of(step, "run") {
            let name = text_of(step, "name").unwrap_or(run);
            found.take(name, command_of_step(&workflow, job, step, run));
        }
    }
    if steps.len() > MOST_STEPS {
        found.skipped.push(format!("the steps after the first {MOST_STEPS}"));
    }
    Ok(())
}

fn command_of_step(
    workflow: &Value,
    job: &Map<String, Value>,
    step: &Map<String, Value>,
    run: &str,
) -> Result<String, &'static str> {
    if step.contains_key("if") {
        return Err("has a condition");
    }
    let shell = text_of(step, "shell").or_else(|| default_of(workflow, job, "shell"));
    if !matches!(shell, None | Some("bash" | "sh")) {
        return Err("is for another shell");
    }
    let mut before = String::new();
    if let Some(folder) = text_of(step, "working-directory").or_else(|| default_of(workflow, job, "working-directory"))
    {
        before.push_str(&format!("cd {}\n", quoted(folder)));
    }
    for of in [workflow.get("env"), job.get("env"), step.get("env")] {
        for (name, value) in of.and_then(Value::as_object).into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err("has a variable with an odd name");
            }
            before.push_str(&format!("export {name}={}\n", quoted(&value)));
        }
    }
    let plain = before.is_empty() && shell != Some("bash") && !run.trim().contains('\n');
    let script = format!("{before}{}", run.trim());
    usable(&script)?;
    // GitHub runs a step with bash, and the first command that fails ends it.
    Ok(if plain { script } else { format!("bash -e -c {}", quoted(&script)) })
}

/// A setting of the job's steps, else of the workflow's.
fn default_of<'a>(workflow: &'a Value, job: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    let defaults = [job.get("defaults"), workflow.get("defaults")];
    defaults.into_iter().flatten().find_map(|defaults| defaults.get("run")?.get(key)?.as_str())
}

/// The commands of a development container.
fn development_container(text: &str, found: &mut Found) -> Result<(), String> {
    if text.len() > yaml::MAX_BYTES {
        return Err(format!("it has more than {} bytes", yaml::MAX_BYTES));
    }
    let container: Value = serde_json::from_str(&without_comments(text)).map_err(|error| error.to_string())?;
    let container = container.as_object().ok_or("it is no object")?;
    let wanted = OF_CONTAINERS.into_iter().filter(|key| container.contains_key(*key));
    found.skipped.extend(wanted.map(|key| format!("`{key}`")));
    for key in LIFECYCLE {
        match container.get(key) {
            // They may run at the same time, so that any order will do.
            Some(Value::Object(each)) => each.values().take(MOST_STEPS).for_each(|value| command(key, value, found)),
            Some(value) => command(key, value, found),
            None => {}
        }
    }
    Ok(())
}

/// A line for a shell, or a list of words.
fn command(key: &str, value: &Value, found: &mut Found) {
    let script = match value {
        Value::String(line) => line.trim().to_owned(),
        Value::Array(words) => words.iter().filter_map(Value::as_str).map(quoted).collect::<Vec<_>>().join(" "),
        _ => return,
    };
    found.take(&format!("{key}: {script}"), usable(&script).map(|()| script.clone()));
}

fn usable(script: &str) -> Result<(), &'static str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if script.split(|c| !is_word(c)).any(|word| OF_ROOT.contains(&word)) {
        return Err("needs the rights of root or a daemon");
    }
    if FILLED_IN.iter().any(|start| script.contains(start)) {
        return Err("needs a value that only its own tool knows");
    }
    if script.contains('\0') { Err("has a zero byte") } else { Ok(()) }
}

fn text_of<'a>(of: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    of.get(key).and_then(Value::as_str)
}

fn first_line(text: &str) -> &str {
    truncated(text.trim().lines().next().unwrap_or_default())
}

fn truncated(line: &str) -> &str {
    text::truncate(line, 80)
}

/// One word of a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// JSON without the comments and the commas before a closing bracket that `devcontainer.json` may have.
fn without_comments(text: &str) -> String {
    let mut json = String::with_capacity(text.len());
    let mut rest = text.trim_start_matches('\u{feff}');
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' => end_of_string(rest),
            '/' if rest.starts_with("//") => {
                rest = rest.find('\n').map_or("", |end| &rest[end..]);
                continue;
            }
            '/' if rest.starts_with("/*") => {
                rest = rest[2..].find("*/").map_or("", |end| &rest[end + 4..]);
                continue;
            }
            ']' | '}' => {
                let end = json.trim_end().len();
                if json[..end].ends_with(',') {
                    json.truncate(end - 1);
                }
                1
            }
            c => c.len_utf8(),
        };
        json.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    json
}

/// The length of the string that `text` begins with, with both quotes.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !escaped => return at + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, text: &str) -> Described {
        let mut files = Files::new([path.to_owned()].into());
        assert_eq!(files.manifests(), [path]);
        files.add(path, text.as_bytes());
        described(&files).unwrap()
    }

    #[test]
    fn the_steps_for_githubs_agent_are_taken_and_what_they_need_beside_is_named() {
        let workflow = "
on: workflow_dispatch
env: { CI: true }
jobs:
  other: { runs-on: x, steps: [{ run: never }] }
  copilot-setup-steps:
    runs-on: ubuntu-latest
    services: { db: { image: postgres } }
    steps:
      - uses: actions/checkout@v4
      - name: Tools
        run: sudo apt-get install -y jq
      - run: |
          mkdir -p \"it's\"
          touch made
        working-directory: sub dir
      - run: echo ${{ secrets.TOKEN }}
      - run: echo A=1 >> $GITHUB_ENV
      - { if: always(), run: late }
      - { shell: pwsh, run: Get-Item }
";
        let found = read(FILES[0], workflow);
        assert_eq!(
            found.install,
            ["bash -e -c 'cd '\\''sub dir'\\''\nexport CI=true\nmkdir -p \"it'\\''s\"\ntouch made'"]
        );
        insta::assert_snapshot!(found.source.skipped.join("\n"), @r"
        `services` of the job
        the action `actions/checkout@v4`
        `Tools`, which needs the rights of root or a daemon
        `echo ${{ secrets.TOKEN }}`, which needs a value that only its own tool knows
        `echo A=1 >> $GITHUB_ENV`, which needs a value that only its own tool knows
        `late`, which has a condition
        `Get-Item`, which is for another shell
        ");
    }

    #[test]
    fn a_plain_step_stays_as_it_is() {
        let workflow = "jobs: { copilot-setup-steps: { steps: [{ run: npm ci }, { run: ' make deps ' }] } }";
        assert_eq!(read(FILES[1], workflow).install, ["npm ci", "make deps"]);
    }

    #[test]
    fn the_commands_of_a_development_container_are_taken_in_every_form() {
        let container = r#"{
  // A comment, with "quotes".
  "image": "mcr.microsoft.com/devcontainers/base", /* and
  another */
  "onCreateCommand": ["make", "it's // no comment"],
  "updateContentCommand": { "a": "npm ci", "b": ["pip", "install", "."], },
  "postCreateCommand": "echo \"/* no comment */\" && sudo service start",
  "postStartCommand": "never",
}"#;
        let found = read(FILES[2], container);
        assert_eq!(found.install, [r"make 'it'\''s // no comment'", "npm ci", "pip install ."]);
        insta::assert_snapshot!(found.source.skipped.join("\n"), @r#"
        `image`
        `postCreateCommand: echo "/* no comment */" && sudo service start`, which needs the rights of root or a daemon
        "#);
    }

    #[test]
    fn what_cannot_be_read_is_named_and_deep_nesting_is_an_error() {
        for (path, text) in [
            (FILES[0], "jobs: ["),
            (FILES[0], "jobs: {}"),
            (FILES[0], "jobs: { copilot-setup-steps: { steps: 1 } }"),
            (FILES[2], "{"),
            (FILES[2], "/*"),
            (FILES[2], "\"\\"),
            (FILES[3], "[]"),
            (FILES[3], &"[".repeat(60_000)),
            (FILES[3], &" ".repeat(100_000)),
        ] {
            let found = read(path, text);
            assert_eq!((found.install.len(), found.source.skipped.len()), (0, 1), "{text:.40}");
        }
    }
}

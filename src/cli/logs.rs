//! `adjutant directive logs`: what an agent printed, safe for a terminal.
//!
//! A log holds whatever a program wrote, so terminal sequences and control characters are taken out, and what looks like a
//! credential too. Of a long log the end is shown.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::find::find;
use super::show;
use super::text::plain;
use super::{CliError, Ended, LogsArgs};
use crate::store::Store;
use crate::store::overview::TaskRun;
use crate::workspace::sandbox::plain_text;
use crate::workspace::secrets;
use adjutant_domain::directive::Directive;
use adjutant_domain::ids::StepId;
use adjutant_domain::task::{Task, TaskKind};

/// The most of a log that is read, from its end.
const MOST_BYTES: u64 = 256 * 1024;
/// What stands for planning in the place of a step.
const PLANNING: &str = "plan";

pub(super) async fn logs(args: &LogsArgs, store: &Store, out: &mut impl Write) -> Result<(), Ended> {
    let all = store.summaries().await?;
    let summary = find(&all, &args.directive)?;
    let Some(directive) = store.directive(summary.id).await? else {
        return Err(CliError::Work(format!("directive {} does not exist any more", summary.id)).into());
    };
    let earlier = store.earlier_steps(&directive).await?;
    let named = directive.all_steps().chain(earlier.iter().map(|it| &it.step));
    let named = named.filter(|step| args.step.as_deref() == Some(step.name.as_str()));
    let steps: Vec<StepId> = named.map(|step| step.id).collect();
    let runs = store.task_runs(summary.id).await?;
    let (task, run) = choose(args, &directive, &steps, &runs)?;
    let text = read(Path::new(&run.log))?;
    writeln!(out, "{}", show::run_in_a_line(&directive, task, run))?;
    write!(out, "{text}")?;
    Ok(())
}

/// The newest task with a log that is meant.
fn choose<'a>(
    args: &LogsArgs,
    directive: &'a Directive,
    steps: &[StepId],
    runs: &'a [TaskRun],
) -> Result<(&'a Task, &'a TaskRun), CliError> {
    let of_step = |task: &Task| match args.step.as_deref() {
        None => true,
        Some(PLANNING) if steps.is_empty() => task.kind == TaskKind::Plan,
        Some(_) => task.step.is_some_and(|step| steps.contains(&step)),
    };
    let of_id = |task: &Task| match args.task.as_deref() {
        None => true,
        Some(wanted) => {
            let wanted = wanted.to_ascii_lowercase();
            task.number.to_string() == wanted || (wanted.len() >= 6 && task.id.to_string().starts_with(&wanted))
        }
    };
    let meant = directive.tasks.iter().rev().filter(|task| of_step(task) && of_id(task));
    let mut found = meant.filter_map(|task| Some((task, runs.iter().find(|run| run.task == task.id)?)));
    found.next().ok_or_else(|| {
        let names: Vec<String> = directive.all_steps().map(|step| plain(step.name.as_str())).collect();
        CliError::Work(match (&args.task, &args.step) {
            (Some(task), _) => {
                format!("no task `{}` of it has a log: `adjutant directive show` lists them", plain(task))
            }
            (None, Some(step)) => format!(
                "no agent has worked on `{}` yet; the names are {PLANNING}{}",
                plain(step),
                names.iter().map(|name| format!(", {name}")).collect::<Vec<_>>().concat()
            ),
            (None, None) => "no agent has worked on it yet".to_owned(),
        })
    })
}

/// The end of a log as plain text.
fn read(path: &Path) -> Result<String, CliError> {
    let shown = plain(&path.display().to_string());
    let fault = |error: std::io::Error| {
        CliError::Work(format!(
            "the log {shown} cannot be read: {error}; it is kept where the agent ran, for the user of `serve`"
        ))
    };
    let mut file = std::fs::File::open(path).map_err(fault)?;
    let length = file.metadata().map_err(fault)?.len();
    let left_out = length.saturating_sub(MOST_BYTES);
    file.seek(SeekFrom::Start(left_out)).map_err(fault)?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(fault)?;
    if left_out > 0 {
        // It begins with a whole line.
        let line = bytes.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        bytes.drain(..line);
    }
    let text = secrets::redact(&plain_text(&bytes));
    Ok(if left_out > 0 { format!("… {left_out} bytes before this are in {shown}\n{text}") } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn args(step: Option<&str>, task: Option<&str>) -> LogsArgs {
        LogsArgs { directive: "#7".to_owned(), step: step.map(str::to_owned), task: task.map(str::to_owned) }
    }

    fn chosen(step: Option<&str>, task: Option<&str>) -> Result<u32, String> {
        let directive = fixture::directive();
        // The newest task has not begun.
        let runs: Vec<TaskRun> = directive.tasks[..directive.tasks.len() - 1]
            .iter()
            .map(|task| TaskRun { task: task.id, agent: "claude".to_owned(), log: "/logs/x.log".to_owned() })
            .collect();
        let steps: Vec<StepId> =
            directive.all_steps().filter(|it| Some(it.name.as_str()) == step).map(|it| it.id).collect();
        let chosen = choose(&args(step, task), &directive, &steps, &runs);
        chosen.map(|(task, _)| task.number).map_err(|error| error.to_string())
    }

    #[test]
    fn the_newest_task_with_a_log_is_shown_or_the_one_that_is_named() {
        let directive = fixture::directive();
        let [.., before_last, _] = &directive.tasks[..] else { panic!() };
        assert_eq!(chosen(None, None), Ok(before_last.number));
        assert_eq!(chosen(Some("plan"), None), Ok(1));
        let of_parse = directive.tasks.iter().rfind(|task| task.step == Some(directive.steps[0].id)).unwrap();
        assert_eq!(chosen(Some("parse"), None), Ok(of_parse.number));
        assert_eq!(chosen(None, Some("1")), Ok(1));
        assert_eq!(chosen(None, Some(&directive.tasks[0].id.to_string()[..8])), Ok(1));
        let unknown = chosen(Some("pars\u{1b}"), None).unwrap_err();
        assert!(unknown.contains("the names are plan, parse,") && !unknown.contains('\u{1b}'), "{unknown}");
        assert!(chosen(None, Some("99")).unwrap_err().contains("no task `99`"));
    }

    #[test]
    fn a_log_is_shown_without_control_characters_and_credentials_and_from_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        let token = format!("ghp_{}", "A1b2C3d4E5f6".repeat(3));
        std::fs::write(&path, format!("\u{1b}]0;owned\u{7}one\u{1b}[2J\n{token}\r\ntwo\u{202e}\n")).unwrap();
        assert_eq!(read(&path).unwrap(), "one\n[redacted]\ntwo\n");
        std::fs::write(&path, "a line of a log\n".repeat(30_000)).unwrap();
        let text = read(&path).unwrap();
        assert!(text.starts_with("… 217856 bytes before this are in ") && text.len() < 263_000, "{}", &text[..200]);
        assert!(text.lines().skip(1).all(|line| line == "a line of a log"), "no line is cut");
        let missing = read(&folder.path().join("gone.log")).unwrap_err().to_string();
        assert!(missing.contains("cannot be read") && missing.contains("where the agent ran"), "{missing}");
    }
}

//! A judge's run: what it says of the criteria, and whether the lines that it names as evidence are there.

use std::collections::BTreeMap;

use super::{EffectError, Ended, Job};
use crate::agent;
use crate::report;
use crate::runtime::effects::trees::Source;
use crate::workspace::sandbox::TREE;
use crate::workspace::{Mirror, Removal, Tree, configures_agents};
use adjutant_domain::evaluation::{CriterionJudgement, Evidence, EvidenceFault, EvidencePlace, Judgement};
use adjutant_domain::failure::Failure;
use adjutant_domain::ids::Sha;
use adjutant_domain::signal::TaskOutcome;
use adjutant_domain::step::Step;

/// The largest file whose lines are counted. Nobody reads a larger one line by line.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

impl Job<'_> {
    pub(super) async fn judge(&self, source: &Source, step: &Step) -> Ended {
        let Some(submission) = step.submission() else { return Err(EffectError::never(Failure::NothingToJudge)) };
        let head = submission.hash();
        let at = submission.head().unwrap_or(&self.directive.base.sha).as_str();
        source.mirror.fetch_commit(&source.remote, at).await?;
        let tree = self.judged_tree(source, at).await?;
        let run = self.agent(&tree, at, report::judge_instructions(self.directive, step)).await?;
        let weight = self.directive.policy.judge.as_ref().map_or(1.0, |judge| judge.weight);
        let said = run.result.as_ref().and_then(|result| result.judgement.clone());
        let judgement = match said {
            Some(said) => {
                let lines = lines(&source.mirror, at, step.report(), &said.criteria).await?;
                let criteria = said.criteria.into_iter().map(|it| looked_up(it, step.report(), &lines)).collect();
                Some(Judgement::new(weight, said.score, criteria, said.note))
            }
            None => None,
        };
        let ended = self.ended(run, |_| judged(head, judgement));
        tree.remove(Removal::Disposable);
        Ok(ended)
    }

    /// The judged commit with the base's configuration of agents: what a change tells agents to do is judged, not obeyed.
    async fn judged_tree(&self, source: &Source, at: &str) -> Result<Tree, EffectError> {
        let base = self.directive.base.sha.as_str();
        source.mirror.fetch_commit(&source.remote, base).await?;
        let changed = source.mirror.diff(base, at).await?.files.into_iter().map(|file| file.path);
        let configuration: Vec<String> = changed.filter(|path| configures_agents(path)).collect();
        if configuration.is_empty() || source.mirror.existing_tree(&self.folder()).await?.is_some() {
            return self.tree(source, at).await;
        }
        let files = source.mirror.mixed(at, base, &configuration).await?;
        Ok(source.mirror.tree_with(&self.folder(), at, &files, self.branch()).await?)
    }
}

fn judged(head: Sha, judgement: Option<Judgement>) -> TaskOutcome {
    match judgement {
        Some(judgement) => TaskOutcome::Judged { head, judgement },
        None => TaskOutcome::Failed { reason: Failure::NoJudgement },
    }
}

/// How many lines each file has that is named; `None` for what is no file of text in this commit.
type Lines = BTreeMap<String, Option<u32>>;

async fn lines(
    mirror: &Mirror,
    commit: &str,
    report: Option<&str>,
    criteria: &[agent::CriterionJudgement],
) -> Result<Lines, EffectError> {
    let mut known = Lines::new();
    for named in criteria.iter().flat_map(|judged| &judged.evidence) {
        let path = in_tree(&named.file);
        if known.contains_key(path) || is_report(path, report) {
            continue;
        }
        let inside = !path.contains('\0') && !path.split('/').any(|part| matches!(part, "" | "." | ".."));
        let bytes = if inside { mirror.read(commit, path, MAX_BYTES).await? } else { None };
        let text = bytes.filter(|bytes| !bytes.contains(&0));
        known.insert(path.to_owned(), text.map(|text| count(&text)));
    }
    Ok(known)
}

/// What a judge says of one criterion, each place with whether it is there.
fn looked_up(said: agent::CriterionJudgement, report: Option<&str>, known: &Lines) -> CriterionJudgement {
    let place = |named: &agent::Evidence| {
        let path = in_tree(&named.file);
        let (place, lines) = match report.filter(|_| is_report(path, report)) {
            Some(report) => (EvidencePlace::Report, Some(count(report.as_bytes()))),
            None => (EvidencePlace::File(path.to_owned()), known.get(path).copied().flatten()),
        };
        let (first_line, last_line) = (named.line, named.end_line.unwrap_or(named.line).max(named.line));
        let fault = match lines {
            None => Some(EvidenceFault::NoFile),
            Some(lines) if first_line == 0 || last_line > lines => Some(EvidenceFault::NoLine { lines }),
            Some(_) => None,
        };
        Evidence { place, first_line, last_line, fault }
    };
    let evidence = said.evidence.iter().map(place).collect();
    CriterionJudgement { id: said.id, met: said.met, note: said.note, evidence }
}

/// Whether a judge means the report: by its name, or by where it read it.
fn is_report(path: &str, report: Option<&str>) -> bool {
    let name = agent::REPORT;
    report.is_some() && (path == name || (path.starts_with('/') && path.ends_with(name)))
}

/// A path as it stands in the tree. Agents also name files as they see them in the sandbox.
fn in_tree(file: &str) -> &str {
    let file = file.trim();
    let file = file.strip_prefix(TREE).and_then(|file| file.strip_prefix('/')).unwrap_or(file);
    file.strip_prefix("./").unwrap_or(file)
}

/// How many lines a text has, the last one also without a line feed at its end.
fn count(text: &[u8]) -> u32 {
    let lines = text.split_inclusive(|byte| *byte == b'\n').count();
    u32::try_from(lines).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(file: &str, line: u32, end_line: Option<u32>, report: Option<&str>) -> Evidence {
        let known = Lines::from([("src/lib.rs".to_owned(), Some(3)), ("gone.rs".to_owned(), None)]);
        let named = agent::Evidence { file: file.to_owned(), line, end_line };
        let said =
            agent::CriterionJudgement { id: "A1".to_owned(), met: true, note: String::new(), evidence: vec![named] };
        looked_up(said, report, &known).evidence.remove(0)
    }

    #[test]
    fn a_line_is_there_if_its_file_has_so_many() {
        let fault = |file: &str, line, end| evidence(file, line, end, None).fault;
        for (file, line, end) in
            [("src/lib.rs", 1, None), ("./src/lib.rs", 1, Some(3)), ("/work/tree/src/lib.rs", 3, None)]
        {
            assert_eq!(fault(file, line, end), None, "{file}:{line}");
        }
        for (line, end) in [(0, None), (4, None), (2, Some(4))] {
            assert_eq!(fault("src/lib.rs", line, end), Some(EvidenceFault::NoLine { lines: 3 }));
        }
        for file in ["gone.rs", "never-looked-at.rs", "../src/lib.rs", ""] {
            assert_eq!(fault(file, 1, None), Some(EvidenceFault::NoFile), "{file}");
        }
        assert_eq!(evidence("src/lib.rs", 2, Some(1), None).last_line, 2, "a range does not end before it begins");
    }

    #[test]
    fn a_report_has_lines_too() {
        let report = Some("# Findings\n\nIt is in `src/lib.rs`.");
        for file in ["report.md", "/work/task/context/02-report.md"] {
            let named = evidence(file, 3, None, report);
            assert_eq!((named.place, named.fault), (EvidencePlace::Report, None));
        }
        assert_eq!(evidence("report.md", 4, None, report).fault, Some(EvidenceFault::NoLine { lines: 3 }));
        assert_eq!(evidence("report.md", 1, None, None).place, EvidencePlace::File("report.md".to_owned()));
    }

    #[test]
    fn lines_are_counted_with_and_without_a_line_feed_at_the_end() {
        let texts = ["", "a", "a\n", "a\nb", "\n\n"];
        assert_eq!(texts.map(|text| count(text.as_bytes())), [0, 1, 1, 2, 2]);
    }
}

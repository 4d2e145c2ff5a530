//! Finds the directive that a command's argument names.

use super::CliError;
use crate::store::overview::Summary;
use adjutant_domain::text::edit_distance;

/// How many candidates an error message names.
const CANDIDATES: usize = 4;
/// The shortest prefix of an id that is accepted as an id.
const SHORTEST_ID: usize = 6;

/// The name that people use for a directive.
pub(super) fn name(summary: &Summary) -> String {
    if summary.ordinal > 1 {
        format!("{}#{}-{}", summary.repo, summary.issue, summary.ordinal)
    } else {
        format!("{}#{}", summary.repo, summary.issue)
    }
}

/// Whether a repository has this name, with or without its owner.
pub(super) fn is_repo(summary: &Summary, repo: &str) -> bool {
    let short = summary.repo.split_once('/').map_or("", |(_, short)| short);
    summary.repo.eq_ignore_ascii_case(repo) || short.eq_ignore_ascii_case(repo)
}

/// The directive that `word` names. `all` is sorted newest first.
pub(super) fn find<'a>(all: &'a [Summary], word: &str) -> Result<&'a Summary, CliError> {
    let by_id = |summary: &&Summary| {
        let id = summary.id.to_string();
        word.len() >= SHORTEST_ID && id.starts_with(&word.to_ascii_lowercase())
    };
    let found: Vec<&Summary> = match Issue::parse(word) {
        Some(issue) => issue.newest_of(all),
        None => all.iter().filter(by_id).collect(),
    };
    // A word of digits may be an issue's number or the prefix of an id.
    let found = if found.is_empty() { all.iter().filter(by_id).collect() } else { found };
    match found[..] {
        [only] => Ok(only),
        [] => Err(unknown(all, word)),
        _ => {
            let names: Vec<String> =
                found.iter().take(CANDIDATES).map(|it| format!("{} ({})", name(it), it.id)).collect();
            Err(CliError::Work(format!("`{}` may be any of {}: say which", super::text::plain(word), names.join(", "))))
        }
    }
}

/// `#12`, `12`, `widgets#12`, `acme/widgets#12`, each with `-2` for the issue's second directive.
struct Issue<'a> {
    repo: Option<&'a str>,
    number: u64,
    ordinal: Option<u32>,
}

impl<'a> Issue<'a> {
    fn parse(word: &'a str) -> Option<Self> {
        let (repo, rest) = word.split_once('#').unwrap_or(("", word));
        let (number, ordinal) = match rest.split_once('-') {
            Some((number, ordinal)) => (number, Some(ordinal.parse().ok()?)),
            None => (rest, None),
        };
        let repo = Some(repo).filter(|repo| !repo.is_empty());
        Some(Self { repo, number: number.parse().ok()?, ordinal })
    }

    /// The newest directive of each matching issue, or those with this ordinal.
    fn newest_of<'b>(&self, all: &'b [Summary]) -> Vec<&'b Summary> {
        let meant = |summary: &&Summary| {
            summary.issue == self.number
                && self.repo.is_none_or(|repo| is_repo(summary, repo))
                && self.ordinal.is_none_or(|ordinal| summary.ordinal == ordinal)
        };
        let mut newest: Vec<&Summary> = Vec::new();
        for summary in all.iter().filter(meant) {
            match newest.iter_mut().find(|known| known.repo == summary.repo) {
                Some(known) if known.ordinal < summary.ordinal => *known = summary,
                Some(_) => {}
                None => newest.push(summary),
            }
        }
        newest
    }
}

fn unknown(all: &[Summary], word: &str) -> CliError {
    let distance = |summary: &Summary| {
        let short = format!("#{}", summary.issue);
        let names = [name(summary), short, summary.id.to_string()];
        names.iter().map(|name| edit_distance(word, name)).min().unwrap_or(usize::MAX)
    };
    let mut nearest: Vec<_> = all.iter().collect();
    nearest.sort_by_key(|summary| distance(summary));
    let names: Vec<String> = nearest.into_iter().take(CANDIDATES).map(name).collect();
    let word = super::text::plain(word);
    CliError::Work(if names.is_empty() {
        format!("there is no directive `{word}`, and none at all yet: set the label on an issue to start one")
    } else {
        format!(
            "there is no directive `{word}`; the nearest are {}: `adjutant directive list --all` has all",
            names.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::list::tests::summary;

    fn all() -> Vec<Summary> {
        vec![
            summary("acme/widgets", 12, 2),
            summary("acme/gears", 12, 1),
            summary("acme/widgets", 12, 1),
            summary("acme/widgets", 7, 1),
        ]
    }

    fn found(word: &str) -> Result<String, String> {
        find(&all(), word).map(name).map_err(|error| error.to_string())
    }

    #[test]
    fn a_directive_is_known_by_issue_repository_ordinal_or_the_beginning_of_its_id() {
        assert_eq!(found("#7").unwrap(), "acme/widgets#7");
        assert_eq!(found("7").unwrap(), "acme/widgets#7");
        assert_eq!(found("Widgets#12").unwrap(), "acme/widgets#12-2");
        assert_eq!(found("acme/widgets#12-1").unwrap(), "acme/widgets#12");
        let id = all()[1].id.to_string();
        assert_eq!(found(&id).unwrap(), "acme/gears#12");
        assert_eq!(found(&id[..8].to_uppercase()).unwrap(), "acme/gears#12");
    }

    #[test]
    fn ambiguous_names_are_refused_with_the_candidates() {
        let error = found("#12").unwrap_err();
        assert!(
            error.starts_with("`#12` may be any of acme/widgets#12-2 (") && error.contains("acme/gears#12 ("),
            "{error}"
        );
    }

    #[test]
    fn an_unknown_one_is_reported_with_the_nearest() {
        let error = found("acme/widget#7").unwrap_err();
        assert!(error.starts_with("there is no directive `acme/widget#7`; the nearest are acme/widgets#7,"), "{error}");
        assert!(find(&[], "#1").unwrap_err().to_string().contains("none at all yet"));
    }
}

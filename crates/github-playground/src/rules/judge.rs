//! Compares requirements with facts, and words what is missing as GitHub does.

use crate::{git::MergeMethod, state::State};

use super::{
    demands::{Demands, Source},
    facts::{Facts, Report, Standing},
};

/// One unmet requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Block {
    /// A requirement about checks.
    Checks(String),
    /// A requirement about reviews.
    Reviews(String),
    /// Only the merge queue may merge here.
    Queue,
    /// Another requirement that can be met on the pull request.
    Other(String),
    /// The head lacks commits of the base.
    Behind,
    /// This merge method is not allowed here.
    Method(MergeMethod),
}

/// All unmet requirements of one protection or one ruleset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) source: Source,
    pub(crate) blocks: Vec<Block>,
}

impl Block {
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Checks(text) | Self::Reviews(text) | Self::Other(text) => text.clone(),
            Self::Queue => QUEUE.to_owned(),
            Self::Behind => "Head branch is out of date. Review and try the merge again.".to_owned(),
            Self::Method(method) => method_refused(*method).to_owned(),
        }
    }
}

/// GitHub's message for a change that bypasses the merge queue.
pub(super) const QUEUE: &str = "Changes must be made through the merge queue";

/// The message for a merge method that the repository or a rule does not allow.
pub(crate) fn method_refused(method: MergeMethod) -> &'static str {
    match method {
        MergeMethod::Merge => "Merge commits are not allowed on this repository.",
        MergeMethod::Squash => "Squash merges are not allowed on this repository.",
        MergeMethod::Rebase => "Rebase merges are not allowed on this repository.",
    }
}

/// All unmet requirements in one message: the sentences of protections in a row, and those of rulesets each in a
/// paragraph under a heading.
pub(crate) fn message(refused: &[Refused]) -> String {
    let of = |source: Source| sentences(refused.iter().filter(|all| all.source == source));
    let protection = of(Source::Protection);
    if !protection.is_empty() {
        return protection.join(" ");
    }
    format!("Repository rule violations found\n\n{}\n\n", of(Source::Ruleset).join("\n\n"))
}

/// All unmet requirements, one sentence each.
pub(crate) fn sentences<'r>(refused: impl IntoIterator<Item = &'r Refused>) -> Vec<String> {
    let mut sentences: Vec<String> = refused.into_iter().flat_map(|all| &all.blocks).map(Block::message).collect();
    sentences.dedup();
    sentences
}

/// The requirements that forbid a merge, by source. Sources without an unmet requirement are not listed.
pub(crate) fn merge(state: &State, demands: &[Demands], facts: &Facts, method: Option<MergeMethod>) -> Vec<Refused> {
    let login = |id: &u64| match state.teams.get(id) {
        Some(team) => format!("{}/{}", state.account(team.org).login, team.slug),
        None => state.account(*id).login.clone(),
    };
    demands
        .iter()
        .map(|demand| Refused { source: demand.source, blocks: blocks(demand, facts, method, &login) })
        .filter(|refused| !refused.blocks.is_empty())
        .collect()
}

fn blocks(demands: &Demands, facts: &Facts, method: Option<MergeMethod>, login: &dyn Fn(&u64) -> String) -> Vec<Block> {
    let mut found = Vec::new();
    let mut other = |says: bool, text: &str| {
        if says {
            found.push(Block::Other(text.to_owned()));
        }
    };
    other(demands.locked, "Cannot change this locked branch");
    other(demands.unauthorised, super::push::UNAUTHORISED);
    other(demands.no_update, "Cannot update this protected ref.");
    if demands.queue {
        found.push(Block::Queue);
    }
    if demands.strict && facts.behind {
        found.push(Block::Behind);
    }
    if let Some(reviews) = &demands.reviews {
        if let Some(text) = approvals_missing(reviews.approvals, facts) {
            found.push(Block::Reviews(text));
        }
        if reviews.code_owners {
            let waiting = facts.owners_missing.iter().map(|owners| {
                let names: Vec<String> = owners.iter().map(login).collect();
                Block::Reviews(format!("Waiting on code owner review from {}.", names.join(" and/or ")))
            });
            found.extend(waiting);
        }
        if reviews.last_push && !facts.approvals.iter().any(|approver| Some(*approver) != facts.last_pusher) {
            found.push(Block::Reviews(
                "New changes require approval from someone other than the last pusher.".to_owned(),
            ));
        }
    }
    if let Some(text) = checks_missing(demands, &facts.reports) {
        found.push(Block::Checks(text));
    }
    if demands.conversations && facts.open_conversations > 0 {
        let text = match demands.source {
            Source::Protection => "All comments must be resolved.",
            Source::Ruleset => "A conversation must be resolved before this pull request can be merged.",
        };
        found.push(Block::Other(text.to_owned()));
    }
    if let Some(method) = method
        && !allows(demands, method)
    {
        found.push(Block::Method(method));
    }
    found
}

fn allows(demands: &Demands, method: MergeMethod) -> bool {
    let listed = demands.methods.as_ref().is_none_or(|methods| methods.iter().any(|all| all == method.as_str()));
    listed && !(demands.linear && method == MergeMethod::Merge)
}

fn approvals_missing(wanted: u64, facts: &Facts) -> Option<String> {
    let (have, against) = (facts.approvals.len() as u64, facts.objections.len());
    if against > 0 {
        let reviews = if against == 1 { "review" } else { "reviews" };
        return Some(format!("{against} {reviews} requesting changes by reviewers with write access."));
    }
    if have >= wanted {
        return None;
    }
    let (reviews, are) = if wanted == 1 { ("review", "is") } else { ("reviews", "are") };
    Some(format!("At least {wanted} approving {reviews} {are} required by reviewers with write access."))
}

/// The state of a required check in the words of its message; `None` if it has passed. Names ignore case.
pub(super) fn missing(context: &str, app: Option<u64>, reports: &[Report]) -> Option<&'static str> {
    let named: Vec<&Report> = reports.iter().filter(|report| report.context.eq_ignore_ascii_case(context)).collect();
    let meant = named.iter().filter(|report| app.is_none() || report.app == app);
    match meant.map(|report| report.standing).max() {
        None if named.is_empty() => Some("expected"),
        None => Some("foreign"),
        Some(Standing::Passed) => None,
        Some(Standing::Queued) => Some("queued"),
        Some(Standing::InProgress) => Some("in progress"),
        Some(Standing::Pending) => Some("pending"),
        Some(Standing::Failing) => Some("failing"),
    }
}

/// One sentence about all required checks that have not passed. GitHub names a single one, and counts several.
pub(super) fn checks_missing(demands: &Demands, reports: &[Report]) -> Option<String> {
    let standings: Vec<(&str, &'static str)> = demands
        .checks
        .iter()
        .filter_map(|check| Some((check.context.as_str(), missing(&check.context, check.app, reports)?)))
        .collect();
    let (all, total) = (standings.len(), demands.checks.len());
    match standings.as_slice() {
        [] => None,
        [(context, "foreign")] if total == 1 => {
            Some(format!("Required status check \"{context}\" was not set by the expected GitHub app."))
        }
        [(context, word)] if total == 1 => Some(format!("Required status check \"{context}\" is {word}.")),
        several if all == total && several.iter().all(|(_, word)| *word == several[0].1 && *word != "foreign") => {
            Some(format!("{all} of {total} required status checks are {}.", several[0].1))
        }
        several => {
            let mut counts: Vec<String> = Vec::new();
            for word in ["expected", "failing", "foreign", "in progress", "pending", "queued"] {
                let count = several.iter().filter(|(_, all)| *all == word).count();
                let word = if word == "foreign" { "not set by the expected GitHub app" } else { word };
                if count > 0 {
                    counts.push(format!("{count} {word}"));
                }
            }
            let counts = match counts.split_last() {
                Some((last, [])) => last.clone(),
                Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
                None => String::new(),
            };
            Some(format!("{all} of {total} required status checks have not succeeded: {counts}."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{RequiredCheck, RequiredReviews};

    const APP: u64 = 7;

    /// The required checks, the reports, and the expected message.
    type Case<'a> = (&'a [(&'a str, Option<u64>)], &'a [Report], Option<&'a str>);

    fn report(context: &str, app: Option<u64>, standing: Standing) -> Report {
        Report { context: context.to_owned(), app, standing }
    }

    fn checks(source: Source, wanted: &[(&str, Option<u64>)]) -> Demands {
        let checks = wanted.iter().map(|(context, app)| RequiredCheck { context: (*context).to_owned(), app: *app });
        Demands { checks: checks.collect(), ..Demands::none(source) }
    }

    fn reviews(approvals: u64) -> Demands {
        let reviews = RequiredReviews { approvals, ..RequiredReviews::default() };
        Demands { reviews: Some(reviews), ..Demands::none(Source::Protection) }
    }

    fn said(demands: &Demands, facts: &Facts, method: MergeMethod) -> Option<String> {
        let blocks = blocks(demands, facts, Some(method), &|id| format!("person-{id}"));
        let refused = Refused { source: demands.source, blocks };
        (!refused.blocks.is_empty()).then(|| message(&[refused]))
    }

    #[test]
    fn a_required_check_counts_by_its_name_its_app_and_its_newest_result() {
        use Standing::{Failing, InProgress, Passed, Pending, Queued};
        let cases: &[Case] = &[
            (&[("ci", None)], &[], Some("Required status check \"ci\" is expected.")),
            (&[("ci", None)], &[report("ci", None, Passed)], None),
            (&[("Build", Some(APP))], &[report("bUILD", Some(APP), Passed)], None),
            (&[("ci", None)], &[report("ci", Some(APP), Passed)], None),
            (&[("ci", Some(APP))], &[report("ci", Some(APP), Passed)], None),
            (
                &[("ci", Some(APP))],
                &[report("ci", None, Passed), report("ci", Some(8), Passed)],
                Some("Required status check \"ci\" was not set by the expected GitHub app."),
            ),
            (&[("ci", Some(APP))], &[report("ci", None, Failing), report("ci", Some(APP), Passed)], None),
            (
                &[("ci", None)],
                &[report("ci", None, Failing), report("ci", Some(APP), Passed)],
                Some("Required status check \"ci\" is failing."),
            ),
            (&[("ci", None)], &[report("ci", None, Pending)], Some("Required status check \"ci\" is pending.")),
            (&[("ci", None)], &[report("ci", Some(1), Queued)], Some("Required status check \"ci\" is queued.")),
            (
                &[("ci", None)],
                &[report("ci", Some(1), InProgress)],
                Some("Required status check \"ci\" is in progress."),
            ),
            (&[("a", None), ("b", None)], &[], Some("2 of 2 required status checks are expected.")),
            (
                &[("a", None), ("b", None)],
                &[report("a", None, Passed)],
                Some("1 of 2 required status checks have not succeeded: 1 expected."),
            ),
            (
                &[("a", None), ("b", None)],
                &[report("a", None, Failing)],
                Some("2 of 2 required status checks have not succeeded: 1 expected and 1 failing."),
            ),
            (&[("ci", None)], &[report("other", None, Passed)], Some("Required status check \"ci\" is expected.")),
        ];
        for (wanted, reports, expected) in cases {
            let facts = Facts { reports: reports.to_vec(), ..Facts::default() };
            let told = said(&checks(Source::Protection, wanted), &facts, MergeMethod::Merge);
            assert_eq!(told.as_deref(), *expected, "{wanted:?} {reports:?}");
        }
    }

    #[test]
    fn only_reviews_with_write_access_count_and_owners_are_named() {
        let facts = |approvals: &[u64], objections: &[u64]| Facts {
            approvals: approvals.to_vec(),
            objections: objections.to_vec(),
            last_pusher: Some(1),
            owners_missing: vec![vec![4, 5]],
            ..Facts::default()
        };
        let one = "At least 1 approving review is required by reviewers with write access.";
        assert_eq!(said(&reviews(1), &facts(&[], &[]), MergeMethod::Merge).as_deref(), Some(one));
        let two = "At least 2 approving reviews are required by reviewers with write access.";
        assert_eq!(said(&reviews(2), &facts(&[2], &[]), MergeMethod::Merge).as_deref(), Some(two));
        assert_eq!(said(&reviews(1), &facts(&[2], &[]), MergeMethod::Merge), None);
        assert_eq!(said(&reviews(0), &facts(&[], &[]), MergeMethod::Merge), None);
        let against = "1 review requesting changes by reviewers with write access.";
        assert_eq!(said(&reviews(1), &facts(&[2], &[3]), MergeMethod::Merge).as_deref(), Some(against));
        let mut demands = reviews(0);
        let rules = demands.reviews.as_mut().unwrap();
        (rules.code_owners, rules.last_push) = (true, true);
        let both = "Waiting on code owner review from person-4 and/or person-5. \
                    New changes require approval from someone other than the last pusher.";
        assert_eq!(said(&demands, &facts(&[1], &[]), MergeMethod::Merge).as_deref(), Some(both));
    }

    #[test]
    fn a_ruleset_says_it_in_paragraphs_and_a_protection_in_a_row() {
        let mut demands = checks(Source::Ruleset, &[("ci", None)]);
        demands.conversations = true;
        let facts = Facts { open_conversations: 1, ..Facts::default() };
        let told = said(&demands, &facts, MergeMethod::Merge).unwrap();
        assert_eq!(
            told,
            "Repository rule violations found\n\nRequired status check \"ci\" is expected.\n\n\
             A conversation must be resolved before this pull request can be merged.\n\n"
        );
        demands.source = Source::Protection;
        let told = said(&demands, &facts, MergeMethod::Merge).unwrap();
        assert_eq!(told, "Required status check \"ci\" is expected. All comments must be resolved.");
    }

    #[test]
    fn a_linear_history_takes_no_merge_commits_and_strict_checks_no_stale_heads() {
        let linear = Demands { linear: true, ..Demands::none(Source::Protection) };
        let nothing = Facts::default();
        let refused = Some("Merge commits are not allowed on this repository.");
        assert_eq!(said(&linear, &nothing, MergeMethod::Merge).as_deref(), refused);
        assert_eq!(said(&linear, &nothing, MergeMethod::Squash), None);
        let only = Demands { methods: Some(vec!["squash".to_owned()]), ..Demands::none(Source::Protection) };
        assert!(said(&only, &nothing, MergeMethod::Rebase).is_some());
        assert_eq!(said(&only, &nothing, MergeMethod::Squash), None);
        let strict = Demands { strict: true, ..Demands::none(Source::Protection) };
        let behind = Facts { behind: true, ..Facts::default() };
        assert!(said(&strict, &behind, MergeMethod::Merge).unwrap().starts_with("Head branch is out of date"));
        assert_eq!(said(&strict, &nothing, MergeMethod::Merge), None);
    }
}

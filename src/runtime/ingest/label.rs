//! Labels set and removed, issues closed.

use super::{IngestContext, IngestError, Interpretation, IssueLabelled, Target, ignored, one};
use crate::github::{GitHubError, Issue, OpenState, RepoClient, same_label};
use adjutant_domain::{
    actor::Actor,
    brief,
    directive::{Base, Directive},
    ids::Branch,
    policy::{self, Policy, PolicyFault, options},
    signal::{Labelled, PolicyRead, Signal},
    step::Step,
};

/// Where a repository keeps its policy, on its default branch.
const POLICY_PATH: &str = ".github/adjutant.yml";

impl IngestContext<'_> {
    pub(super) async fn labelled(&self, event: IssueLabelled) -> Result<Interpretation, IngestError> {
        let IssueLabelled { issue, title, body, author, label, labels } = event;
        if let Some(interpretation) = self.overridden(issue, &label).await? {
            return Ok(interpretation);
        }
        let (policy, wanted) = policy_of(&self.client).await?;
        if !same_label(&label, &wanted) {
            return Ok(ignored(format!("the label `{label}` is not `{wanted}`")));
        }
        if self.sent_by().await? == Actor::Adjutant {
            return Ok(ignored("Adjutant set the label itself"));
        }
        // Webhooks arrive in any order, and a label that was removed again starts nothing.
        let live = match self.client.issue(issue).await? {
            None => return Ok(ignored(format!("issue {issue} was deleted"))),
            Some(live) if live.state == OpenState::Closed => return Ok(ignored(format!("issue {issue} is closed"))),
            Some(live) if !live.has_label(&wanted) => return Ok(ignored(format!("issue {issue} has lost the label"))),
            Some(live) => live,
        };
        // Labels of the payload count even if they were taken off since: an override only makes the policy stricter.
        let others = labels.iter().chain(live.labels.iter().filter(|label| !labels.contains(label)));
        let mut overrides: Vec<_> = others.filter_map(|label| options::label_override(&wanted, label)).collect();
        overrides.extend(options::overrides(&body));
        let labelled = Labelled {
            repo: self.repo.clone(),
            issue,
            earlier: self.store.count_for_issue(self.repo.id, issue).await?,
            brief: brief::parse(&title, &body),
            title,
            author,
            actor: self.sender().await?,
            base: self.base(policy.as_ref().ok()).await?,
            policy,
            overrides,
            agents: None,
        };
        let target = match self.live_for_issue(issue).await? {
            Some(directive) => Target::Directive(directive.id),
            None => Target::Issue { repo: self.repo.clone(), issue },
        };
        Ok(one(target, Signal::Labelled(Box::new(labelled))))
    }

    /// The policy as it is by now, for a directive that has begun.
    pub(super) async fn policy_read(&self, directive: &Directive, issue: &Issue) -> Result<PolicyRead, GitHubError> {
        let (policy, _) = policy_of(&self.client).await?;
        let trigger = &directive.policy.label;
        let mut overrides: Vec<_> =
            issue.labels.iter().filter_map(|label| options::label_override(trigger, label)).collect();
        overrides.extend(options::overrides(&issue.body));
        let Base { branch, is_default, .. } = directive.base.clone();
        let head = self.client.branch_head_surely(&branch).await?;
        let base = head.map(|sha| Base { branch, sha, is_default });
        Ok(PolicyRead { policy, overrides, agents: None, base })
    }

    /// A label that makes a live directive's policy stricter. Anyone who may set labels may set it.
    async fn overridden(&self, issue: u64, label: &str) -> Result<Option<Interpretation>, IngestError> {
        if !label.contains(':') {
            return Ok(None);
        }
        let Some(directive) = self.live_for_issue(issue).await? else { return Ok(None) };
        let Some(policy_override) = options::label_override(&directive.policy.label, label) else { return Ok(None) };
        let actor = self.sender().await?;
        Ok(Some(one(Target::Directive(directive.id), Signal::PolicyOverridden { actor, policy_override })))
    }

    pub(super) async fn unlabelled(&self, issue: u64, label: &str) -> Result<Interpretation, IngestError> {
        let Some(directive) = self.newest_for_issue(issue).await? else {
            return Ok(ignored(format!("issue {issue} has no directive")));
        };
        if !same_label(label, &directive.policy.label) {
            return Ok(ignored(format!("the label `{label}` is not `{}`", directive.policy.label)));
        }
        if self.client.issue(issue).await?.is_some_and(|live| live.has_label(label)) {
            return Ok(ignored(format!("issue {issue} has the label again")));
        }
        let actor = self.sender().await?;
        Ok(one(Target::Directive(directive.id), Signal::Unlabelled { actor }))
    }

    pub(super) async fn issue_closed(&self, issue: u64) -> Result<Interpretation, IngestError> {
        let Some(directive) = self.newest_for_issue(issue).await? else {
            return Ok(ignored(format!("issue {issue} has no directive")));
        };
        if self.client.issue(issue).await?.is_some_and(|live| live.state == OpenState::Open) {
            return Ok(ignored(format!("issue {issue} is open again")));
        }
        let (actor, final_merged) = self.ended(&directive).await?;
        Ok(one(Target::Directive(directive.id), Signal::IssueClosed { actor, final_merged }))
    }

    pub(super) async fn issue_removed(&self, issue: u64) -> Result<Interpretation, IngestError> {
        let Some(directive) = self.newest_for_issue(issue).await? else {
            return Ok(ignored(format!("issue {issue} has no directive")));
        };
        let (actor, final_merged) = self.ended(&directive).await?;
        Ok(one(Target::Directive(directive.id), Signal::IssueGone { actor, final_merged }))
    }

    /// Who ended the directive, and whether everything was merged before.
    async fn ended(&self, directive: &Directive) -> Result<(Actor, bool), IngestError> {
        // The issue was closed by the merge's keyword or by a person. Either event may come first, so GitHub is asked
        // about the merge.
        let final_merged = self.delivered(directive).await?;
        Ok((self.sent_by().await?, final_merged))
    }

    /// Whether everything for the base was merged: the final pull request, or every step if the steps go straight into
    /// the base.
    async fn delivered(&self, directive: &Directive) -> Result<bool, GitHubError> {
        // The final pull request of an earlier plan may have been merged after all, and its keyword closes the issue.
        for earlier in directive.earlier.iter().filter(|step| step.is_final()) {
            if let Some(pull) = &earlier.pull
                && self.client.pull(pull.number).await?.merged
            {
                return Ok(true);
            }
        }
        let into_base: Vec<&Step> = match &directive.final_step {
            Some(final_step) => vec![final_step],
            None => directive.steps.iter().collect(),
        };
        if into_base.is_empty() || into_base.iter().any(|step| !directive.reaches_base(step) && !step.is_final()) {
            return Ok(false);
        }
        for step in into_base {
            if step.status().is_done() {
                continue;
            }
            let Some(pull) = &step.pull else { return Ok(false) };
            if !self.client.pull(pull.number).await?.merged {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn base(&self, policy: Option<&Policy>) -> Result<Option<Base>, GitHubError> {
        let default = self.client.repository().await?.default_branch;
        let branch = policy.and_then(|policy| policy.base.as_ref()).map_or_else(|| default.clone(), Branch::new);
        let head = self.client.branch_head_surely(&branch).await?;
        Ok(head.map(|sha| Base { is_default: branch == default, branch, sha }))
    }
}

/// The policy or its faults, and the label that starts a directive.
async fn policy_of(client: &RepoClient) -> Result<(Result<Policy, Vec<PolicyFault>>, String), GitHubError> {
    let text = match client.file(POLICY_PATH, None).await {
        Ok(text) => text.unwrap_or_default(),
        Err(GitHubError::NoText { message }) => {
            return Ok((
                Err(vec![PolicyFault::NoText { path: POLICY_PATH.to_owned(), message }]),
                Policy::default().label,
            ));
        }
        Err(error) => return Err(error),
    };
    let policy = policy::parse(&text);
    let label = match &policy {
        Ok(policy) => policy.label.clone(),
        Err(_) => label_line(&text).unwrap_or_else(|| Policy::default().label),
    };
    Ok((policy, label))
}

/// The label that starts a directive in a repository.
pub(in crate::runtime) async fn policy_label(client: &RepoClient) -> Result<String, GitHubError> {
    Ok(policy_of(client).await?.1)
}

/// The label that a broken policy names, so that the person who sets that label is told the policy's faults.
fn label_line(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix("label:"))?;
    let value = value.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_of_a_broken_policy_is_found_all_the_same() {
        assert_eq!(label_line("autonomy: nonsense\nlabel: \"do it\" # ours\n").as_deref(), Some("do it"));
        assert_eq!(label_line("limits:\n  label: nested\n"), None);
        assert_eq!(label_line("label:\n"), None);
    }
}

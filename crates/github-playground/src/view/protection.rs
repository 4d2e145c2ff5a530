//! Protections and rulesets.

use serde_json::{Value, json};

use super::{View, merge, node_id, time};
use crate::state::{
    Actors, BypassMode, Id, Protection, Repo, RequiredCheck, RequiredChecks, RequiredReviews, Ruleset, Switches,
};

/// Which links a list of people has.
#[derive(Clone, Copy)]
pub(crate) enum Listed {
    Plain,
    /// With the URLs of the lists.
    Linked,
}

impl View<'_> {
    /// The protection of a branch in full.
    pub(crate) fn protection(self, repo: &Repo, branch: &str, protection: &Protection) -> Value {
        let url = self.protection_url(repo, branch);
        let Switches {
            linear_history,
            force_pushes,
            deletions,
            block_creations,
            conversation_resolution,
            lock_branch,
            fork_syncing,
            ..
        } = protection.switches;
        let mut value = json!({
            "url": url, "required_signatures": { "url": format!("{url}/required_signatures"), "enabled": false },
            "enforce_admins": self.enforce_admins(repo, branch, protection),
            "required_linear_history": { "enabled": linear_history }, "allow_force_pushes": { "enabled": force_pushes },
            "allow_deletions": { "enabled": deletions }, "block_creations": { "enabled": block_creations },
            "required_conversation_resolution": { "enabled": conversation_resolution },
            "lock_branch": { "enabled": lock_branch }, "allow_fork_syncing": { "enabled": fork_syncing },
        });
        if let Some(checks) = &protection.status_checks {
            value["required_status_checks"] = self.required_checks(repo, branch, checks);
        }
        if let Some(reviews) = &protection.reviews {
            value["required_pull_request_reviews"] = self.required_reviews(repo, branch, reviews);
        }
        if let Some(restrictions) = &protection.restrictions {
            value["restrictions"] = self.actors(restrictions, &format!("{url}/restrictions"), Listed::Linked);
            value["restrictions"]["apps_url"] = json!(format!("{url}/restrictions/apps"));
            // This resource shows only these of an app's permissions.
            for app in value["restrictions"]["apps"].as_array_mut().into_iter().flatten() {
                if let Some(permissions) = app["permissions"].as_object_mut() {
                    permissions
                        .retain(|name, _| ["contents", "issues", "metadata", "single_file"].contains(&name.as_str()));
                }
            }
        }
        value
    }

    fn protection_url(self, repo: &Repo, branch: &str) -> String {
        self.repo_api(repo, &format!("/branches/{branch}/protection"))
    }

    /// Whether it applies to administrators.
    pub(crate) fn enforce_admins(self, repo: &Repo, branch: &str, protection: &Protection) -> Value {
        let url = format!("{}/enforce_admins", self.protection_url(repo, branch));
        json!({ "url": url, "enabled": protection.switches.enforce_admins })
    }

    /// The checks it requires.
    pub(crate) fn required_checks(self, repo: &Repo, branch: &str, checks: &RequiredChecks) -> Value {
        let url = format!("{}/required_status_checks", self.protection_url(repo, branch));
        json!({
            "url": url, "strict": checks.strict, "contexts": contexts(checks), "contexts_url": format!("{url}/contexts"),
            "checks": checks.checks.iter().map(check).collect::<Vec<_>>(),
        })
    }

    /// The reviews it requires.
    pub(crate) fn required_reviews(self, repo: &Repo, branch: &str, reviews: &RequiredReviews) -> Value {
        let base = self.protection_url(repo, branch);
        let mut value = json!({
            "url": format!("{base}/required_pull_request_reviews"), "dismiss_stale_reviews": reviews.dismiss_stale,
            "require_code_owner_reviews": reviews.code_owners, "require_last_push_approval": reviews.last_push,
            "required_approving_review_count": reviews.approvals,
        });
        if let Some(actors) = &reviews.dismissal {
            value["dismissal_restrictions"] =
                self.actors(actors, &format!("{base}/dismissal_restrictions"), Listed::Linked);
        }
        if let Some(actors) = &reviews.bypass {
            value["bypass_pull_request_allowances"] = self.actors(actors, "", Listed::Plain);
        }
        value
    }

    fn actors(self, actors: &Actors, url: &str, listed: Listed) -> Value {
        let users: Vec<Value> = actors.users.iter().map(|id| self.account(*id)).collect();
        let apps = actors.apps.iter().filter_map(|id| self.state.app_by_id(*id));
        let apps: Vec<Value> = apps.map(|app| with_description(self.app(app))).collect();
        let mut value = json!({ "users": users, "teams": [], "apps": apps });
        if let Listed::Linked = listed {
            let links = json!({ "url": url, "users_url": format!("{url}/users"), "teams_url": format!("{url}/teams") });
            merge(&mut value, links);
        }
        value
    }

    /// The short form of a branch's protection.
    pub(crate) fn branch_protection(repo: &Repo, branch: &str) -> Value {
        let protection = repo.rules.protections.get(branch);
        let checks = protection.and_then(|protection| protection.status_checks.clone());
        let everyone = protection.is_some_and(|protection| protection.switches.enforce_admins);
        let level = match (&checks, everyone) {
            (None, _) => "off",
            (Some(_), true) => "everyone",
            (Some(_), false) => "non_admins",
        };
        let checks = checks.unwrap_or_default();
        json!({
            "enabled": protection.is_some(),
            "required_status_checks": {
                "enforcement_level": level, "contexts": contexts(&checks),
                "checks": checks.checks.iter().map(check).collect::<Vec<_>>(),
            },
        })
    }

    /// A protection in webhooks.
    pub(crate) fn protection_rule(self, repo: Id, branch: &str, protection: &Protection) -> Value {
        let level = |on: bool| match (on, protection.switches.enforce_admins) {
            (false, _) => "off",
            (true, false) => "non_admins",
            (true, true) => "everyone",
        };
        let switches = protection.switches;
        let reviews = protection.reviews.clone().unwrap_or_default();
        let checks = protection.status_checks.clone().unwrap_or_default();
        let allowed = protection.restrictions.clone().unwrap_or_default();
        let names: Vec<&str> = allowed.users.iter().map(|id| self.state.account(*id).login.as_str()).collect();
        let mut value = json!({
            "id": protection.id, "repository_id": repo, "name": branch, "created_at": time(protection.created_at),
            "updated_at": time(protection.updated_at), "admin_enforced": switches.enforce_admins,
            "allow_deletions_enforcement_level": if switches.deletions { "everyone" } else { "off" },
            "allow_force_pushes_enforcement_level": if switches.force_pushes { "everyone" } else { "off" },
            "authorized_actor_names": names, "authorized_actors_only": protection.restrictions.is_some(),
            "authorized_dismissal_actors_only": reviews.dismissal.is_some(), "create_protected": switches.block_creations,
            "dismiss_stale_reviews_on_push": reviews.dismiss_stale, "ignore_approvals_from_contributors": false,
        });
        let more = json!({
            "linear_history_requirement_enforcement_level": level(switches.linear_history),
            "lock_branch_enforcement_level": level(switches.lock_branch), "lock_allows_fork_sync": switches.fork_syncing,
            "merge_queue_enforcement_level": "off",
            "pull_request_reviews_enforcement_level": level(protection.reviews.is_some()),
            "require_code_owner_review": reviews.code_owners, "require_last_push_approval": reviews.last_push,
            "required_approving_review_count": reviews.approvals,
            "required_conversation_resolution_level": level(switches.conversation_resolution),
            "required_deployments_enforcement_level": "off", "required_status_checks": contexts(&checks),
            "required_status_checks_enforcement_level": level(protection.status_checks.is_some()),
            "signature_requirement_enforcement_level": "off", "strict_required_status_checks_policy": checks.strict,
        });
        merge(&mut value, more);
        value
    }

    /// A ruleset in the list.
    pub(crate) fn ruleset_listed(self, repo: &Repo, ruleset: &Ruleset) -> Value {
        json!({
            "id": ruleset.id, "name": ruleset.name, "target": ruleset.target, "source_type": "Repository",
            "source": self.full_name(repo), "enforcement": ruleset.enforcement, "node_id": node_id("RRS", ruleset.id),
            "_links": {
                "self": { "href": self.repo_api(repo, &format!("/rulesets/{}", ruleset.id)) },
                "html": { "href": self.repo_web(repo, &format!("/rules/{}", ruleset.id)) },
            },
            "created_at": time(ruleset.created_at), "updated_at": time(ruleset.updated_at),
        })
    }

    /// A ruleset in full. Only administrators of the repository see who may bypass it.
    pub(crate) fn ruleset(self, repo: &Repo, ruleset: &Ruleset, bypass: Option<BypassMode>, is_admin: bool) -> Value {
        let mut value = self.ruleset_listed(repo, ruleset);
        let more = json!({
            "conditions": { "ref_name": { "include": ruleset.include, "exclude": ruleset.exclude } },
            "rules": ruleset.rules,
            "current_user_can_bypass": match bypass {
                None => "never",
                Some(BypassMode::Always) => "always",
                Some(BypassMode::PullRequest) => "pull_requests_only",
            },
        });
        merge(&mut value, more);
        if is_admin {
            value["bypass_actors"] = json!(ruleset.bypass);
        }
        value
    }
}

fn contexts(checks: &RequiredChecks) -> Vec<&str> {
    checks.checks.iter().map(|check| check.context.as_str()).collect()
}

fn check(check: &RequiredCheck) -> Value {
    json!({ "context": check.context, "app_id": check.app })
}

/// Only here an app has a description, if only null.
fn with_description(mut app: Value) -> Value {
    if app["description"].is_null() {
        app["description"] = json!("");
    }
    app
}

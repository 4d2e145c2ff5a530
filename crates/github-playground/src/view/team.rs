//! Full organisations, memberships and teams.

use serde_json::{Value, json};

use super::{View, merge, node_id, time, without};
use crate::state::{Id, Member, OrgRole, Organization, Repo, Role, Team};

/// The `permissions` of this role.
pub(crate) fn permissions(role: Option<Role>) -> Value {
    let may = |least: Role| role.is_some_and(|role| role >= least);
    json!({
        "admin": may(Role::Admin), "maintain": may(Role::Maintain), "push": may(Role::Write),
        "triage": may(Role::Triage), "pull": may(Role::Read),
    })
}

impl View<'_> {
    /// An organisation in its public form.
    pub(crate) fn organization_full(self, id: Id) -> Value {
        let account = self.state.account(id);
        let repos = self.state.repos.values().filter(|repo| repo.owner == id && !repo.private).count();
        let mut value = self.organization(id);
        let more = json!({
            "name": account.name, "company": null, "blog": "", "location": null, "email": account.email,
            "twitter_username": null, "is_verified": false, "has_organization_projects": false,
            "has_repository_projects": false, "public_repos": repos, "public_gists": 0, "followers": 0, "following": 0,
            "html_url": self.urls.web(&format!("/{}", account.login)), "created_at": time(account.created_at),
            "updated_at": time(account.created_at), "archived_at": null, "type": "Organization",
        });
        merge(&mut value, more);
        without(&mut value, &["company", "location", "blog"]);
        value
    }

    /// An organisation in the form for its members.
    pub(crate) fn organization_for_members(self, id: Id, organization: &Organization) -> Value {
        let mut value = self.organization_full(id);
        let more = json!({
            "default_repository_permission": organization.base.map_or("none", Role::name),
            "members_can_create_repositories": true, "members_can_create_public_repositories": true,
            "members_can_create_private_repositories": true, "members_can_create_teams": true,
            "total_private_repos": self.state.repos.values().filter(|repo| repo.owner == id && repo.private).count(),
        });
        merge(&mut value, more);
        value
    }

    /// Somebody's membership in an organisation.
    pub(crate) fn membership(self, org: Id, (user, member): (Id, &Member)) -> Value {
        let (login, who) = (&self.state.account(org).login, &self.state.account(user).login);
        json!({
            "url": self.urls.api(&format!("/orgs/{login}/memberships/{who}")), "state": "active",
            "role": member.role.name(), "organization_url": self.urls.api(&format!("/orgs/{login}")),
            "organization": self.organization(org), "user": self.account(user),
            "permissions": { "can_create_repository": member.role >= OrgRole::Member },
        })
    }

    /// A team without its parent.
    fn team_simple(self, team: &Team) -> Value {
        let login = &self.state.account(team.org).login;
        let url = self.urls.api(&format!("/organizations/{}/team/{}", team.org, team.id));
        json!({
            "id": team.id, "node_id": node_id("T", team.id), "name": team.name, "slug": team.slug,
            "description": team.description, "privacy": team.privacy.name(),
            "notification_setting": if team.notified { "notifications_enabled" } else { "notifications_disabled" },
            "url": url, "html_url": self.urls.web(&format!("/orgs/{login}/teams/{}", team.slug)),
            "members_url": format!("{url}/members{{/member}}"), "repositories_url": format!("{url}/repos"),
            "permission": team.permission.grant(), "type": "organization", "organization_id": team.org,
        })
    }

    /// A team in the list.
    pub(crate) fn team(self, team: &Team) -> Value {
        let mut value = self.team_simple(team);
        let parent = team.parent.and_then(|parent| self.state.teams.get(&parent));
        value["parent"] = parent.map_or(Value::Null, |parent| self.team_simple(parent));
        value
    }

    /// A team in its full form.
    pub(crate) fn team_full(self, team: &Team) -> Value {
        let mut value = self.team(team);
        let repos = self.state.repos.keys().filter(|repo| self.state.team_role(team, **repo).is_some()).count();
        let more = json!({
            "members_count": self.state.team_members(team).len(), "repos_count": repos,
            "created_at": time(team.created_at), "updated_at": time(team.updated_at),
            "organization": self.organization_full(team.org),
        });
        merge(&mut value, more);
        value
    }

    /// A team with its role in one repository.
    pub(crate) fn team_on(self, team: &Team, role: Role) -> Value {
        let mut value = self.team(team);
        value["permission"] = json!(role.grant());
        value["permissions"] = permissions(Some(role));
        value
    }

    /// A repository with a team's role.
    pub(crate) fn repo_of_team(self, repo: &Repo, role: Role) -> Value {
        let mut value = self.repo_for(repo, Some(role));
        value["role_name"] = json!(role.name());
        value
    }

    /// A person with their role in a repository.
    pub(crate) fn collaborator(self, user: Id, role: Option<Role>) -> Value {
        let mut value = self.account(user);
        value["permissions"] = permissions(role);
        value["role_name"] = json!(role.map_or("none", Role::name));
        value
    }
}

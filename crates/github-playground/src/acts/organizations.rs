//! Adds and removes members of organisations and teams, and the repositories of teams.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    app_state::AppState,
    state::{Id, Member, OrgRole, Role, Shown, State, Team, TeamRole},
    view::{View, merge, node_id, permissions, without},
    webhooks::Event,
};

/// An event in an organisation.
struct OrgEvent {
    name: &'static str,
    action: &'static str,
    sender: Id,
    fields: Value,
}

impl AppState {
    /// Sends the event to the apps that are installed on the organisation.
    fn announce_in(self: &Arc<Self>, state: &mut State, org: Id, event: OrgEvent) {
        let here = state.installations.iter().filter(|all| all.account == org && all.suspended.is_none());
        let here: Vec<Id> = here.map(|installation| installation.id).collect();
        let view = View::new(state, &self.urls);
        let mut payload = json!({
            "action": event.action, "organization": view.organization(org), "sender": view.account(event.sender),
        });
        merge(&mut payload, event.fields);
        for installation in here {
            payload["installation"] = json!({ "id": installation, "node_id": node_id("INS", installation) });
            self.deliver(state, event.name, None, installation, &payload);
        }
    }

    /// Makes somebody a member of an organisation, or changes their role. Nobody has to accept an invitation, because
    /// an Enterprise Server adds people at once.
    /// <https://docs.github.com/en/enterprise-server/organizations/managing-membership-in-your-organization/adding-people-to-your-organization>
    pub(crate) fn join(self: &Arc<Self>, state: &mut State, org: Id, user: Id, role: OrgRole, sender: Id) {
        let Some(organization) = state.organizations.get_mut(&org) else { return };
        if let Some(member) = organization.members.get_mut(&user) {
            member.role = role;
            return;
        }
        let member = Member { role, shown: Shown::ToMembers };
        organization.members.insert(user, member);
        self.announce_member(state, org, (user, member), "member_added", sender);
    }

    /// Removes somebody from an organisation, from its teams and from all its repositories.
    /// <https://docs.github.com/en/rest/orgs/members#remove-an-organization-member>
    pub(crate) fn leave(self: &Arc<Self>, state: &mut State, org: Id, user: Id, sender: Id) {
        let Some(member) = state.member(org, user).copied() else { return };
        let teams: Vec<Id> =
            state.teams_of(org).filter(|team| team.members.contains_key(&user)).map(|team| team.id).collect();
        for team in teams {
            self.leave_team(state, team, user, sender);
        }
        for repo in state.repos.values_mut().filter(|repo| repo.owner == org) {
            repo.collaborators.remove(&user);
        }
        if let Some(organization) = state.organizations.get_mut(&org) {
            organization.members.remove(&user);
        }
        self.announce_member(state, org, (user, member), "member_removed", sender);
    }

    fn announce_member(
        self: &Arc<Self>,
        state: &mut State,
        org: Id,
        (user, member): (Id, Member),
        action: &'static str,
        sender: Id,
    ) {
        let mut membership = View::new(state, &self.urls).membership(org, (user, &member));
        without(&mut membership, &["organization", "permissions"]);
        let fields = json!({ "membership": membership });
        self.announce_in(state, org, OrgEvent { name: "organization", action, sender, fields });
    }

    /// Adds somebody to a team, or changes their role in it. A user who is no member of the organisation becomes one.
    pub(crate) fn join_team(self: &Arc<Self>, state: &mut State, team: Id, user: Id, role: TeamRole, sender: Id) {
        let Some(org) = state.teams.get(&team).map(|team| team.org) else { return };
        if state.member(org, user).is_none() {
            self.join(state, org, user, OrgRole::Member, sender);
        }
        let Some(found) = state.teams.get_mut(&team) else { return };
        if found.members.insert(user, role).is_none() {
            self.announce_team_member(state, team, user, "added", sender);
        }
    }

    /// Removes somebody from a team.
    pub(crate) fn leave_team(self: &Arc<Self>, state: &mut State, team: Id, user: Id, sender: Id) {
        if state.teams.get_mut(&team).is_some_and(|team| team.members.remove(&user).is_some()) {
            self.announce_team_member(state, team, user, "removed", sender);
        }
    }

    fn announce_team_member(self: &Arc<Self>, state: &mut State, team: Id, user: Id, action: &'static str, sender: Id) {
        let Some(found) = state.teams.get(&team) else { return };
        let (org, view) = (found.org, View::new(state, &self.urls));
        let fields = json!({ "scope": "team", "team": view.team(found), "member": view.account(user) });
        self.announce_in(state, org, OrgEvent { name: "membership", action, sender, fields });
    }

    /// Creates a team with its first members.
    pub(crate) fn create_team(self: &Arc<Self>, state: &mut State, mut team: Team, sender: Id) -> Id {
        let (id, members) = (team.id, std::mem::take(&mut team.members));
        state.teams.insert(id, team);
        self.announce_team(state, id, "created", sender, json!({}));
        for (user, role) in members {
            self.join_team(state, id, user, role, sender);
        }
        id
    }

    /// Sends the webhook of a team.
    pub(crate) fn announce_team(
        self: &Arc<Self>,
        state: &mut State,
        team: Id,
        action: &'static str,
        sender: Id,
        extra: Value,
    ) {
        let Some(found) = state.teams.get(&team) else { return };
        let (org, mut fields) = (found.org, json!({ "team": View::new(state, &self.urls).team(found) }));
        merge(&mut fields, extra);
        self.announce_in(state, org, OrgEvent { name: "team", action, sender, fields });
    }

    /// Deletes a team and all teams below it.
    pub(crate) fn delete_team(self: &Arc<Self>, state: &mut State, team: Id, sender: Id) {
        for id in state.offspring(team) {
            self.announce_team(state, id, "deleted", sender, json!({}));
        }
        for id in state.offspring(team) {
            state.teams.remove(&id);
        }
    }

    /// Gives a team a role in a repository, or changes it.
    pub(crate) fn give_team(self: &Arc<Self>, state: &mut State, team: Id, repo: Id, role: Role, sender: Id) {
        let Some(found) = state.teams.get_mut(&team) else { return };
        let before = found.repos.insert(repo, role);
        if before == Some(role) {
            return;
        }
        let mut fields = json!({ "repository": self.repo_of_team(state, repo, role) });
        let Some(before) = before else {
            self.announce_team(state, team, "added_to_repository", sender, fields);
            let fields = json!({ "team": View::new(state, &self.urls).team(&state.teams[&team]) });
            self.announce(state, Event { name: "team_add", action: None, repo, sender, fields });
            return;
        };
        let mut from = permissions(Some(before));
        without(&mut from, &["maintain", "triage"]);
        fields["changes"] = json!({ "repository": { "permissions": { "from": from } } });
        self.announce_team(state, team, "edited", sender, fields);
    }

    /// A repository as the events of teams contain it.
    fn repo_of_team(&self, state: &State, repo: Id, role: Role) -> Value {
        let mut shown = View::new(state, &self.urls).repo_for(state.repo_by_id(repo), Some(role));
        without(&mut shown, &["has_discussions", "web_commit_signoff_required"]);
        shown
    }

    /// Removes a repository from a team.
    pub(crate) fn take_from_team(self: &Arc<Self>, state: &mut State, team: Id, repo: Id, sender: Id) {
        let Some(found) = state.teams.get_mut(&team) else { return };
        let Some(role) = found.repos.remove(&repo) else { return };
        let fields = json!({ "repository": self.repo_of_team(state, repo, role) });
        self.announce_team(state, team, "removed_from_repository", sender, fields);
    }

    /// Gives somebody an own role in a repository, or changes it. It takes effect at once.
    pub(crate) fn give_role(self: &Arc<Self>, state: &mut State, repo: Id, user: Id, role: Role, sender: Id) {
        let before = state.repo_mut(repo).collaborators.insert(user, role);
        if before == Some(role) {
            return;
        }
        let (action, changes) = match before {
            None => ("added", json!({ "permission": { "to": role.permission() }, "role_name": { "to": role.name() } })),
            Some(before) => (
                "edited",
                json!({
                    "old_permission": { "from": before.permission() },
                    "permission": { "from": before.permission(), "to": role.permission() },
                }),
            ),
        };
        let member = View::new(state, &self.urls).account(user);
        let fields = json!({ "member": member, "changes": changes });
        self.announce(state, Event { name: "member", action: Some(action), repo, sender, fields });
    }

    /// Removes somebody's own role in a repository. A user who has no other role there is no longer assigned to
    /// anything.
    /// <https://docs.github.com/en/rest/collaborators/collaborators#remove-a-repository-collaborator>
    pub(crate) fn take_role(self: &Arc<Self>, state: &mut State, repo: Id, user: Id, sender: Id) {
        if state.repo_mut(repo).collaborators.remove(&user).is_none() {
            return;
        }
        let fields = json!({ "member": View::new(state, &self.urls).account(user) });
        self.announce(state, Event { name: "member", action: Some("removed"), repo, sender, fields });
        if state.given_role(state.repo_by_id(repo), user).is_some() {
            return;
        }
        state.repo_mut(repo).issues.change_all(|issue| issue.assignees.retain(|assignee| *assignee != user));
    }
}

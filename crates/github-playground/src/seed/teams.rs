//! The people of `acme` in a seed file: its members and its teams.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::file::SeedFile;
use crate::state::{Member, OrgRole, Privacy, Role, Shown, State, Team, TeamRole, slug};

/// A team of `acme`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedTeam {
    pub(super) name: String,
    /// The name of a team earlier in the file.
    pub(super) parent: Option<String>,
    #[serde(default)]
    pub(super) members: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) repositories: BTreeMap<String, String>,
}

fn org_role(word: &str) -> Option<OrgRole> {
    match word {
        "member" => Some(OrgRole::Member),
        "owner" => Some(OrgRole::Owner),
        _ => None,
    }
}

fn team_role(word: &str) -> Option<TeamRole> {
    match word {
        "member" => Some(TeamRole::Member),
        "maintainer" => Some(TeamRole::Maintainer),
        _ => None,
    }
}

impl SeedFile {
    /// Reports the faults of the members and teams. `people` are the logins of all users, in lower case.
    pub(super) fn faults_of_teams(&self, people: &BTreeSet<String>, mut fault: impl FnMut(String)) {
        let known = |login: &str| people.contains(&login.to_ascii_lowercase());
        for (login, role) in &self.members {
            if !known(login) {
                fault(format!("members: `{login}` is not one of the users"));
            }
            if org_role(role).is_none() {
                fault(format!("members: `{role}` is not a role in an organisation; use member or owner"));
            }
        }
        let mut above: BTreeSet<String> = BTreeSet::new();
        for team in &self.teams {
            let at = format!("teams: {}", team.name);
            if team.parent.as_deref().is_some_and(|parent| !above.contains(&slug(parent))) {
                fault(format!("{at}: its parent is no team further up in the file"));
            }
            if slug(&team.name).is_empty() || !above.insert(slug(&team.name)) {
                fault(format!("{at}: its name is empty, or there twice"));
            }
            for (login, role) in &team.members {
                if !known(login) {
                    fault(format!("{at}: the member `{login}` is not one of the users"));
                }
                if team_role(role).is_none() {
                    fault(format!("{at}: `{role}` is not a role in a team; use member or maintainer"));
                }
            }
            for (name, role) in &team.repositories {
                let here = |owner: &str, known: &str| owner == "acme" && known.eq_ignore_ascii_case(name);
                if name != "widgets" && !self.repositories.iter().any(|one| here(&one.owner, &one.name)) {
                    fault(format!("{at}: `{name}` is not a repository of acme"));
                }
                if Role::parse(role).is_none() {
                    fault(format!("{at}: `{role}` is not a role; use read, triage, write, maintain or admin"));
                }
            }
        }
    }

    /// Adds the people to the organisation and its teams. A member of a team is a member of the organisation.
    pub(super) fn plant_teams(&self, state: &mut State) {
        let Some(org) = state.account_by_login("acme").map(|account| account.id) else { return };
        let join = |state: &mut State, login: &str, role: OrgRole| {
            let user = state.add_user(login);
            let members = state.organizations.get_mut(&org).map(|organization| &mut organization.members);
            if let Some(members) = members {
                let member = members.entry(user).or_insert(Member { role, shown: Shown::Publicly });
                member.role = member.role.max(role);
            }
            user
        };
        for (login, role) in &self.members {
            join(state, login, org_role(role).unwrap_or(OrgRole::Member));
        }
        for team in &self.teams {
            let members = team.members.iter().map(|(login, role)| {
                (join(state, login, OrgRole::Member), team_role(role).unwrap_or(TeamRole::Member))
            });
            let members = members.collect();
            let repos = team
                .repositories
                .iter()
                .filter_map(|(name, role)| Some((state.repo("acme", name)?.id, Role::parse(role)?)));
            let repos = repos.collect();
            let parent = team.parent.as_deref().and_then(|parent| state.team(org, &slug(parent))).map(|team| team.id);
            let (id, now) = (state.new_id(), state.now());
            let planted = Team {
                id,
                org,
                name: team.name.clone(),
                slug: slug(&team.name),
                description: None,
                privacy: Privacy::Closed,
                notified: true,
                permission: Role::Read,
                parent,
                members,
                repos,
                created_at: now,
                updated_at: now,
            };
            state.teams.insert(id, planted);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::seed::{SeedError, file::tests::read};

    #[test]
    fn teams_give_roles_to_their_members_and_to_those_below() {
        let file = read(
            "users: [{ login: ada }, { login: bob }]\nmembers: { ada: owner }\nteams:\n\
             - { name: Gear Grinders, members: { ada: maintainer }, repositories: { widgets: triage } }\n\
             - { name: Cogs, parent: Gear Grinders, members: { bob: member } }\n",
        )
        .unwrap();
        let mut state = crate::seed::beginning(&crate::options::PlaygroundApp::default(), None);
        file.plant_teams(&mut state);
        let org = state.account_by_login("acme").unwrap().id;
        let (ada, bob) = (state.add_user("ada"), state.add_user("bob"));
        assert!(state.owns(org, ada) && !state.owns(org, bob) && state.member(org, bob).is_some());
        let cogs = state.team(org, "cogs").unwrap();
        assert_eq!(state.ancestry(cogs).map(|team| team.slug.as_str()).collect::<Vec<_>>(), ["cogs", "gear-grinders"]);
    }

    #[test]
    fn every_fault_of_members_and_teams_is_reported() {
        let text = "members: { eve: king }\nteams:\n\
            - { name: A, parent: Nobody, members: { eve: boss }, repositories: { none: emperor } }\n- { name: a }\n";
        let SeedError::Faults(faults) = read(text).unwrap_err() else { panic!("it was read") };
        let all = faults.join("\n");
        for part in
            ["members: `eve`", "king", "no team further up", "member `eve`", "boss", "`none`", "emperor", "twice"]
        {
            assert!(all.contains(part), "{part} is missing in:\n{all}");
        }
    }
}

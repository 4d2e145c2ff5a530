//! Organisations, members and teams, and a person's effective role in a repository.

use std::collections::{BTreeMap, BTreeSet};

use super::{AccountKind, Id, Repo, Role, State, Time};

/// A member's role in the organisation.
/// <https://docs.github.com/en/organizations/managing-peoples-access-to-your-organization-with-roles/roles-in-an-organization>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OrgRole {
    Member,
    Owner,
}

impl OrgRole {
    /// The `role` of a membership in GitHub's JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Owner => "admin",
        }
    }
}

/// Whether people outside the organisation can see a membership.
/// <https://docs.github.com/en/account-and-profile/setting-up-and-managing-your-personal-account-on-github/managing-your-membership-in-organizations/publicizing-or-hiding-organization-membership>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Publicly,
    ToMembers,
}

/// A member of an organisation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    pub(crate) role: OrgRole,
    pub(crate) shown: Shown,
}

/// The data of an organisation in addition to its account.
#[derive(Debug, Clone)]
pub(crate) struct Organization {
    pub(crate) members: BTreeMap<Id, Member>,
    /// The role of every member in every repository; `None` for no role.
    /// <https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/setting-base-permissions-for-an-organization>
    pub(crate) base: Option<Role>,
}

/// A person's role in a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TeamRole {
    Member,
    Maintainer,
}

impl TeamRole {
    /// The `role` of GitHub's JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Maintainer => "maintainer",
        }
    }
}

/// Who can see a team: all members of the organisation, or only the team's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Privacy {
    Closed,
    Secret,
}

impl Privacy {
    /// The `privacy` of GitHub's JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Secret => "secret",
        }
    }
}

/// A team. <https://docs.github.com/en/organizations/organizing-members-into-teams/about-teams>
#[derive(Debug, Clone)]
pub(crate) struct Team {
    pub(crate) id: Id,
    pub(crate) org: Id,
    pub(crate) name: String,
    pub(crate) slug: String,
    pub(crate) description: Option<String>,
    pub(crate) privacy: Privacy,
    pub(crate) notified: bool,
    /// The default role of the team in a repository.
    pub(crate) permission: Role,
    pub(crate) parent: Option<Id>,
    pub(crate) members: BTreeMap<Id, TeamRole>,
    pub(crate) repos: BTreeMap<Id, Role>,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
}

/// A team's slug, made from its name by GitHub's rules: lower case, accents removed, everything else a hyphen.
pub(crate) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars().flat_map(char::to_lowercase).map(plain) {
        if letter.is_ascii_alphanumeric() || letter == '_' {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// A western European letter without its accent.
fn plain(letter: char) -> char {
    match letter {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' | 'ø' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        other => other,
    }
}

impl State {
    /// The organisation's data, if the account is one.
    pub(crate) fn organization(&self, account: Id) -> Option<&Organization> {
        self.organizations.get(&account)
    }

    /// Somebody's membership in an organisation.
    pub(crate) fn member(&self, org: Id, account: Id) -> Option<&Member> {
        self.organization(org)?.members.get(&account)
    }

    /// Whether somebody owns an organisation, or is the account.
    pub(crate) fn owns(&self, account: Id, user: Id) -> bool {
        account == user || self.member(account, user).is_some_and(|member| member.role == OrgRole::Owner)
    }

    /// The organisations of a person.
    pub(crate) fn organizations_of(&self, user: Id) -> impl Iterator<Item = Id> {
        self.organizations.iter().filter(move |(_, found)| found.members.contains_key(&user)).map(|(id, _)| *id)
    }

    /// The person who acts for an account: itself, or an owner of the organisation.
    pub(crate) fn owner_of(&self, account: Id) -> Id {
        let owner = |(id, member): (&Id, &Member)| (member.role == OrgRole::Owner).then_some(*id);
        self.organization(account).and_then(|found| found.members.iter().find_map(owner)).unwrap_or(account)
    }

    /// The teams of an organisation, oldest first.
    pub(crate) fn teams_of(&self, org: Id) -> impl Iterator<Item = &Team> {
        self.teams.values().filter(move |team| team.org == org)
    }

    /// A team by its slug.
    pub(crate) fn team(&self, org: Id, slug: &str) -> Option<&Team> {
        self.teams_of(org).find(|team| team.slug.eq_ignore_ascii_case(slug))
    }

    /// A team and all its ancestors.
    pub(crate) fn ancestry<'s>(&'s self, team: &'s Team) -> impl Iterator<Item = &'s Team> {
        std::iter::successors(Some(team), |team| self.teams.get(&team.parent?))
    }

    /// The ids of a team and of all its descendants.
    pub(crate) fn offspring(&self, team: Id) -> BTreeSet<Id> {
        let below = |candidate: &&Team| self.ancestry(candidate).any(|above| above.id == team);
        self.teams.values().filter(below).map(|found| found.id).collect()
    }

    /// A team's role in a repository: its own or an inherited one, whichever is higher.
    pub(crate) fn team_role(&self, team: &Team, repo: Id) -> Option<Role> {
        self.ancestry(team).filter_map(|team| team.repos.get(&repo).copied()).max()
    }

    /// Everybody in a team or its descendants, with their role, and whether they are only in a descendant.
    pub(crate) fn team_members(&self, team: &Team) -> BTreeMap<Id, (TeamRole, bool)> {
        let mut members: BTreeMap<Id, (TeamRole, bool)> = BTreeMap::new();
        for id in self.offspring(team.id) {
            for (member, role) in &self.teams[&id].members {
                let inherited = id != team.id;
                let known = members.entry(*member).or_insert((*role, inherited));
                if !inherited {
                    *known = (*role, false);
                }
            }
        }
        members
    }

    /// A person's highest explicit role in a repository: as its owner or an owner of the organisation, as a
    /// collaborator, through a team, or as a member of the organisation. Public read access does not count.
    /// <https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization>
    pub(crate) fn given_role(&self, repo: &Repo, account: Id) -> Option<Role> {
        if self.owns(repo.owner, account) {
            return Some(Role::Admin);
        }
        let own = repo.collaborators.get(&account).copied();
        let base = self.member(repo.owner, account).and_then(|_| self.organization(repo.owner)?.base);
        let teams = self.teams_of(repo.owner).filter(|team| team.members.contains_key(&account));
        let by_team = teams.filter_map(|team| self.team_role(team, repo.id)).max();
        own.max(base).max(by_team)
    }

    /// The role of an account in a repository: the explicit one, or read if the repository is public.
    pub(crate) fn role(&self, repo: &Repo, account: Id) -> Option<Role> {
        let open = (!repo.private).then_some(Role::Read);
        self.given_role(repo, account).max(open)
    }

    /// Everybody with an explicit role in a repository.
    pub(crate) fn people_of(&self, repo: &Repo) -> BTreeMap<Id, Role> {
        let people = self.accounts.values().filter(|account| account.kind == AccountKind::User);
        people.filter_map(|account| Some((account.id, self.given_role(repo, account.id)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn a_slug_is_lower_case_without_accents_and_with_hyphens() {
        assert_eq!(slug("My TEam Näme"), "my-team-name");
        assert_eq!(slug("  a & b!  "), "a-b");
        assert_eq!(slug("%%%"), "");
    }
}

//! Creates accounts: the people of the seed, further users, their tokens and their signatures.

use super::{Account, AccountKind, Id, Role, State};
use crate::git::Signature;

/// The people of the seed with their roles in `acme/widgets`.
pub(crate) const PEOPLE: [(&str, Role); 4] =
    [("maintainer", Role::Admin), ("writer", Role::Write), ("triager", Role::Triage), ("outsider", Role::Read)];

impl State {
    /// A new account.
    pub(crate) fn add_account(&mut self, login: &str, name: &str, kind: AccountKind) -> Id {
        let id = self.new_id();
        // GitHub's no-reply addresses, by which it attributes commits.
        let email = format!("{id}+{login}@users.noreply.github.com");
        let account =
            Account { id, login: login.to_owned(), name: name.to_owned(), email, kind, created_at: self.now() };
        self.accounts.insert(id, account);
        id
    }

    /// A user with the token `playground-<login>`. An existing user stays as it is.
    pub(crate) fn add_user(&mut self, login: &str) -> Id {
        if let Some(account) = self.account_by_login(login) {
            return account.id;
        }
        let mut letters = login.chars();
        let name: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        let id = self.add_account(login, &name, AccountKind::User);
        self.user_tokens.insert(token_of(login), id);
        id
    }

    /// The account's signature for commits.
    pub(crate) fn signature_of(&self, account: Id) -> Signature {
        let account = self.account(account);
        Signature { name: account.name.clone(), email: account.email.clone(), date: self.now() }
    }
}

/// The token of a user of the playground.
pub(crate) fn token_of(login: &str) -> String {
    format!("playground-{login}")
}

//! What has to be installed before a command can be run.

use super::files::Folder;

/// The commands that bring a project's dependencies, as a recipe of its ecosystem gives them.
///
/// Each is run by a shell in the root of the repository, with `HOME` set to the home that the verifiers see later.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setup {
    /// Commands that fetch and install. They may use the network, and each has to succeed.
    pub install: Vec<String>,
    /// Commands that build ahead what every commit needs, without network. None of them has to succeed, because the code
    /// need not be sound yet.
    pub warm: Vec<String>,
    /// The names of the files and folders that are kept of what the commands leave in the tree. Everything that they leave
    /// in the home is kept. What else they build in the tree belongs to one commit.
    pub keeps: Vec<&'static str>,
    /// Whether the result depends on every file of the commit, because code of the project is compiled into it.
    pub whole: bool,
}

impl Setup {
    /// A setup of commands that install.
    pub(super) fn install<S: Into<String>>(commands: impl IntoIterator<Item = S>) -> Self {
        Self { install: commands.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    pub(super) fn warm(mut self, command: impl Into<String>) -> Self {
        self.warm.push(command.into());
        self
    }

    pub(super) fn keeping(mut self, names: &[&'static str]) -> Self {
        self.keeps.extend(names);
        self
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.install.is_empty() && self.warm.is_empty()
    }

    /// Adds another project's setup.
    pub fn and(&mut self, other: Self) {
        let add = |commands: &mut Vec<String>, more: Vec<String>| {
            for command in more {
                if !commands.contains(&command) {
                    commands.push(command);
                }
            }
        };
        add(&mut self.install, other.install);
        add(&mut self.warm, other.warm);
        self.keeps.extend(other.keeps.into_iter().filter(|name| !self.keeps.contains(name)).collect::<Vec<_>>());
        self.whole |= other.whole;
    }

    /// The commands as they are run in the folder.
    pub(super) fn in_folder(self, folder: &Folder<'_>) -> Self {
        let there = |command: String| match folder.path {
            "" => command,
            path => format!("cd {path} && {command}"),
        };
        Self {
            install: self.install.into_iter().map(there).collect(),
            warm: self.warm.into_iter().map(there).collect(),
            ..self
        }
    }
}

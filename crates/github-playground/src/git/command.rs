//! Runs the `git` program without a shell, without configuration except the repository's own, and without prompts.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::GitError;

/// One run of git on one repository.
pub(super) struct Invocation {
    command: Command,
    subcommand: Option<String>,
    input: Vec<u8>,
}

/// The result of a run, whatever its exit status.
pub(super) struct Finished {
    pub(super) code: Option<i32>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
    subcommand: String,
}

impl Invocation {
    pub(super) fn new(git_dir: &Path) -> Self {
        let mut command = Command::new(program());
        command.arg("--literal-pathspecs").arg("--git-dir").arg(git_dir);
        clean_environment(&mut command);
        Self { command, subcommand: None, input: Vec::new() }
    }

    pub(super) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        if self.subcommand.is_none() {
            self.subcommand = Some(arg.as_ref().to_string_lossy().into_owned());
        }
        self.command.arg(arg);
        self
    }

    pub(super) fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    pub(super) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Replaces the configuration that every run has.
    pub(super) fn config(mut self, entries: &[(&str, &str)]) -> Self {
        configure(&mut self.command, entries);
        self
    }

    /// The working directory. The repository must have an absolute path.
    pub(super) fn inside(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// The contents of the program's standard input.
    pub(super) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Runs it to its end. A non-zero exit status is not an error here, because git often uses it as an answer.
    pub(super) async fn finish(mut self) -> Result<Finished, GitError> {
        let subcommand = self.subcommand.unwrap_or_default();
        let io = |source| GitError::Io { what: format!("run `git {subcommand}`"), source };
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(io)?;
        let mut stdin = child.stdin.take().expect("standard input was asked for above");
        let input = self.input;
        // Written while the output is read, because with both pipes full each side would wait for the other. A program
        // may end without reading its input. Its exit status decides, so a broken pipe is no error.
        let feed = async move {
            let _ = stdin.write_all(&input).await;
            drop(stdin);
        };
        let ((), output) = tokio::join!(feed, child.wait_with_output());
        let output = output.map_err(io)?;
        Ok(Finished {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            subcommand,
        })
    }

    /// Runs it and returns its output. Any exit status except 0 is an error.
    pub(super) async fn run(self) -> Result<Vec<u8>, GitError> {
        let finished = self.finish().await?;
        if finished.code == Some(0) { Ok(finished.stdout) } else { Err(finished.into_error()) }
    }

    /// Runs it and returns its only line of output.
    pub(super) async fn line(self) -> Result<String, GitError> {
        let output = self.run().await?;
        Ok(String::from_utf8_lossy(&output).trim_end().to_owned())
    }
}

impl Finished {
    pub(super) fn into_error(self) -> GitError {
        const SHOWN: usize = 500;
        GitError::Failed {
            command: self.subcommand,
            status: self.code.map_or_else(|| "a signal".to_owned(), |code| format!("status {code}")),
            stderr: self.stderr.chars().take(SHOWN).collect(),
        }
    }
}

/// The program's full path, if it is found. With a path the standard library uses `posix_spawn` and not `fork`, which
/// would copy this process's page tables. In a large process that copy is most of the cost of a start.
pub(super) fn program() -> &'static Path {
    static GIT: LazyLock<PathBuf> = LazyLock::new(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut found = std::env::split_paths(&path).map(|folder| folder.join("git"));
        found.find(|file| file.is_absolute() && file.is_file()).unwrap_or_else(|| PathBuf::from("git"))
    });
    &GIT
}

/// Removes all configuration of the machine and the user. Repositories may belong to another user than the server's (a
/// copied data folder, a container's volume). Git refuses them unless `safe.directory` allows it, and it reads that
/// setting only from the command's scope, which these variables set (git-config(1)).
pub(super) fn clean_environment(command: &mut Command) {
    command.env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.envs([
        ("HOME", "/nonexistent"),
        ("LC_ALL", "C"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_NO_REPLACE_OBJECTS", "1"),
    ]);
    configure(command, &[ANY_OWNER]);
}

/// The configuration of every run. Callers of [`configure`] have to repeat it.
pub(super) const ANY_OWNER: (&str, &str) = ("safe.directory", "*");

/// Sets the configuration of the command's scope, and replaces what was set before.
pub(super) fn configure(command: &mut Command, entries: &[(&str, &str)]) {
    command.env("GIT_CONFIG_COUNT", entries.len().to_string());
    for (at, (key, value)) in entries.iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{at}"), key).env(format!("GIT_CONFIG_VALUE_{at}"), value);
    }
}

//! Runs the program `git`, with nothing of its surroundings: no configuration of the user or the system, no hooks, no
//! prompts, no helpers, a time limit, bounded output, and errors that say which kind they are.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::Duration;

use adjutant_domain::input;
use base64::Engine as _;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::files::WalkError;
use super::{programs, secrets};

/// The oldest version whose `merge-tree` merges without a working tree.
pub(super) const OLDEST: (u32, u32) = (2, 38);
/// Local work: minutes are for very large repositories.
const LOCAL: Duration = Duration::from_mins(5);
/// Talking with a remote.
const REMOTE: Duration = Duration::from_mins(15);
const STDERR_BYTES: u64 = 64 * 1024;
/// The most that one command may answer.
const STDOUT_BYTES: u64 = 64 * 1024 * 1024;
/// What `git add` says of a file that no repository takes.
const UNFIT: &[&str] = &["invalid path", "failed to encode", "File name too long"];
/// Variables that say how to reach the network from here.
const NETWORK_VARIABLES: &[&str] =
    &["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE"];

/// A repository on a server.
#[derive(Debug, Clone)]
pub struct Remote {
    /// `https://host/owner/repo.git`, without credentials.
    pub url: String,
    /// An installation token. Goes by the environment, so that no list of processes and no log shows it.
    pub token: Option<SecretString>,
    /// How long it may say nothing at all before it counts as away; a second at least. A server that packs a large repository
    /// says little, and git's own keepalives come every five seconds (`uploadpack.keepAlive` in git-config(1)).
    pub silence: Duration,
}

/// Why git did not do it.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// No `git` in `PATH`, or it cannot be started.
    #[error("the program `git` could not be started ({0}): install git 2.38 or newer")]
    Program(std::io::Error),
    /// It lacks `merge-tree --write-tree`.
    #[error("{0} is too old: install git 2.38 or newer")]
    TooOld(String),
    /// 401 or 403.
    #[error("the server refused the credentials: {0}")]
    AuthFailed(String),
    /// No such repository, or one that the token does not show.
    #[error("the repository or the reference was not found: {0}")]
    NotFound(String),
    /// The server cannot be reached or answered badly; trying again later may help.
    #[error("the server could not be reached: {0}")]
    Network(String),
    /// It took too long and was killed.
    #[error("git {0} took too long and was stopped")]
    TimedOut(String),
    /// It answered more than fits.
    #[error("git {0} answered more than {STDOUT_BYTES} bytes")]
    TooMuch(String),
    /// A commit, branch or name that we will not hand to git.
    #[error("`{0}` is not a valid {1}")]
    Invalid(String, &'static str),
    /// A tree of that name is there already, perhaps with work that was not pushed.
    #[error("a working tree named `{0}` exists already: go on with it, or remove it once its work is pushed")]
    TreeExists(String),
    /// What was left in the working tree cannot be taken in. A sentence for whoever left it.
    #[error("{0}")]
    Unfit(String),
    /// A file of ours.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
    /// Anything else that git said.
    #[error("git {command} failed: {detail}")]
    Failed {
        /// The subcommand.
        command: String,
        /// Its last words.
        detail: String,
    },
}

impl GitError {
    /// Whether the same call may succeed later without anybody mending anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Network(_) | Self::TimedOut(_))
    }

    /// What is wrong with the files that were left, where it is that and nothing of ours: the same files fail again.
    pub fn of_the_files(&self) -> Option<String> {
        match self {
            Self::Unfit(what) => Some(what.clone()),
            Self::TooMuch(_) => Some("more files were left than can be listed".to_owned()),
            Self::Failed { command, detail }
                if command == "add" && UNFIT.iter().any(|words| detail.contains(words)) =>
            {
                Some(format!("git does not take the files that were left: {detail}"))
            }
            _ => None,
        }
    }

    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.display().to_string();
        move |error| Self::Io(path, error)
    }
}

impl From<WalkError> for GitError {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Excess(excess) => Self::Unfit(excess.to_string()),
            WalkError::Io { path, source } => Self::io(&path)(source),
        }
    }
}

/// What a command answered.
#[derive(Debug)]
pub(super) struct GitOutput {
    pub(super) code: i32,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
    command: String,
    remote: bool,
}

impl GitOutput {
    /// The answer, if the command succeeded.
    pub(super) fn ok(self) -> Result<Vec<u8>, GitError> {
        if self.code == 0 { Ok(self.stdout) } else { Err(self.error()) }
    }

    /// The answer as one line of text, if the command succeeded.
    pub(super) fn line(self) -> Result<String, GitError> {
        Ok(input::text(&self.ok()?).trim().to_owned())
    }

    pub(super) fn error(self) -> GitError {
        classify(self.command, &self.stderr, self.remote)
    }
}

/// One command of git.
pub(super) struct Git {
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    stdin: Vec<u8>,
    timeout: Duration,
    name: String,
    cut: Option<u64>,
    remote: bool,
}

impl Git {
    /// `git <subcommand>` on the repository `git_dir`, which is ours.
    pub(super) fn at(git_dir: &Path, subcommand: &str) -> Self {
        Self::bare(subcommand).env("GIT_DIR", git_dir)
    }

    /// `git <subcommand>` on no repository.
    pub(super) fn bare(subcommand: &str) -> Self {
        let settings = [
            "core.hooksPath=/dev/null",
            "core.fsmonitor=false",
            "core.untrackedCache=false",
            "core.quotePath=false",
            "core.symlinks=true",
            "core.fileMode=true",
            "core.autocrlf=false",
            "credential.helper=",
            "gc.auto=0",
            "maintenance.auto=false",
            "advice.detachedHead=false",
            "submodule.recurse=false",
            "fetch.recurseSubmodules=false",
            "protocol.ext.allow=never",
            // A token belongs to the host it was made for, and to no other that this one points to.
            "http.followRedirects=false",
        ];
        let mut args: Vec<OsString> = settings.iter().flat_map(|setting| ["-c".into(), (*setting).into()]).collect();
        args.push(subcommand.into());
        Self {
            args,
            env: Vec::new(),
            stdin: Vec::new(),
            timeout: LOCAL,
            name: subcommand.to_owned(),
            cut: None,
            remote: false,
        }
    }

    pub(super) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub(super) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    pub(super) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    pub(super) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Stops the command after so many bytes of answer, and takes those for the whole.
    pub(super) fn cut(mut self, bytes: u64) -> Self {
        self.cut = Some(bytes);
        self
    }

    /// Lets the command run for this long.
    pub(super) fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Lets the command talk with `remote`, with its credentials.
    pub(super) fn remote(mut self, remote: &Remote) -> Self {
        self.timeout = REMOTE;
        self.remote = true;
        self = self
            .env("GIT_HTTP_LOW_SPEED_LIMIT", "1")
            .env("GIT_HTTP_LOW_SPEED_TIME", remote.silence.as_secs().max(1).to_string());
        if let Some(token) = &remote.token {
            // https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation#about-authentication-as-a-github-app-installation
            let basic =
                base64::engine::general_purpose::STANDARD.encode(format!("x-access-token:{}", token.expose_secret()));
            self = self
                .env("GIT_CONFIG_COUNT", "1")
                .env("GIT_CONFIG_KEY_0", "http.extraHeader")
                .env("GIT_CONFIG_VALUE_0", format!("Authorization: Basic {basic}"));
        }
        for name in NETWORK_VARIABLES {
            if let Some(value) = std::env::var_os(name) {
                self = self.env(name, value);
            }
        }
        self
    }

    pub(super) async fn run(self) -> Result<GitOutput, GitError> {
        let mut command = Command::new(program());
        command.args(&self.args).env_clear().envs([
            ("LC_ALL", "C"),
            ("HOME", "/nonexistent"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ALLOW_PROTOCOL", "https:http:file"),
        ]);
        command.env("PATH", programs::path());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(GitError::Program)?;
        let (mut stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let limit = self.cut.unwrap_or(STDOUT_BYTES);
        let talk = async {
            let feed = async {
                if let Some(mut stdin) = stdin.take() {
                    // A command that does not read all of it closes the pipe; its exit status says why.
                    let _ = stdin.write_all(&self.stdin).await;
                }
            };
            let (stdout, stderr, ()) = tokio::join!(gather(stdout, limit + 1), gather(stderr, STDERR_BYTES), feed);
            (stdout, stderr)
        };
        let finished = tokio::time::timeout(self.timeout, async {
            let (mut stdout, stderr) = talk.await;
            let full = stdout.len() as u64 > limit;
            if full {
                stdout.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
                let _ = child.start_kill();
            }
            (stdout, stderr, full, child.wait().await)
        });
        let (stdout, stderr, full, status) = finished.await.map_err(|_| GitError::TimedOut(self.name.clone()))?;
        let code = status.map_err(GitError::Program)?.code().unwrap_or(-1);
        let code = match (full, self.cut) {
            (true, None) => return Err(GitError::TooMuch(self.name)),
            (true, Some(_)) => 0,
            (false, _) => code,
        };
        let stderr = input::text(&stderr);
        Ok(GitOutput { code, stdout, stderr, command: self.name, remote: self.remote })
    }

    /// Runs it for its answer.
    pub(super) async fn bytes(self) -> Result<Vec<u8>, GitError> {
        self.run().await?.ok()
    }

    /// Runs it for an answer of one line.
    pub(super) async fn line(self) -> Result<String, GitError> {
        self.run().await?.line()
    }
}

/// Reads up to `limit` bytes; when there are more, the rest is left to the command's end.
async fn gather(stream: Option<impl AsyncRead + Unpin>, limit: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        let _ = stream.take(limit).read_to_end(&mut bytes).await;
    }
    bytes
}

fn program() -> &'static Path {
    static GIT: LazyLock<PathBuf> = LazyLock::new(|| programs::which("git").unwrap_or_else(|| "git".into()));
    &GIT
}

/// Which kind of failure git reports. Git has no machine-readable form of its errors; `LC_ALL=C` keeps them English.
fn classify(command: String, stderr: &str, remote: bool) -> GitError {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let detail = secrets::redact(&lines[lines.len().saturating_sub(4)..].join("; "));
    let low = stderr.to_lowercase();
    let says = |words: &[&str]| remote && words.iter().any(|word| low.contains(word));
    if says(&[
        "authentication failed",
        "could not read username",
        "returned error: 401",
        "returned error: 403",
        "permission denied",
    ]) {
        GitError::AuthFailed(detail)
    } else if says(&[
        "repository not found",
        "returned error: 404",
        "does not appear to be a git repository",
        "couldn't find remote ref",
        "not our ref",
        "repository '",
        "does not exist",
    ]) {
        GitError::NotFound(detail)
    } else if says(&[
        "could not resolve",
        "failed to connect",
        "couldn't connect",
        "connection refused",
        "timed out",
        "returned error: 5",
        "returned error: 429",
        "early eof",
        "rpc failed",
        "hung up unexpectedly",
        "connection reset",
        "operation too slow",
        "empty reply",
    ]) {
        GitError::Network(detail)
    } else {
        GitError::Failed { command, detail }
    }
}

/// `text` if it is a full object name.
pub(super) fn sha(text: &str) -> Result<&str, GitError> {
    let hex = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if hex && matches!(text.len(), 40 | 64) { Ok(text) } else { Err(GitError::Invalid(text.to_owned(), "commit")) }
}

/// `text` if it is a branch name that needs no quoting anywhere (stricter than git-check-ref-format(1)).
pub(super) fn branch(text: &str) -> Result<&str, GitError> {
    let plain = text.chars().all(|c| !c.is_control() && !c.is_whitespace() && !"~^:?*[\\'\"".contains(c));
    let parts = text.split('/').all(|part| !part.is_empty() && !part.starts_with(['.', '-']) && !is_lock(part));
    let whole = !text.contains("..") && !text.contains("@{") && !text.ends_with('.') && text.len() <= 200;
    if plain && parts && whole { Ok(text) } else { Err(GitError::Invalid(text.to_owned(), "branch name")) }
}

/// The full name of a branch, or of a reference of ours below `refs/adjutant/`.
pub(super) fn reference(name: &str) -> Result<String, GitError> {
    let name = branch(name)?;
    Ok(if name.starts_with("refs/adjutant/") { name.to_owned() } else { format!("refs/heads/{name}") })
}

fn is_lock(part: &str) -> bool {
    part.rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case("lock"))
}

/// `text` if it can name a folder.
pub(super) fn folder_name(text: &str) -> Result<&str, GitError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if plain && !text.is_empty() && !text.starts_with('.') && text.len() <= 200 {
        Ok(text)
    } else {
        Err(GitError::Invalid(text.to_owned(), "folder name"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_git_could_take_for_options_or_paths_are_refused() {
        assert!(branch("adjutant/7-1/g1-parse").is_ok());
        for bad in ["-x", "a/-x", "a..b", "a b", "a/.b", "", "a//b", "x.lock", "a:b", "@{-1}"] {
            assert!(branch(bad).is_err(), "{bad}");
        }
        assert!(sha(&"a".repeat(40)).is_ok());
        assert!(sha("HEAD").is_err() && sha("--all").is_err());
        assert!(folder_name("12345").is_ok() && folder_name("../x").is_err() && folder_name("a/b").is_err());
    }

    #[test]
    fn failures_are_distinguished() {
        let kind = |text: &str| classify("fetch".to_owned(), text, true);
        assert!(matches!(kind("fatal: Authentication failed for 'https://x/'"), GitError::AuthFailed(_)));
        assert!(matches!(
            kind("fatal: unable to access: The requested URL returned error: 404"),
            GitError::NotFound(_)
        ));
        assert!(matches!(kind("fatal: unable to access: Could not resolve host: x"), GitError::Network(_)));
        assert!(matches!(kind("fatal: bad object"), GitError::Failed { .. }));
    }
}

//! `adjutant check` and `adjutant schema`: check a policy file, a comment, a repository and agents, without settings,
//! database or GitHub.

mod agents;
mod comment;
mod repo;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agents::Which;

use adjutant::agent::{result_schema, task_schema};
use adjutant::report::policy_fault;
use adjutant_domain::policy::{self, FileFault, LineFault};
use clap::{Subcommand, ValueEnum};
use tokio_util::sync::CancellationToken;

#[derive(Debug, Subcommand)]
pub(super) enum Check {
    /// Try the installed agents against a scripted model: no key, no cost
    ///
    /// Each runs unmodified in the sandbox, through the model gateway: an edit and its result, its usage, a resumed session,
    /// refusals, faults of the service, and configuration planted in the tree. Exit status 0: all passed. 1: one did not.
    /// 2: nothing could be tried.
    Agents {
        /// Presets, or files of presets; without them all whose program is in PATH. With --live, agents of the settings
        #[arg(value_name = "AGENT")]
        agents: Vec<String>,
        /// Let the agents of the settings ask their own models once, with their keys, and say what that cost: at most a
        /// dollar each
        #[arg(long)]
        live: bool,
        /// The TOML file with settings, in place of the one that `ADJUTANT_CONFIG` names
        #[arg(long, value_name = "FILE", requires = "live")]
        config: Option<PathBuf>,
    },
    /// Say what commands a comment holds, and what in it is refused
    ///
    /// Reads it as the bot does, and needs no directive. Exit status 0: it was read, whatever it says. 1: GitHub takes no
    /// such comment. 2: it cannot be read.
    Comment {
        /// A file with the comment, a folder of such files, or `-` for standard input
        #[arg(value_name = "FILE|DIR")]
        path: PathBuf,
        /// Print one line of JSON for each file
        #[arg(long)]
        json: bool,
    },
    /// Check a policy file: print what applies, or all its faults
    ///
    /// Exit status 0: it can be used. 1: it has faults, printed as `FILE:LINE`. 2: it cannot be read.
    Policy {
        /// The file; `-` for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Say how a repository's commits are verified, and try it
    ///
    /// Reads the committed files of HEAD. Exit status 0: everything that was run passed. 1: something did not. 2: the
    /// repository cannot be read, or nothing can be run on this machine.
    Repo {
        /// The folder of a git repository
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Run setup and verifiers in the sandbox
        #[arg(long)]
        run: bool,
        /// A folder that keeps what the setup installs, for the next check
        #[arg(long, value_name = "DIR", requires = "run")]
        environments: Option<PathBuf>,
    },
}

/// The most bytes that are read. A larger input is reported as too large.
const MOST_BYTES: u64 = 1 << 20;

pub(super) async fn run(check: &Check, interrupted: &CancellationToken) -> ExitCode {
    match check {
        Check::Agents { agents, live: true, config } => {
            let which = Which::Live { names: agents, variables: crate::environment(), config: config.as_deref() };
            try_agents(which, interrupted).await
        }
        Check::Agents { agents, live: false, .. } => try_agents(Which::Presets(agents), interrupted).await,
        Check::Comment { path, json } => comments(path, if *json { comment::Form::Json } else { comment::Form::Text }),
        Check::Policy { file } => policy_file(file),
        Check::Repo { folder, run, environments } => {
            let act = if *run { repo::Act::Run { environments: environments.as_deref() } } else { repo::Act::Print };
            repository(folder, act, interrupted).await
        }
    }
}

async fn try_agents(which: Which<'_>, interrupted: &CancellationToken) -> ExitCode {
    match agents::check(which, &mut std::io::stdout(), interrupted).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            print_error(&format!("adjutant: {error}"));
            ExitCode::from(2)
        }
    }
}

fn comments(path: &Path, form: comment::Form) -> ExitCode {
    let files = match comment::files(path) {
        Ok(files) => files,
        Err(error) => {
            print_error(&format!("adjutant: `{}` cannot be read: {error}", path.display()));
            return ExitCode::from(2);
        }
    };
    let mut status = 0;
    for file in files {
        let name = path.is_dir().then(|| file.file_name().unwrap_or_default().to_string_lossy().into_owned());
        let bytes = read(&file).map(|(_, bytes)| bytes);
        // A closed pipe, as with `head`, is no error.
        let Ok(outcome) = comment::print(&mut std::io::stdout(), form, name, bytes) else { break };
        if let Err(error) = outcome {
            print_error(&format!("adjutant: `{}` {error}", file.display()));
            status = status.max(error.status());
        }
    }
    ExitCode::from(status)
}

async fn repository(folder: &Path, act: repo::Act<'_>, interrupted: &CancellationToken) -> ExitCode {
    match repo::check(folder, act, &mut std::io::stdout(), interrupted).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            print_error(&format!("adjutant: {error}"));
            ExitCode::from(2)
        }
    }
}

fn policy_file(file: &Path) -> ExitCode {
    let (name, bytes) = match read(file) {
        Ok(found) => found,
        Err(reason) => {
            print_error(&format!("adjutant: `{}` cannot be read: {reason}", file.display()));
            return ExitCode::from(2);
        }
    };
    match stated(&bytes) {
        Ok(stated) => {
            print(&format!("# {name}: this policy can be used. All that holds with it:\n{}", policy::outline(&stated)));
            ExitCode::SUCCESS
        }
        Err(faults) => {
            let line =
                |LineFault { line, fault }: &LineFault| format!("{name}:{line}: {}", policy_fault::of_file(fault));
            let lines: Vec<_> = faults.iter().map(line).collect();
            print(&format!("{}\n", lines.join("\n")));
            ExitCode::from(1)
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum SchemaOf {
    /// `.github/adjutant.yml` of a repository
    Policy,
    /// What an agent reads
    Task,
    /// What an agent writes
    Result,
}

pub(super) fn schema(of: SchemaOf) -> ExitCode {
    let schema = match of {
        SchemaOf::Policy => policy::schema(),
        SchemaOf::Task => task_schema(),
        SchemaOf::Result => result_schema(),
    };
    print(&format!("{schema:#}\n"));
    ExitCode::SUCCESS
}

/// The file's name as it is shown, and its bytes.
fn read(file: &Path) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().take(MOST_BYTES).read_to_end(&mut bytes)?;
        return Ok(("standard input".to_owned(), bytes));
    }
    std::fs::File::open(file)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok((file.display().to_string(), bytes))
}

fn stated(bytes: &[u8]) -> Result<policy::Stated, Vec<LineFault>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count() as u64;
        vec![LineFault { line, fault: FileFault::NotUtf8 }]
    })?;
    policy::read(text)
}

/// Prints to standard output. A closed pipe, as with `head`, is no error.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

#[expect(clippy::print_stderr, reason = "the command line's answer")]
fn print_error(text: &str) {
    eprintln!("{text}");
}

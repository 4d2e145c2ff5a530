//! The command line.

mod check;
#[cfg(feature = "playground")]
mod demo;
mod prices;
#[cfg(feature = "playground")]
mod try_out;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use adjutant::agent::DRIVER;
use adjutant::cli::{self, CalibrationArgs, CliError, CostsArgs, DirectiveArgs, QueueArgs};
use adjutant::serve::serve;
use adjutant::settings::Settings;
use adjutant::workspace::sandbox::network::launcher;
use check::Check;
use clap::{Parser, Subcommand};
#[cfg(feature = "playground")]
use demo::DemoArgs;
use prices::{PricesArgs, PricesError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
#[cfg(feature = "playground")]
use try_out::TryOutArgs;

/// Label an issue, and Adjutant plans the work, opens a pull request for every step, verifies each one, and asks a
/// person before anything important is merged.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Receive GitHub's deliveries and do the work
    #[command(after_help = SETTINGS)]
    Serve {
        /// The TOML file with settings, in place of the one that `ADJUTANT_CONFIG` names
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Check a policy file, the commands of a comment, how a repository is verified, or agents
    #[command(subcommand)]
    Check(Check),
    /// Print the JSON Schema of the policy, for editors, or of an agent's files
    Schema {
        /// Of what
        #[arg(value_enum, default_value = "policy")]
        of: check::SchemaOf,
    },
    /// Run a GitHub on this machine
    #[cfg(feature = "playground")]
    Playground(TryOutArgs),
    /// Show directives: the list, one with its chain, or its history
    Directive(DirectiveArgs),
    /// Show deliveries and effects that failed or are stuck; retry or drop one
    Queue(QueueArgs),
    /// Show what became of what was proposed green or yellow: merged unchanged, reworked, closed or reverted
    Calibration(CalibrationArgs),
    /// Show what agents spent on models: by directive, repository, agent, model, step type or day
    Costs(CostsArgs),
    /// Take over a newer table of what models cost
    Prices(PricesArgs),
    /// Show the main job end to end on this machine, with nothing configured
    #[cfg(feature = "playground")]
    Demo(DemoArgs),
    /// Run the demo's agent
    #[cfg(feature = "playground")]
    #[command(hide = true)]
    DemoAgent,
}

/// What `adjutant serve --help` says of settings.
const SETTINGS: &str = "\
Settings come from the environment, and below it from the TOML file. Required are ADJUTANT_APP_ID,
ADJUTANT_PRIVATE_KEY or ADJUTANT_PRIVATE_KEY_FILE, and ADJUTANT_WEBHOOK_SECRET or
ADJUTANT_WEBHOOK_SECRET_FILE. Without DATABASE_URL a private Postgres is run in ADJUTANT_DATA_DIR.";

fn main() -> ExitCode {
    close_inherited_descriptors();
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next();
    if first.as_deref().is_some_and(|first| first == launcher::SUBCOMMAND) {
        return launcher::run(arguments);
    }
    if first.is_some_and(|first| first == DRIVER) {
        return agent_presets::driver::run(&PathBuf::from(arguments.next().unwrap_or_default()));
    }
    let command = Cli::parse().command;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match (runtime, command) {
        (_, Command::Schema { of }) => return check::schema(of),
        (Ok(runtime), Command::Check(check)) => return runtime.block_on(run_check(&check)),
        (Ok(runtime), Command::Serve { config }) => runtime.block_on(run_serve(config.as_deref())),
        #[cfg(feature = "playground")]
        (Ok(runtime), Command::Playground(args)) => runtime.block_on(run_playground(&args)),
        (Ok(runtime), Command::Directive(args)) => runtime.block_on(run_directive(&args)),
        (Ok(runtime), Command::Queue(args)) => runtime.block_on(run_queue(&args)),
        (Ok(runtime), Command::Calibration(args)) => runtime.block_on(run_calibration(&args)),
        (Ok(runtime), Command::Costs(args)) => runtime.block_on(run_costs(&args)),
        (Ok(_), Command::Prices(args)) => run_prices(&args),
        #[cfg(feature = "playground")]
        (Ok(runtime), Command::Demo(args)) => runtime.block_on(run_demo(&args)),
        #[cfg(feature = "playground")]
        (Ok(_), Command::DemoAgent) => demo::run_agent().map_err(Failure::work),
        (Err(error), _) => Err(Failure::Work(format!("cannot start: {error}"))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Whatever started this process may have left descriptors open, and every child would inherit them: a sandbox would hold
/// a file or a socket of the host. Ours are opened later, and closed when a child starts.
fn close_inherited_descriptors() {
    let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers: Vec<i32> = open.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|number| *number > 2) {
        // The descriptor of the listing itself is closed already.
        let _ = nix::unistd::close(number);
    }
}

/// A failure, by its exit status.
enum Failure {
    /// The operator has to fix the settings: status 2.
    Settings(String),
    /// The command failed: status 1.
    Work(String),
}

impl Failure {
    fn of_command(error: CliError) -> Self {
        match error {
            CliError::Operator(text) => Self::Settings(text),
            CliError::Work(text) => Self::Work(text),
        }
    }

    fn work(error: impl std::fmt::Display) -> Self {
        Self::Work(error.to_string())
    }

    #[expect(clippy::print_stderr, reason = "the command line's answer, where no log may be set up")]
    fn report(self) -> ExitCode {
        let (text, code) = match self {
            Self::Settings(text) => (text, 2),
            Self::Work(text) => (text, 1),
        };
        eprintln!("adjutant: {text}");
        ExitCode::from(code)
    }
}

async fn run_check(check: &Check) -> ExitCode {
    match stop_on_signals() {
        Ok(interrupted) => check::run(check, &interrupted).await,
        Err(error) => Failure::work(error).report(),
    }
}

async fn run_serve(config: Option<&Path>) -> Result<(), Failure> {
    let settings = Settings::load(environment(), config).map_err(|error| Failure::Settings(error.to_string()))?;
    let secrets = [settings.webhook_secret.clone()];
    adjutant::logging::init(&settings.log, &secrets).map_err(|error| Failure::Settings(error.to_string()))?;
    let shutdown = stop_on_signals().map_err(|error| Failure::Work(format!("cannot listen for signals: {error}")))?;
    let (ready, _) = oneshot::channel();
    serve(settings, shutdown, ready).await.map_err(|error| Failure::Work(error.to_string()))
}

#[cfg(feature = "playground")]
async fn run_playground(args: &TryOutArgs) -> Result<(), Failure> {
    let interrupted = stop_on_signals().map_err(Failure::work)?;
    try_out::run(args, environment(), interrupted).await.map_err(Failure::work)
}

async fn run_directive(args: &DirectiveArgs) -> Result<(), Failure> {
    let interrupted = stop_on_signals().map_err(Failure::work)?;
    let mut out = std::io::stdout();
    cli::directive(args, environment(), &mut out, &interrupted).await.map_err(Failure::of_command)
}

async fn run_queue(args: &QueueArgs) -> Result<(), Failure> {
    let interrupted = stop_on_signals().map_err(Failure::work)?;
    let mut out = std::io::stdout();
    cli::queue(args, environment(), &mut out, &interrupted).await.map_err(Failure::of_command)
}

async fn run_calibration(args: &CalibrationArgs) -> Result<(), Failure> {
    let interrupted = stop_on_signals().map_err(Failure::work)?;
    let mut out = std::io::stdout();
    cli::calibration(args, environment(), &mut out, &interrupted).await.map_err(Failure::of_command)
}

async fn run_costs(args: &CostsArgs) -> Result<(), Failure> {
    let interrupted = stop_on_signals().map_err(Failure::work)?;
    let mut out = std::io::stdout();
    cli::costs(args, environment(), &mut out, &interrupted).await.map_err(Failure::of_command)
}

fn run_prices(args: &PricesArgs) -> Result<(), Failure> {
    prices::run(args, environment(), &mut std::io::stdout()).map_err(|error| match error {
        PricesError::Settings(error) => Failure::Settings(error.to_string()),
        error => Failure::work(error),
    })
}

#[cfg(feature = "playground")]
async fn run_demo(args: &DemoArgs) -> Result<(), Failure> {
    let filter = std::env::var("ADJUTANT_LOG").unwrap_or_else(|_| "error".to_owned());
    let log = adjutant::settings::LogSettings { filter, format: adjutant::settings::LogFormat::Human };
    adjutant::logging::init(&log, &[]).map_err(Failure::work)?;
    let interrupted = stop_on_signals().map_err(Failure::work)?;
    demo::run(args, interrupted).await.map_err(Failure::work)
}

/// The environment. Variables that are not valid Unicode are never ours and are left out.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// A token that SIGTERM or ctrl-C cancels; a second signal ends the process at once.
fn stop_on_signals() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if stop.is_cancelled() {
                std::process::exit(130);
            }
            tracing::info!("stopping; a second signal stops at once");
            stop.cancel();
        }
    });
    Ok(token)
}

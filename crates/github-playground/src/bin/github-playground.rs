//! A program that runs a playground with the default app.

use std::process::ExitCode;

use clap::Parser;
use github_playground::PlaygroundArgs;

/// A GitHub on this machine, to try and to test GitHub Apps against
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    args: PlaygroundArgs,
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "the answer of a command line")]
async fn main() -> ExitCode {
    match github_playground::run(Cli::parse().args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("github-playground: {error}");
            ExitCode::FAILURE
        }
    }
}

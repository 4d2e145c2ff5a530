//! A program that runs a scripted model until it is ended.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use scripted_model::{Script, ScriptedModel};

/// A language model on this machine that follows a script
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// Where to listen; port 0 takes any free one
    #[arg(long, default_value = "127.0.0.1:4000")]
    listen: String,
    /// The script as JSON; the default one plans a step and writes greeting.txt
    #[arg(long)]
    script: Option<PathBuf>,
    /// Prints each request as a line of JSON when it is ended by ctrl-C
    #[arg(long)]
    requests: bool,
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "the answer of a command line")]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scripted-model: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), Box<dyn std::error::Error>> {
    let script = match &cli.script {
        Some(path) => serde_json::from_slice(&std::fs::read(path)?)?,
        None => Script::default(),
    };
    let model = ScriptedModel::start_on(&cli.listen, script).await?;
    println!("{}", model.url());
    tokio::signal::ctrl_c().await?;
    if cli.requests {
        for request in model.requests() {
            println!("{}", serde_json::to_string(&request)?);
        }
    }
    Ok(())
}

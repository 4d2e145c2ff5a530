//! Runs the commands of a setup, and takes what they left as a layer.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use adjutant_domain::network::{Hosts, Network, RefusedHost};

use super::{LONGEST, SetupError, SetupFault, Wanted, keep, limits};
use crate::verify;
use crate::workspace::Removal;
use crate::workspace::sandbox::{Exit, Sandbox, SandboxRun};

/// Makes a layer in the empty folder `into`.
pub(super) async fn layer(sandbox: &Sandbox, hosts: &Hosts, wanted: Wanted<'_>, into: &Path) -> Result<(), SetupError> {
    let name = format!("setup-{}", uuid::Uuid::new_v4().simple());
    let tree = wanted.mirror.tree(&name, wanted.commit, "setup").await?;
    let made = async {
        let scratch = into.join("scratch");
        run(sandbox, hosts, wanted, &tree.path(), &scratch).await?;
        let tracked = wanted.mirror.files(wanted.commit).await?.into_iter().map(|entry| entry.path).collect();
        let (from, layer, setup) = (tree.path(), into.to_owned(), wanted.setup.clone());
        let kept = tokio::task::spawn_blocking(move || {
            let home = layer.join("home");
            fs::rename(scratch.join("home"), &home).map_err(SetupError::at(&home))?;
            let kept = layer.join("tree");
            fs::create_dir(&kept).map_err(SetupError::at(&kept))?;
            keep::keep(&from, &kept, &tracked, &setup)?;
            crate::workspace::remove_all(&scratch).map_err(SetupError::at(&scratch))?;
            fs::set_permissions(&layer, fs::Permissions::from_mode(0o755)).map_err(SetupError::at(&layer))
        });
        kept.await.unwrap_or_else(|error| Err(SetupError::at(into)(std::io::Error::other(error))))
    };
    let made = made.await;
    tree.remove(Removal::Disposable);
    made
}

async fn run(
    sandbox: &Sandbox,
    hosts: &Hosts,
    wanted: Wanted<'_>,
    tree: &Path,
    scratch: &Path,
) -> Result<(), SetupError> {
    let deadline = Instant::now() + LONGEST;
    let setup = wanted.setup;
    let install = setup.install.iter().map(|command| (command, true));
    let warm = setup.warm.iter().map(|command| (command, false));
    for (number, (command, installs)) in install.chain(warm).enumerate() {
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
        let argv = ["sh", "-ec", command].map(str::to_owned).to_vec();
        let mut run = SandboxRun::new(argv, tree, wanted.log.with_extension(format!("{number}.log")));
        run.network = if installs { Network::Hosts(hosts.clone()) } else { Network::None };
        run.limits = limits(left);
        run.scratch = Some(scratch.to_owned());
        run.cancel = wanted.cancel.clone();
        let outcome = sandbox.run(run).await?;
        match outcome.exit {
            Exit::Cancelled => return Err(SetupError::Cancelled),
            exit if installs && !exit.success() => {
                let how = exit.to_string();
                return Err(SetupFault {
                    command: command.clone(),
                    how,
                    tail: with_remedy(command, exit, outcome.tail, &outcome.refused),
                }
                .into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// Programs seldom say why a connection failed, and never how this machine gets another toolchain.
fn with_remedy(command: &str, exit: Exit, tail: String, refused: &[RefusedHost]) -> String {
    let hosts: BTreeSet<String> = refused.iter().map(|it| format!("\"{}\"", it.host)).collect();
    if !hosts.is_empty() {
        let hosts = hosts.into_iter().collect::<Vec<_>>().join(", ");
        return format!(
            "{tail}\nAdjutant refused {hosts}: the operator allows hosts by `setup_hosts` below `[network]` in the settings."
        );
    }
    let missing = matches!(exit, Exit::Code(127)).then(|| verify::missing_program(command, &tail));
    match missing.or_else(|| verify::too_old(&tail)) {
        Some(remedy) => format!("{tail}\n{remedy}"),
        None => tail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_what_a_person_can_do() {
        let last = |tail: &str, refused: &[RefusedHost]| {
            with_remedy(
                "mix deps.get",
                Exit::Code(if tail.ends_with("not found") { 127 } else { 1 }),
                tail.to_owned(),
                refused,
            )
            .lines()
            .next_back()
            .unwrap_or_default()
            .to_owned()
        };
        assert_eq!(last("no such package", &[]), "no such package");
        assert!(last("sh: 1: mix: not found", &[]).contains("Install Elixir"));
        assert!(last("go.mod:3: invalid go version '1.24.11'", &[]).starts_with("The Go of this machine"));
    }
}

//! Prepared environments with a real git, real processes and a real sandbox: whose files a layer is made from.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use adjutant::environment::{Environments, SetupError, Wanted};
use adjutant::verify::Setup;
use adjutant::workspace::sandbox::{Mode, Sandbox, SandboxConfig};
use adjutant::workspace::{Mirror, Remote, Workspaces};
use adjutant_domain::network::Hosts;
use tokio_util::sync::CancellationToken;

use crate::support::open_folder;

/// A repository with two commits, its mirror, and an empty shelf.
struct Place {
    folder: tempfile::TempDir,
    environments: Environments,
    mirror: Mirror,
    base: String,
    head: String,
    cancel: CancellationToken,
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let git = Command::new("git")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(git.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&git.stderr));
    String::from_utf8(git.stdout).unwrap().trim().to_owned()
}

impl Place {
    /// The files of the base, and those that the head changes.
    async fn with(base: &[(&str, &str)], head: &[(&str, &str)]) -> Self {
        let folder = open_folder();
        let source = folder.path().join("source");
        std::fs::create_dir(&source).unwrap();
        git(&source, &["init", "-q", "-b", "main"]);
        let mut commits = Vec::new();
        for files in [base, head] {
            for (path, text) in files {
                std::fs::write(source.join(path), text).unwrap();
            }
            git(&source, &["add", "-A"]);
            git(&source, &["commit", "-q", "--allow-empty", "-m", "change"]);
            commits.push(git(&source, &["rev-parse", "HEAD"]));
        }
        let workspaces = Workspaces::open(folder.path().join("workspaces")).unwrap();
        let mirror = workspaces.mirror("1").await.unwrap();
        let url = format!("file://{}", source.display());
        let remote = Remote { url, token: None, silence: Duration::from_mins(1) };
        for commit in &commits {
            mirror.fetch_commit(&remote, commit).await.unwrap();
        }
        let config = SandboxConfig {
            launcher: env!("CARGO_BIN_EXE_adjutant").into(),
            ..SandboxConfig::new(Mode::Bubblewrap, folder.path().join("scratch"))
        };
        let sandbox = Sandbox::probe(config).await.unwrap();
        let environments = Environments::open(&folder.path().join("environments"), sandbox, Hosts::default()).unwrap();
        let [base, head] = commits.try_into().unwrap();
        Self { folder, environments, mirror, base, head, cancel: CancellationToken::new() }
    }

    /// What the layer for a commit has in `~/made`, and whether it is the commit's own.
    async fn made(&self, commit: &str, setup: &str) -> Result<(String, bool), SetupError> {
        let setup = Setup { install: vec![setup.to_owned()], ..Setup::default() };
        let log = self.folder.path().join("logs/setup");
        let wanted = Wanted {
            mirror: &self.mirror,
            repository: "1",
            base: &self.base,
            commit,
            setup: &setup,
            log: &log,
            cancel: &self.cancel,
        };
        let environment = self.environments.prepare(wanted).await?;
        let made: PathBuf = environment.layer().unwrap().join("home/made");
        Ok((std::fs::read_to_string(made).unwrap().trim().to_owned(), environment.own))
    }
}

const SETUP: &str = "sh ./setup.sh";

#[tokio::test]
async fn a_layer_that_others_share_is_made_from_the_base_whoever_asks_first() {
    let base = [("setup.sh", "sh ./part.sh\n"), ("part.sh", "echo base > ~/made\n")];
    // No file that a setup is known by changes, but one that the setup runs.
    let place = Place::with(&base, &[("part.sh", "echo head > ~/made\n")]).await;
    assert_eq!(place.made(&place.head, SETUP).await.unwrap(), ("base".to_owned(), false));
    assert_eq!(place.made(&place.base, SETUP).await.unwrap(), ("base".to_owned(), false));
}

#[tokio::test]
async fn a_commit_that_changes_what_is_installed_has_a_layer_of_its_own() {
    let base = [("setup.sh", "echo base > ~/made\n")];
    let place = Place::with(&base, &[("setup.sh", "echo head > ~/made\n")]).await;
    assert_eq!(place.made(&place.head, SETUP).await.unwrap(), ("head".to_owned(), true));
    assert_eq!(place.made(&place.base, SETUP).await.unwrap(), ("base".to_owned(), false));
}

#[tokio::test]
async fn those_who_waited_for_a_setup_that_failed_do_not_run_it_again() {
    // What a run prints tells it from every other run.
    let place = Place::with(&[("setup.sh", "cat /proc/sys/kernel/random/uuid\nexit 3\n")], &[]).await;
    let fault = async || match place.made(&place.base, SETUP).await {
        Err(SetupError::Fault(fault)) => fault,
        other => panic!("expected a fault of the setup: {other:?}"),
    };
    let (one, other) = tokio::join!(fault(), fault());
    assert!(one.how.contains("status 3"), "{one:?}");
    assert_eq!(one.tail, other.tail);
}

#[tokio::test]
async fn whoever_waits_for_a_setup_can_be_called_off() {
    let place = Place::with(&[("setup.sh", "sleep 30\n")], &[]).await;
    let (one, other, ()) = tokio::join!(place.made(&place.base, SETUP), place.made(&place.base, SETUP), async {
        // Once there is a log, one of the two runs and the other one waits.
        while !place.folder.path().join("logs").exists() {
            tokio::task::yield_now().await;
        }
        place.cancel.cancel();
    });
    for ended in [one, other] {
        assert!(matches!(ended, Err(SetupError::Cancelled)), "{ended:?}");
    }
}

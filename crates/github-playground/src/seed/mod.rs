//! The contents of a new playground: the repository `acme/widgets`, and the additions of a seed file.
//!
//! The files of `acme/widgets` are a small Rust library in `widgets/` beside this module, which can be read, edited and
//! tested there. They are embedded, so that the program needs no other file. Without texts of an app the first commit
//! always has the same sha.

mod beginning;
mod file;
mod plant;
mod teams;

use chrono::{DateTime, Utc};

pub(crate) use beginning::{beginning, plant_ahead};
pub use file::SeedError;
pub(crate) use file::SeedFile;
pub(crate) use plant::ensure_label;

use super::git::{FileWrite, GitError, Repository, Signature};
use super::options::SeedText;

/// The branch that `acme/widgets` starts with.
pub(crate) const DEFAULT_BRANCH: &str = "main";

macro_rules! widgets_files {
    ($($path:literal),* $(,)?) => {
        /// Path and content of every file of `acme/widgets`.
        const WIDGETS: &[(&str, &str)] = &[$(($path, include_str!(concat!("widgets/", $path)))),*];
    };
}

widgets_files![
    ".gitignore",
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "scripts/lint",
    "src/error.rs",
    "src/lib.rs",
    "src/name.rs",
    "src/order.rs",
    "src/quantity.rs",
    "tests/slips.rs",
];

const EXECUTABLES: &[&str] = &["scripts/lint"];

/// The time of the first commit. It is fixed, so that its sha is.
pub(crate) fn first_commit_date() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_604_500, 0).expect("a date in 2026 is one that chrono knows")
}

/// Writes the content of `acme/widgets`, with the texts of the app, as the first commit of an empty repository and returns its
/// sha. The commit's date is [`first_commit_date`], whatever `author` says.
pub(crate) async fn plant_widgets(
    repository: &Repository,
    author: &Signature,
    more: &[SeedText],
) -> Result<String, GitError> {
    let mut files: Vec<FileWrite> = WIDGETS
        .iter()
        .map(|(path, content)| FileWrite {
            path: (*path).to_owned(),
            content: Some(content.as_bytes().to_vec()),
            executable: EXECUTABLES.contains(path),
        })
        .collect();
    for SeedText { path, text } in more {
        if let Some(known) = files.iter_mut().find(|file| file.path == *path) {
            known.content.get_or_insert_default().extend_from_slice(text.as_bytes());
        } else {
            let content = Some(text.as_bytes().to_vec());
            files.push(FileWrite { path: path.clone(), content, executable: false });
        }
    }
    let author = Signature { date: first_commit_date(), ..author.clone() };
    repository.commit_files(DEFAULT_BRANCH, &files, "Read and print order slips", &author).await
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn author() -> Signature {
        let date = DateTime::from_timestamp(1, 0).unwrap();
        Signature { name: "maintainer".into(), email: "maintainer@example.org".into(), date }
    }

    fn files_below(folder: &std::path::Path, prefix: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                files_below(&entry.path(), &format!("{path}/"), found);
            } else {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let mut found = Vec::new();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/seed/widgets");
        files_below(folder.as_ref(), "", &mut found);
        found.retain(|path| !path.starts_with("target/"));
        found.sort();
        assert_eq!(found, WIDGETS.iter().map(|(path, _)| (*path).to_owned()).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn texts_of_the_app_are_files_of_the_first_commit_or_the_end_of_one() {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init(folder.path().join("widgets.git"), DEFAULT_BRANCH).await.unwrap();
        let text = |path: &str, text: &str| SeedText { path: path.to_owned(), text: text.to_owned() };
        let texts = [text(".github/app.yml", "level: 2\n"), text(".gitignore", "/more\n")];
        plant_widgets(&repository, &author(), &texts).await.unwrap();
        let shown = |path: &str| {
            let place = format!("main:{path}");
            let git = Command::new("git").arg("-C").arg(repository.path()).args(["show", &place]).output().unwrap();
            String::from_utf8(git.stdout).unwrap()
        };
        assert_eq!(shown(".github/app.yml"), "level: 2\n");
        assert!(shown(".gitignore").ends_with("\n/more\n") && shown(".gitignore").contains("target"));
    }

    #[tokio::test]
    async fn the_library_passes_its_own_tests_and_house_rules() {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init(folder.path().join("widgets.git"), DEFAULT_BRANCH).await.unwrap();
        let first = plant_widgets(&repository, &author(), &[]).await.unwrap();
        let again = Repository::init(folder.path().join("again.git"), DEFAULT_BRANCH).await.unwrap();
        assert_eq!(plant_widgets(&again, &author(), &[]).await.unwrap(), first, "the first commit is always the same");

        let work = folder.path().join("work");
        let run = |program: &str, args: &[&str]| {
            let output = Command::new(program)
                .args(args)
                .current_dir(if work.exists() { &work } else { folder.path() })
                .env_remove("CARGO_TARGET_DIR")
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{program} {args:?}: {said}");
            said
        };
        run("git", &["clone", "--quiet", "widgets.git", "work"]);
        assert!(run("cargo", &["test", "--offline", "--locked"]).contains("test result: ok"));
        assert!(run("sh", &["scripts/lint"]).contains("clean"));
        assert_eq!(run("git", &["status", "--porcelain"]), "", "what a test run leaves is ignored");

        let broken = work.join("src/name.rs");
        let text = std::fs::read_to_string(&broken).unwrap();
        std::fs::write(&broken, text + &format!("pub fn undocumented() {{}}\n// {}\n", "x".repeat(100))).unwrap();
        let output = Command::new("sh").arg("scripts/lint").current_dir(&work).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1));
        assert!(said.contains("a pub fn without a doc comment") && said.contains("longer than 100 columns"), "{said}");
    }
}

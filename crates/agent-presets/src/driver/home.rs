//! The program's home, its environment and its command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Config;
use crate::preset::Prompt;
use crate::template::{fill, fill_quoted};

/// The driver's own folder in the home.
const OWN: &str = ".adjutant";
/// The longest argument that Linux takes, less one byte for its end.
const ARGUMENT_BYTES: usize = 128 * 1024 - 1;

/// Everything that is there before the program starts.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) args: Vec<OsString>,
    pub(super) env: BTreeMap<String, String>,
}

impl Prepared {
    /// Writes the home's files and fills the templates.
    pub(super) fn new(
        config: &Config,
        session: Option<&str>,
        schema: Option<&Value>,
        prompt: &str,
    ) -> io::Result<Self> {
        let (preset, home) = (&config.preset, &config.home);
        for cleared in &preset.home.clear {
            clear(home, Path::new(cleared), &preset.home.keep)?;
        }
        let schema_file = home.join(OWN).join("schema.json");
        let schema_text = schema.map(ToString::to_string).unwrap_or_default();
        let output = config.max_output_tokens.to_string();
        let (home_text, file_text) = (home.display().to_string(), schema_file.display().to_string());
        let values = [
            ("base_url", config.base_url.trim_end_matches('/')),
            ("key", config.key.as_str()),
            ("model", config.model.as_deref().unwrap_or_default()),
            ("max_output", output.as_str()),
            ("home", home_text.as_str()),
            ("session", session.unwrap_or_default()),
            ("schema", schema_text.as_str()),
            ("schema_file", file_text.as_str()),
        ];
        if schema.is_some() {
            write(&schema_file, schema_text.as_bytes())?;
        }
        for (path, template) in &preset.home.files {
            write(&home.join(path), fill_quoted(template, &values).as_bytes())?;
        }
        let filled = |args: &[String]| args.iter().map(|arg| fill(arg, &values)).collect::<Vec<_>>();
        let model = if config.model.is_some() { filled(&preset.run.model) } else { Vec::new() };
        let structured = if schema.is_some() { filled(&preset.run.structured) } else { Vec::new() };
        let template =
            if session.is_some() && !preset.run.resume.is_empty() { &preset.run.resume } else { &preset.run.args };
        let mut args: Vec<OsString> = template
            .iter()
            .flat_map(|arg| match arg.as_str() {
                "{model_args}" => model.clone(),
                "{structured_args}" => structured.clone(),
                other => vec![fill(other, &values)],
            })
            .map(OsString::from)
            .collect();
        match preset.run.prompt {
            Prompt::Stdin => {}
            Prompt::Argument => args.push(argument(prompt).into()),
            Prompt::File => {
                let path = home.join(OWN).join("prompt.md");
                write(&path, prompt.as_bytes())?;
                args.push(path.into());
            }
        }
        let mut env: BTreeMap<String, String> =
            preset.env.iter().map(|(name, value)| (name.clone(), fill(value, &values))).collect();
        env.insert("HOME".to_owned(), home_text);
        Ok(Self { args, env })
    }
}

/// The prompt as an argument: without NUL, which ends one, and cut where Linux would refuse the program. The end stays,
/// which says how to hand in.
fn argument(prompt: &str) -> String {
    let prompt = prompt.replace('\0', "\u{fffd}");
    if prompt.len() <= ARGUMENT_BYTES {
        return prompt;
    }
    let cut = "\n\n[The middle is left out here, because it is too long.]\n\n";
    let half = (ARGUMENT_BYTES - cut.len()) / 2;
    let head = (0..=half).rev().find(|at| prompt.is_char_boundary(*at)).unwrap_or(0);
    let tail = (prompt.len() - half..=prompt.len()).find(|at| prompt.is_char_boundary(*at)).unwrap_or(prompt.len());
    format!("{}{cut}{}", &prompt[..head], &prompt[tail..])
}

/// Removes `path`, and keeps below it what is to stay. A link is removed, not followed.
fn clear(home: &Path, path: &Path, keep: &[String]) -> io::Result<()> {
    let full = home.join(path);
    let kind = match fs::symlink_metadata(&full) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if keep.iter().any(|kept| path == Path::new(kept)) && !kind.is_symlink() {
        return Ok(());
    }
    if !kind.is_dir() {
        return fs::remove_file(&full);
    }
    if !keep.iter().any(|kept| Path::new(kept).starts_with(path)) {
        return fs::remove_dir_all(&full);
    }
    for entry in fs::read_dir(&full)? {
        clear(home, &path.join(entry?.file_name()), keep)?;
    }
    Ok(())
}

/// Writes a file that only its owner reads. What an earlier run left in its place is removed, also a link.
pub(super) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path)?,
        Ok(_) => fs::remove_file(path)?,
        Err(_) => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(content)
}

/// A file of the driver's own in the home.
pub(super) fn own(home: &Path, name: &str) -> PathBuf {
    home.join(OWN).join(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_the_sessions_of_an_earlier_run_stay_in_the_home() {
        let home = tempfile::tempdir().unwrap();
        for file in
            [".claude/projects/a/s.jsonl", ".claude/settings.json", ".claude/hooks/x", ".claude.json", ".cargo/x"]
        {
            write(&home.path().join(file), b"{}").unwrap();
        }
        let keep = [".claude/projects".to_owned()];
        for path in [".claude", ".claude.json", ".missing"] {
            clear(home.path(), Path::new(path), &keep).unwrap();
        }
        let there = |file: &str| home.path().join(file).exists();
        assert!(there(".claude/projects/a/s.jsonl") && there(".cargo/x"));
        assert!(!there(".claude/settings.json") && !there(".claude/hooks") && !there(".claude.json"));
    }

    #[test]
    fn links_that_a_run_left_are_neither_followed_nor_kept() {
        let home = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("mine"), "mine").unwrap();
        symlink(outside.path(), home.path().join(".claude")).unwrap();
        clear(home.path(), Path::new(".claude"), &[".claude/projects".to_owned()]).unwrap();
        symlink(outside.path().join("mine"), home.path().join("file")).unwrap();
        write(&home.path().join("file"), b"new").unwrap();
        assert_eq!(fs::read_to_string(outside.path().join("mine")).unwrap(), "mine");
        assert!(!home.path().join(".claude").exists());
    }

    #[test]
    fn a_long_prompt_is_cut_in_its_middle_where_it_is_an_argument() {
        let prompt = format!("begin\0{}end", "é".repeat(100_000));
        let cut = argument(&prompt);
        assert!(
            cut.len() <= ARGUMENT_BYTES && cut.starts_with("begin\u{fffd}") && cut.ends_with("end"),
            "{}",
            cut.len()
        );
        assert_eq!(argument("short"), "short");
    }
}

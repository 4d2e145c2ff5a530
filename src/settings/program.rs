//! Where an agent's program is, and what a sandbox has to show so that it runs.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

/// What every sandboxed process sees.
const SYSTEM: [&str; 5] = ["/usr", "/bin", "/sbin", "/lib", "/lib64"];
/// Links and interpreters that are followed.
const DEPTH: usize = 8;
/// Folders that hold programs, of which the folder around them is what belongs together.
const BINS: [&str; 3] = ["bin", ".bin", "sbin"];

/// A program and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located {
    /// Its path, as it was found.
    pub(super) program: PathBuf,
    /// Folders to show.
    pub(super) shown: BTreeSet<PathBuf>,
    /// Folders for `PATH`.
    pub(super) path: Vec<PathBuf>,
}

/// Finds a program by name in `PATH`, or by its path. `None` if it is not there or cannot be executed.
pub(super) fn locate(program: &str, path: Option<&str>) -> Option<Located> {
    let found = if program.contains('/') {
        std::path::absolute(program).ok().filter(|path| is_executable(path))?
    } else {
        std::env::split_paths(path?).map(|folder| folder.join(program)).find(|path| is_executable(path))?
    };
    let mut located = Located { program: found.clone(), shown: BTreeSet::new(), path: Vec::new() };
    located.follow(&found, DEPTH);
    if let Some(folder) = found.parent().filter(|folder| !is_system(folder)) {
        located.path.push(folder.to_owned());
    }
    Some(located)
}

impl Located {
    /// Shows a file, what it links to, and the interpreter that its first line names.
    fn follow(&mut self, file: &Path, depth: usize) {
        if !is_system(file) {
            self.shown.insert(belongs_together(file));
        }
        if depth == 0 {
            return;
        }
        if let Ok(target) = std::fs::read_link(file) {
            let target = file.parent().unwrap_or(Path::new("/")).join(target);
            self.follow(&without_dots(&target), depth - 1);
        } else if let Some(interpreter) = interpreter(file) {
            self.follow(&interpreter, depth - 1);
            if let Some(folder) = interpreter.parent().filter(|folder| !is_system(folder)) {
                self.path.push(folder.to_owned());
            }
        }
    }
}

/// The folder that a program needs: the package's root for npm and its like, the prefix of a `bin`, else its own folder.
fn belongs_together(file: &Path) -> PathBuf {
    let folders = file.ancestors().skip(1);
    if let Some(modules) = folders.filter(|folder| folder.ends_with("node_modules")).last() {
        return modules.to_owned();
    }
    let folder = file.parent().unwrap_or(file);
    let is_bin = folder.file_name().is_some_and(|name| BINS.iter().any(|bin| name == *bin));
    let prefix = folder.parent().filter(|prefix| is_bin && !is_home(prefix));
    prefix.unwrap_or(folder).to_owned()
}

/// Whether a folder is somebody's home, or one of the top: it holds more than a program.
fn is_home(folder: &Path) -> bool {
    let depth = folder.components().filter(|part| matches!(part, Component::Normal(_))).count();
    let top = folder.components().nth(1).is_some_and(|top| top.as_os_str() == "home");
    depth < 2 || (top && depth < 3) || folder.file_name().is_some_and(|name| name == ".local")
}

fn interpreter(file: &Path) -> Option<PathBuf> {
    let mut line = Vec::new();
    BufReader::new(std::fs::File::open(file).ok()?.take(512)).read_until(b'\n', &mut line).ok()?;
    let line = String::from_utf8(line).ok()?;
    let named = PathBuf::from(line.strip_prefix("#!")?.split_whitespace().next()?);
    (named.is_absolute() && !named.ends_with("env")).then_some(named)
}

fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn is_system(path: &Path) -> bool {
    SYSTEM.iter().any(|system| path.starts_with(system))
}

fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn file(root: &Path, path: &str, text: &str) -> PathBuf {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn a_program_of_npm_is_shown_with_its_package_and_its_node() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let nvm = root.join("versions/node/v20");
        file(&nvm, "lib/node_modules/claude/cli.js", "#!/usr/bin/env node\n");
        file(&nvm, "bin/node", "elf");
        symlink("../lib/node_modules/claude/cli.js", nvm.join("bin/claude")).unwrap();
        let located = locate("claude", Some(nvm.join("bin").to_str().unwrap())).unwrap();
        assert_eq!(located.shown, [nvm.clone(), nvm.join("lib/node_modules")].into());
        assert_eq!(located.path, [nvm.join("bin")]);
    }

    #[test]
    fn a_program_of_a_venv_is_shown_with_its_interpreter() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let (venv, python) = (root.join("tools/venv"), root.join("opt/python"));
        file(&python, "bin/python3.11", "elf");
        file(&venv, "bin/aider", &format!("#!{}\n", venv.join("bin/python").display()));
        symlink(python.join("bin/python3.11"), venv.join("bin/python")).unwrap();
        let located = locate(venv.join("bin/aider").to_str().unwrap(), None).unwrap();
        assert_eq!(located.shown, [python, venv].into());
    }

    #[test]
    fn a_home_is_not_shown_whole() {
        for (path, shown) in [
            ("/home/me/bin/agent", "/home/me/bin"),
            ("/home/me/.local/bin/agent", "/home/me/.local/bin"),
            ("/opt/agent/bin/agent", "/opt/agent"),
            ("/root/bin/agent", "/root/bin"),
        ] {
            assert_eq!(belongs_together(Path::new(path)), Path::new(shown));
        }
        assert!(locate("sh", Some("/usr/bin")).unwrap().shown.is_empty());
        assert_eq!(locate("no-such-program", Some("/usr/bin")), None);
    }
}

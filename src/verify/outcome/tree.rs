//! The files of the tree that a verifier ran on, by which a printed path becomes a path of the repository.

use std::collections::BTreeMap;

use crate::workspace::sandbox::TREE;

/// A longer path is none.
pub(super) const PATH_BYTES: usize = 1_000;

/// The files of a tree, and where in it the verifier's command runs.
#[derive(Debug, Default)]
pub struct TreeFiles {
    /// The folder of the command, relative to the root; empty for the root itself.
    folder: String,
    /// Folders outside by which the tree is known, without a slash at the end.
    roots: Vec<String>,
    /// The paths of the files by their last component.
    by_name: BTreeMap<String, Vec<String>>,
}

impl TreeFiles {
    /// A tree with these files, whose paths are relative to its root and use `/`.
    pub fn new(files: impl IntoIterator<Item = String>) -> Self {
        let mut by_name = BTreeMap::<String, Vec<String>>::new();
        for path in files {
            by_name.entry(name(&path).to_owned()).or_default().push(path);
        }
        Self { folder: String::new(), roots: vec![TREE.to_owned()], by_name }
    }

    /// The same tree, also known by the absolute path `root`.
    #[must_use]
    pub fn also_at(mut self, root: &str) -> Self {
        self.roots.push(root.trim_end_matches('/').to_owned());
        self
    }

    /// The same tree with the folder that `command` begins with changing into (`cd FOLDER && …`), if any.
    #[must_use]
    pub fn for_command(mut self, command: &str) -> Self {
        let change = command.trim().strip_prefix("cd ").and_then(|rest| rest.split_once("&&"));
        let folder = change.and_then(|(folder, _)| normal(folder.trim().trim_matches(['"', '\''])));
        self.folder = folder.unwrap_or_default();
        self
    }

    /// The path in the tree that a program means by `printed`, if there is such a file.
    ///
    /// A relative path is relative to the folder of the command or to the root. Many programs print paths relative to a
    /// project below, so the only file whose path ends so counts, too.
    pub(super) fn file(&self, printed: &str) -> Option<String> {
        if printed.len() > PATH_BYTES || printed.contains('\0') {
            return None;
        }
        let path = printed.strip_prefix("file://").unwrap_or(printed);
        if path.starts_with('/') {
            let inside = |root: &String| path.strip_prefix(root.as_str())?.strip_prefix('/');
            let path = normal(self.roots.iter().find_map(inside)?)?;
            return self.has(&path).then_some(path);
        }
        let path = normal(path)?;
        let below = if self.folder.is_empty() { path.clone() } else { format!("{}/{path}", self.folder) };
        let exact = [below, path.clone()].into_iter().find(|path| self.has(path));
        exact.or_else(|| only(self.named(&path).filter(|file| ends_with(file, &path))))
    }

    /// The file of this name in the folder that belongs to a package such as `example.com/module/folder`.
    pub(super) fn file_of_package(&self, package: &str, file: &str) -> Option<String> {
        let folder_of = |path: &str| path.strip_suffix(file).map(|folder| folder.trim_end_matches('/').to_owned());
        let in_package = self.named(file).filter_map(|path| {
            let folder = folder_of(path)?;
            (folder.is_empty() || package == folder || package.ends_with(&format!("/{folder}")))
                .then_some((folder, path))
        });
        // A file of the root is in every package's end, so the longest folder is meant.
        let nearest = in_package.max_by_key(|(folder, _)| folder.len()).map(|(_, path)| path.clone());
        nearest.or_else(|| only(self.named(file)))
    }

    fn has(&self, path: &str) -> bool {
        self.named(path).any(|file| file == path)
    }

    /// All files with the last component of `path`.
    fn named(&self, path: &str) -> impl Iterator<Item = &String> {
        self.by_name.get(name(path)).into_iter().flatten()
    }
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn only<'a>(mut files: impl Iterator<Item = &'a String>) -> Option<String> {
    let first = files.next()?;
    files.next().is_none().then(|| first.clone())
}

fn ends_with(file: &str, path: &str) -> bool {
    file.strip_suffix(path).is_some_and(|before| before.ends_with('/'))
}

/// A relative path without `.` and `..`; `None` where it leads out of its root.
fn normal(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!path.starts_with('/') && !parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> TreeFiles {
        TreeFiles::new(files.iter().map(|file| (*file).to_owned()))
    }

    #[test]
    fn only_a_file_of_the_tree_has_a_path() {
        let tree = tree(&["src/lib.rs", "a/x.py", "b/x.py", "deep/down/only.py"]).also_at("/tmp/clone/");
        let file = |printed: &str| tree.file(printed);
        for printed in
            ["src/lib.rs", "./src/lib.rs", "a/../src//lib.rs", "/work/tree/src/lib.rs", "/tmp/clone/src/lib.rs"]
        {
            assert_eq!(file(printed).as_deref(), Some("src/lib.rs"), "{printed}");
        }
        assert_eq!(file("file:///work/tree/a/x.py").as_deref(), Some("a/x.py"));
        assert_eq!(file("down/only.py").as_deref(), Some("deep/down/only.py"), "the only one that ends so");
        let outside = [
            "",
            ".",
            "..",
            "/",
            "../src/lib.rs",
            "/etc/passwd",
            "/work/tree",
            "/work/tree/../../etc/passwd",
            "/work/treeish/src/lib.rs",
            "x.py",
            "src/gone.rs",
            "n/lib.rs",
            "src/lib.rs\0",
        ];
        for printed in outside {
            assert_eq!(file(printed), None, "{printed}");
        }
        assert_eq!(file(&"a/".repeat(10_000)), None);
    }

    #[test]
    fn a_path_is_relative_to_the_folder_of_the_command_first() {
        let files = ["src/a.ts", "web/src/a.ts"];
        let file = |command: &str| tree(&files).for_command(command).file("src/a.ts").unwrap();
        assert_eq!(file("npm test"), "src/a.ts");
        assert_eq!(file("cd web && npm test"), "web/src/a.ts");
        assert_eq!(file("cd /etc && npm test"), "src/a.ts");
        assert_eq!(file("cd ../.. && npm test"), "src/a.ts");
    }

    #[test]
    fn a_file_of_a_go_package_is_in_the_folder_of_that_package() {
        let tree = tree(&["a_test.go", "sub/a_test.go", "sub/deep/b_test.go"]);
        let file = |package: &str, file: &str| tree.file_of_package(package, file);
        assert_eq!(file("example.com/w", "a_test.go").as_deref(), Some("a_test.go"));
        assert_eq!(file("example.com/w/sub", "a_test.go").as_deref(), Some("sub/a_test.go"));
        assert_eq!(file("example.com/w/elsewhere", "b_test.go").as_deref(), Some("sub/deep/b_test.go"));
        assert_eq!(file("example.com/w", "gone_test.go"), None);
    }
}

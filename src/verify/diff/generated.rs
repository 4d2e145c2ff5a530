//! Files that are generated, as `.gitattributes` marks them.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::workspace::Diff;

/// The files that `.gitattributes` marks with `linguist-generated`.
pub(super) struct Generated(GlobSet);

impl Generated {
    /// Reads the `.gitattributes` of the root.
    pub(super) fn read(attributes: &str) -> Self {
        let mut set = GlobSetBuilder::new();
        for line in attributes.lines().take(10_000) {
            let mut words = line.split_whitespace();
            let Some(pattern) = words.next().filter(|pattern| !pattern.starts_with('#')) else { continue };
            if !words
                .any(|word| matches!(word, "linguist-generated" | "linguist-generated=true" | "linguist-generated=1"))
            {
                continue;
            }
            // As in .gitignore, a pattern without a slash is about names in every folder.
            let glob = match pattern.strip_prefix('/') {
                Some(rooted) => rooted.to_owned(),
                None if pattern.contains('/') => pattern.to_owned(),
                None => format!("**/{pattern}"),
            };
            if let Ok(glob) = GlobBuilder::new(&glob).literal_separator(true).build() {
                set.add(glob);
            }
        }
        Self(set.build().unwrap_or_else(|_| GlobSet::empty()))
    }

    fn has(&self, path: &str) -> bool {
        self.0.is_match(path)
    }

    /// A sentence if only generated files changed.
    pub(super) fn alone(&self, diff: &Diff) -> Option<String> {
        let first = diff.files.first().filter(|_| diff.files.iter().all(|file| self.has(&file.path)))?;
        Some(format!(
            "only generated files changed, such as `{}`, and nothing that they are generated from",
            first.path
        ))
    }
}

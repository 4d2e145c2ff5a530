//! Adjutant's part of a playground: its app, and files and labels for the repositories there.
//!
//! The playground is a separate crate that knows nothing of Adjutant, so whoever starts one (the demo, `adjutant
//! playground`, the tests, the benchmark) passes [`app`]. No other module of the bot uses this one.

use std::path::PathBuf;

use github_playground::{PlaygroundApp, PlaygroundOptions, SeedLabel, SeedText};

/// The label that starts a directive.
pub const LABEL: &str = "directive";

/// The texts in `widgets/` beside this file. The text for the README is appended to the library's own.
const TEXTS: [(&str, &str); 3] = [
    (".github/ISSUE_TEMPLATE/directive.yml", include_str!("widgets/.github/ISSUE_TEMPLATE/directive.yml")),
    (".github/adjutant.yml", include_str!("widgets/.github/adjutant.yml")),
    ("README.md", include_str!("widgets/README.md")),
];

/// Adjutant's app, its issue form and policy in `acme/widgets`, and its label in every repository.
pub fn app() -> PlaygroundApp {
    PlaygroundApp {
        name: "Adjutant".to_owned(),
        slug: "adjutant".to_owned(),
        files: TEXTS.map(|(path, text)| SeedText { path: path.to_owned(), text: text.to_owned() }).to_vec(),
        labels: vec![SeedLabel {
            name: LABEL.to_owned(),
            color: "1d76db".to_owned(),
            description: Some("To be done by the app".to_owned()),
        }],
    }
}

/// A playground for Adjutant in this data folder, on any free port, without webhooks.
pub fn options(data: impl Into<PathBuf>) -> PlaygroundOptions {
    PlaygroundOptions { app: app(), ..PlaygroundOptions::new(data) }
}

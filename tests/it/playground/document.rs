//! The playground's README names what there is.

use std::collections::BTreeSet;
use std::path::Path;

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// What is marked there is checked by `make test`, after all tests have run; names can be compared at any time.
#[test]
fn the_list_in_the_document_has_the_names_of_the_fixtures() {
    let document = read("docs/playground.md");
    let lines = document.lines().filter_map(|line| line.strip_prefix("- [x] `").or(line.strip_prefix("- [ ] `")));
    let shown: Vec<&str> = lines.filter_map(|line| line.strip_suffix('`')).collect();
    let fixtures = ["operations", "webhooks"].map(|kind| read(&format!("tests/fixtures/github/{kind}.txt")));
    let known: BTreeSet<&str> = fixtures
        .iter()
        .flat_map(|text| text.lines())
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let listed: BTreeSet<&str> = shown.iter().copied().collect();
    let remedy = "run scripts/github-coverage --names";
    assert_eq!(listed.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new(), "unknown: {remedy}");
    assert_eq!(known.difference(&listed).collect::<Vec<_>>(), Vec::<&&str>::new(), "missing: {remedy}");
    assert_eq!(shown.len(), listed.len(), "something is listed twice: {remedy}");
}

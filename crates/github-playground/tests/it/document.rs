//! README.md and COVERAGE.md are complete.

use std::collections::BTreeSet;
use std::path::Path;

use github_playground::{DeliveryAct, RefAct, RequestAct};
use serde::de::DeserializeOwned;

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// `make test` checks the marks there after all tests have run. The names can be compared at any time.
#[test]
fn the_list_in_the_document_has_the_names_of_the_fixtures() {
    let document = read("COVERAGE.md");
    let lines = document.lines().filter_map(|line| line.strip_prefix("- [x] `").or(line.strip_prefix("- [ ] `")));
    let shown: Vec<&str> = lines.filter_map(|line| line.strip_suffix('`')).collect();
    let fixtures = ["operations", "webhooks"].map(|kind| read(&format!("../github-conformance/fixtures/{kind}.txt")));
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

/// The words for one kind of act, taken from the error for an unknown word.
fn words_of<T: DeserializeOwned>() -> BTreeSet<String> {
    let told = serde_json::from_str::<T>(r#""?""#).err().expect("no word").to_string();
    let (_, listed) = told.split_once("expected ").expect("the words that there are");
    listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_act_of_a_fault_rule_is_in_the_document() {
    let document = read("README.md");
    let (_, table) = document.split_once("| matches | does | what happens |\n").expect("the table");
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let acts = rows.filter_map(|row| row.split('|').nth(2));
    let quoted = acts.flat_map(|acts| acts.split('`').skip(1).step_by(2));
    let shown: BTreeSet<String> = quoted.filter_map(|act| act.split(':').next()).map(str::to_owned).collect();
    let known: BTreeSet<String> =
        [words_of::<RequestAct>(), words_of::<DeliveryAct>(), words_of::<RefAct>()].into_iter().flatten().collect();
    assert_eq!(shown, known);
    assert!(known.len() > 20, "{known:?}");
}

//! The state diagrams of `docs/states.md` are made from the transition tables of the code.
//!
//! Each diagram stands between two markers; the text around them is written by hand. Run this test with
//! `ADJUTANT_WRITE_DOCS=1` to write the diagrams.

use std::path::Path;

use adjutant_domain::status::{ApprovalStatus, DirectiveStatus, StepStatus, TaskStatus};

/// A state's name and those of the states that may follow it.
type Row = (&'static str, Vec<&'static str>);

/// The table of one enum of states, which all have the same functions.
macro_rules! table {
    ($states:ident) => {
        $states::ALL
            .iter()
            .map(|state| (state.as_str(), state.next().iter().map(|next| next.as_str()).collect()))
            .collect::<Vec<Row>>()
    };
}

fn tables() -> [(&'static str, Vec<Row>); 4] {
    [
        ("directive", table!(DirectiveStatus)),
        ("step", table!(StepStatus)),
        ("task", table!(TaskStatus)),
        ("approval", table!(ApprovalStatus)),
    ]
}

/// A Mermaid diagram; the first state is the one that everything begins in.
fn diagram(table: &[Row]) -> String {
    let mut text = format!("```mermaid\nstateDiagram-v2\n    [*] --> {}\n", table[0].0);
    for (state, followers) in table {
        for next in followers {
            text.push_str(&format!("    {state} --> {next}\n"));
        }
        if followers.is_empty() {
            text.push_str(&format!("    {state} --> [*]\n"));
        }
    }
    text + "```\n"
}

/// The document with the diagram of `name` between its markers.
fn with_diagram(document: &str, name: &str, diagram: &str) -> String {
    let (begin, end) = (format!("<!-- generated: {name} -->\n"), "<!-- end of generated -->");
    let start = document.find(&begin).unwrap_or_else(|| panic!("docs/states.md has no marker `{begin}`")) + begin.len();
    let length = document[start..].find(end).unwrap_or_else(|| panic!("the diagram of the {name} has no end marker"));
    format!("{}{diagram}{}", &document[..start], &document[start + length..])
}

#[test]
fn the_state_diagrams_are_those_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/states.md");
    let committed = std::fs::read_to_string(&path).unwrap();
    let generated = tables()
        .iter()
        .fold(committed.clone(), |document, (name, table)| with_diagram(&document, name, &diagram(table)));
    if std::env::var_os("ADJUTANT_WRITE_DOCS").is_some() {
        std::fs::write(&path, generated).unwrap();
        return;
    }
    assert!(
        committed == generated,
        "docs/states.md is not what the code says. Write it with \
         `ADJUTANT_WRITE_DOCS=1 cargo test -p adjutant-domain --test states` and commit it."
    );
}

#[test]
fn the_document_explains_every_state() {
    let document = include_str!("../../../docs/states.md");
    for (name, table) in tables() {
        let marker = format!("<!-- generated: {name} -->");
        let section = document.split(&marker).nth(1).unwrap().split("\n## ").next().unwrap();
        let explained: Vec<&str> =
            section.lines().filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect();
        let states: Vec<&str> = table.iter().map(|(state, _)| *state).collect();
        assert_eq!(explained, states, "the states of a {name} that docs/states.md explains");
    }
}

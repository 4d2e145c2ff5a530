//! The state diagrams of `docs/states.md` are made from the transition tables of the code.

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

#[test]
fn the_state_diagrams_are_those_of_the_code() {
    let parts = tables().map(|(name, table)| (name, diagram(&table)));
    super::hold("states.md", &parts);
}

#[test]
fn the_document_explains_every_state() {
    let document = include_str!("../../../../docs/states.md");
    for (name, table) in tables() {
        let marker = format!("<!-- generated: {name} -->");
        let section = document.split(&marker).nth(1).unwrap().split("\n## ").next().unwrap();
        let explained: Vec<&str> =
            section.lines().filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect();
        let states: Vec<&str> = table.iter().map(|(state, _)| *state).collect();
        assert_eq!(explained, states, "the states of a {name} that docs/states.md explains");
    }
}

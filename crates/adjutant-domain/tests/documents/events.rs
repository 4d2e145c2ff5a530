//! The table of `docs/events.md` is made from the enum of events.

use adjutant_domain::event::{EventDescription, EventKind, Severity};

fn row(event: &EventDescription) -> String {
    let severities: Vec<_> = event.severities.iter().copied().map(Severity::as_str).collect();
    let members: Vec<_> = event.members.iter().map(|member| format!("`{}`", member.trim_start_matches("r#"))).collect();
    let (severity, members) = (severities.join(" or "), members.join(", "));
    format!(
        "| `{}` | {severity} | {} |{}{members} |\n",
        event.name,
        event.what,
        if members.is_empty() { "" } else { " " }
    )
}

#[test]
fn the_table_of_events_is_that_of_the_code() {
    let head = "| Event | Severity | What it tells | Data |\n|---|---|---|---|\n".to_owned();
    super::hold("events.md", &[("events", EventKind::ALL.iter().map(row).fold(head, |table, row| table + &row))]);
}

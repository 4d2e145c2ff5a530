//! `adjutant directive events`: the history, and new events with `--follow`.

use std::io::Write;

use super::find::find;
use super::text::{plain, said, time};
use super::{Ended, EventsArgs};
use crate::report::history;
use crate::store::Store;
use crate::store::feed::Feed;
use crate::store::history::RecordedEvent;
use adjutant_domain::event::Severity;

/// How many events are read at a time.
const PAGE: i64 = 500;

pub(super) async fn events(args: &EventsArgs, store: &Store, out: &mut impl Write) -> Result<(), Ended> {
    let all = store.summaries().await?;
    let id = find(&all, &args.directive)?.id;
    if args.follow {
        let feed = Feed::new(store.clone());
        let mut events = feed.subscribe(Some(id), 0);
        let writing = async {
            loop {
                write(args, &events.next().await?, out)?;
                // A follower wants to see the events at once.
                out.flush()?;
            }
        };
        tokio::select! {
            outcome = writing => outcome,
            () = feed.run(drop) => Ok(()),
        }
    } else {
        let mut last = 0;
        loop {
            let page = store.events_of(id, last, PAGE).await?;
            let Some(newest) = page.last() else { return Ok(()) };
            last = newest.id;
            for event in &page {
                write(args, event, out)?;
            }
        }
    }
}

fn write(args: &EventsArgs, event: &RecordedEvent, out: &mut impl Write) -> Result<(), Ended> {
    // A severity that only a newer version knows is shown and not hidden.
    if Severity::parse(&event.severity).is_some_and(|severity| severity < args.severity) {
        return Ok(());
    }
    if args.json {
        serde_json::to_writer(&mut *out, event).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{}", line(event))?;
    }
    Ok(())
}

fn line(event: &RecordedEvent) -> String {
    let who = event.login.as_deref().unwrap_or(&event.actor);
    let step = event.step.as_deref().map(|step| format!(" {}", plain(step))).unwrap_or_default();
    let severity = &event.severity;
    let line = format!(
        "{}  {severity:<7}  {:<12}  {}{step}  {}",
        time(event.at),
        plain(who),
        plain(&event.name),
        said(&event.kind().map_or_else(|| event.data.clone(), |kind| history::data(&kind)))
    );
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};
    use serde_json::{Value, json};

    use super::*;
    use adjutant_domain::ids::DirectiveId;

    fn event(name: &str, data: Value) -> RecordedEvent {
        RecordedEvent {
            id: 1,
            directive: DirectiveId::of(1, 2, 1),
            at: Utc.with_ymd_and_hms(2026, 11, 20, 9, 0, 0).unwrap(),
            name: name.to_owned(),
            severity: "info".to_owned(),
            actor: "user".to_owned(),
            login: Some("maintainer".to_owned()),
            step: Some("parse".to_owned()),
            data,
        }
    }

    #[test]
    fn an_event_that_another_version_wrote_is_shown_with_its_data() {
        let event = event("moon_phase_changed", json!({ "to": "full" }));
        assert_eq!(event.kind(), None);
        assert_eq!(line(&event), "2026-11-20 09:00:00  info     maintainer    moon_phase_changed parse  to=full");
    }

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let data = json!({ "why": "two\nlines\u{1b}[2J", "gone": null, "paths": ["a", "b"] });
        assert_eq!(
            line(&event("step_rework", data)),
            "2026-11-20 09:00:00  info     maintainer    step_rework parse  paths=a, b why=two\\nlines\\u{1b}[2J"
        );
    }
}

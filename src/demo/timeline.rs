//! The story as it happens: the history's events, a line each.

use std::time::Instant;

use adjutant::store::history::PastEvent;
use adjutant::store::{Store, StoreError};
use serde_json::Value;

/// Prints what was not printed yet, and counts.
pub(super) struct Timeline {
    store: Store,
    since: Instant,
    last: i64,
    /// Steps that were merged or whose report was accepted.
    pub(super) passed: usize,
    /// Reworks, by Adjutant itself and by people.
    pub(super) reworks: usize,
    /// Questions that people answered.
    pub(super) approvals: usize,
    /// Whether the directive has completed.
    pub(super) completed: bool,
    /// Why it failed, if it did.
    pub(super) failed: Option<String>,
}

impl Timeline {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            since: Instant::now(),
            last: 0,
            passed: 0,
            reworks: 0,
            approvals: 0,
            completed: false,
            failed: None,
        }
    }

    pub(super) fn seconds(&self) -> f64 {
        self.since.elapsed().as_secs_f64()
    }

    /// Prints a line of the story.
    pub(super) fn say(&self, who: &str, what: &str) {
        println!("{:6.1}s  {who:<12} {what}", self.seconds());
    }

    /// Prints every event that was kept since the last call.
    pub(super) async fn catch_up(&mut self) -> Result<(), StoreError> {
        for event in self.store.events_after(self.last, 200).await? {
            self.last = event.id;
            self.count(&event);
            if let Some(line) = told(&event) {
                let who = event.login.as_deref().unwrap_or(match event.actor.as_str() {
                    "agent" => "agent",
                    _ => "adjutant",
                });
                // What the bot did comes back as a delivery that names it.
                self.say(who.trim_end_matches("[bot]"), &line);
            }
        }
        Ok(())
    }

    fn count(&mut self, event: &PastEvent) {
        let final_step = event.step.as_deref() == Some("final");
        match event.name.as_str() {
            "step_status_changed" if event.data["to"] == "passed" && !final_step => self.passed += 1,
            "step_rework" => self.reworks += 1,
            "approval_resolved" if event.data["by"].is_string() => self.approvals += 1,
            "directive_completed" => self.completed = true,
            "directive_failed" => self.failed = Some(text(&event.data["reason"])),
            _ => {}
        }
    }
}

/// The line that the demo prints for an event; none for an event that adds nothing new.
fn told(event: &PastEvent) -> Option<String> {
    let data = &event.data;
    let step = event.step.as_deref().unwrap_or("directive");
    Some(match event.name.as_str() {
        "directive_opened" => format!("set the label on #{}: {}", data["issue"], text(&data["title"])),
        "planning_started" => "planning starts".to_owned(),
        "planning_completed" => format!("plan ({}): {}", text(&data["origin"]), list(&data["steps"])),
        "step_started" => format!("{step}: an agent starts ({})", text(&data["kind"])),
        "pull_opened" => format!("{step}: pull request #{}", data["pull"]),
        "evaluation_completed" => {
            let reasons = list(&data["reasons"]);
            let because = if reasons.is_empty() { reasons } else { format!(": {reasons}") };
            format!("{step}: {}{because}", text(&data["confidence"]))
        }
        "step_rework" => format!("{step}: back to the agent ({})", text(&data["why"])),
        "approval_required" => format!("{step}: waits for a person"),
        "command_taken" => format!("/{} is taken", text(&data["command"])),
        "command_refused" => format!("/{} is refused", text(&data["command"])),
        "step_blocked" => format!("{step}: {}", text(&data["why"])),
        "task_finished" if data["status"] == "failed" => format!("{step}: {}", text(&data["reason"])),
        "step_status_changed" if data["to"] == "passed" => format!("{step}: merged"),
        "directive_completed" => format!("completed, {} spent", text(&data["cost"])),
        "directive_failed" => format!("failed: {}", text(&data["reason"])),
        _ => return None,
    })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn list(value: &Value) -> String {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().map(text).collect::<Vec<_>>().join(", ")
}

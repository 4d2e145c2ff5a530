//! Prints the events of the history as they happen, one line each.

use std::time::Instant;

use adjutant::report::{cause, failure, reason};
use adjutant::store::history::RecordedEvent;
use adjutant::store::{Store, StoreError};
use adjutant_domain::event::EventKind;
use adjutant_domain::status::{StepStatus, TaskStatus};

/// Prints new events, and counts them.
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

    pub(super) fn say(&self, who: &str, what: &str) {
        println!("{:6.1}s  {who:<12} {what}", self.seconds());
    }

    /// Prints every event since the last call.
    pub(super) async fn catch_up(&mut self) -> Result<(), StoreError> {
        for event in self.store.events_after(self.last, 200).await? {
            self.last = event.id;
            self.count(&event);
            if let Some(line) = told(&event) {
                let who = event.login.as_deref().unwrap_or(match event.actor.as_str() {
                    "agent" => "agent",
                    _ => "adjutant",
                });
                // The bot's own actions come back as deliveries that name it.
                self.say(who.trim_end_matches("[bot]"), &line);
            }
        }
        Ok(())
    }

    fn count(&mut self, event: &RecordedEvent) {
        let final_step = event.step.as_deref() == Some("final");
        match event.kind() {
            Some(EventKind::StepStatusChanged { to: StepStatus::Passed, .. }) if !final_step => self.passed += 1,
            Some(EventKind::StepRework { .. }) => self.reworks += 1,
            Some(EventKind::ApprovalResolved { by: Some(_), .. }) => self.approvals += 1,
            Some(EventKind::DirectiveCompleted { .. }) => self.completed = true,
            Some(EventKind::DirectiveFailed { reason }) => self.failed = Some(cause::directive(&reason)),
            _ => {}
        }
    }
}

/// The line that the demo prints for an event; `None` for an event that adds nothing new.
fn told(event: &RecordedEvent) -> Option<String> {
    let subject = event.step.as_deref().unwrap_or("directive");
    Some(match event.kind()? {
        EventKind::DirectiveOpened { issue, title, .. } => format!("set the label on #{issue}: {title}"),
        EventKind::PlanningStarted { .. } => "planning starts".to_owned(),
        EventKind::PlanningCompleted { origin, steps, .. } => format!("plan ({}): {}", origin.as_str(), list(&steps)),
        EventKind::StepStarted { kind, .. } => format!("{subject}: an agent starts ({})", kind.as_str()),
        EventKind::PullOpened { pull, .. } => format!("{subject}: pull request #{pull}"),
        EventKind::EvaluationCompleted { confidence, reasons, .. } => {
            let because = if reasons.is_empty() {
                String::new()
            } else {
                format!(": {}", list(&reasons.iter().map(reason::words).collect::<Vec<_>>()))
            };
            format!("{subject}: {}{because}", confidence.as_str())
        }
        EventKind::StepRework { why, .. } => format!("{subject}: back to the agent ({})", cause::words(&why)),
        EventKind::ApprovalRequired { .. } => format!("{subject}: waits for a person"),
        EventKind::CommandTaken { command, .. } => format!("/{command} is taken"),
        EventKind::CommandRefused { command, .. } => format!("/{command} is refused"),
        EventKind::StepBlocked { why, .. } => format!("{subject}: {}", cause::words(&why)),
        EventKind::TaskFinished { status: TaskStatus::Failed, reason: Some(reason), .. } => {
            format!("{subject}: {}", failure::words(&reason))
        }
        EventKind::StepStatusChanged { to: StepStatus::Passed, .. } => format!("{subject}: merged"),
        EventKind::DirectiveCompleted { cost, .. } => format!("completed, {cost} spent"),
        EventKind::DirectiveFailed { reason } => format!("failed: {}", cause::directive(&reason)),
        _ => return None,
    })
}

fn list(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

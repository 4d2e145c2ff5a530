//! The one reminder of a question that nobody answered in time.

use chrono::{DateTime, Utc};

use super::text::{MAX_BODY, fit};
use super::{Links, question, status, words};
use adjutant_domain::approval::Approval;
use adjutant_domain::directive::Directive;
use adjutant_domain::ids::ApprovalId;

/// The hidden first line by which the comment is found again.
pub fn reminder_marker(approval: ApprovalId) -> String {
    format!("<!-- adjutant:reminder:{approval} -->")
}

/// The comment: what waits, since when, and which command answers it. It mentions nobody.
pub fn reminder(directive: &Directive, approval: &Approval, links: &Links, now: DateTime<Utc>) -> String {
    let waited = words::duration((now - approval.asked_at).num_seconds());
    if let Some(questions) = approval.question.asked().filter(|_| !approval.status.is_waiting()) {
        return fit(MAX_BODY, |chars| {
            format!(
                "{}\n⏰ Nobody answered for {waited}, so that the agent goes on with its own answers:\n\n- {}",
                reminder_marker(approval.id),
                question::asked(questions, chars.min(600)).join("\n- "),
            )
        });
    }
    fit(MAX_BODY, |chars| {
        format!(
            "{}\n⏰ This has waited for a maintainer for {waited}:\n\n{}\n\nIt stays open, and whatever does not depend on \
             it goes on. This is the only reminder.",
            reminder_marker(approval.id),
            status::asked(directive, approval, links, chars.min(600)),
        )
    })
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::report::fixture;
    use adjutant_domain::approval::ApprovalStatus;
    use adjutant_domain::question::Question;

    #[test]
    fn a_reminder_says_what_waits_since_when_and_what_answers_it() {
        let mut directive = fixture::directive();
        directive.approvals[0].status = ApprovalStatus::Expired;
        directive.approvals[0].question = Question::Legacy("yellow, says @maintainer".to_owned());
        let now = directive.approvals[0].asked_at + Duration::hours(73);
        let text = reminder(&directive, &directive.approvals[0], &fixture::links(), now);
        assert!(!text.contains("@maintainer"), "{text}");
        insta::assert_snapshot!(text.replace('\u{200b}', "·"), @r"
        <!-- adjutant:reminder:54715db2-6953-50de-8243-08808dfbb6ec -->
        ⏰ This has waited for a maintainer for 73 h:

        - **[convert](https://github.com/acme/widgets/pull/13)**: yellow, says @·maintainer (since 2026-11-20 12:00 UTC)
          Here (or in [#13](https://github.com/acme/widgets/pull/13) without the name): `/approve convert` merges it, `/rework convert WHAT` sends it back, `/skip convert` goes on without it.

        It stays open, and whatever does not depend on it goes on. This is the only reminder.
        ");
    }
}

//! Every transition that there could be, allowed and refused, by its sentence.

use std::collections::BTreeSet;

use crate::status::{ApprovalStatus, DirectiveStatus, StepStatus, TaskStatus};

macro_rules! transitions {
    ($module:ident, $status:ident: $($name:ident: $from:ident => $to:ident, $verdict:ident;)*) => {
        mod $module {
            use super::*;

            $(
                #[test]
                fn $name() {
                    let (from, to) = ($status::$from, $status::$to);
                    transitions!(@$verdict from, to);
                }
            )*

            #[test]
            fn every_pair_of_statuses_has_its_sentence() {
                let told: BTreeSet<_> = [$(($status::$from.as_str(), $status::$to.as_str())),*].into();
                assert_eq!(told.len(), $status::ALL.len() * $status::ALL.len());
            }
        }
    };
    (@allowed $from:ident, $to:ident) => {
        assert_eq!($from.to($to), Ok($to));
    };
    (@refused $from:ident, $to:ident) => {
        let refused = $from.to($to).unwrap_err().to_string();
        assert!(refused.ends_with(&format!(" cannot go from {} to {}", $from.as_str(), $to.as_str())), "{refused}");
    };
}

transitions! { directives, DirectiveStatus:
    a_draft_directive_never_becomes_draft_again: Draft => Draft, refused;
    a_draft_directive_may_become_planning: Draft => Planning, allowed;
    a_draft_directive_never_becomes_active: Draft => Active, refused;
    a_draft_directive_never_becomes_paused: Draft => Paused, refused;
    a_draft_directive_never_becomes_completed: Draft => Completed, refused;
    a_draft_directive_may_become_failed: Draft => Failed, allowed;
    a_draft_directive_never_becomes_archived: Draft => Archived, refused;
    a_planning_directive_never_becomes_draft: Planning => Draft, refused;
    a_planning_directive_never_becomes_planning_again: Planning => Planning, refused;
    a_planning_directive_may_become_active: Planning => Active, allowed;
    a_planning_directive_may_become_paused: Planning => Paused, allowed;
    a_planning_directive_may_become_completed: Planning => Completed, allowed;
    a_planning_directive_may_become_failed: Planning => Failed, allowed;
    a_planning_directive_never_becomes_archived: Planning => Archived, refused;
    an_active_directive_never_becomes_draft: Active => Draft, refused;
    an_active_directive_may_become_planning: Active => Planning, allowed;
    an_active_directive_never_becomes_active_again: Active => Active, refused;
    an_active_directive_may_become_paused: Active => Paused, allowed;
    an_active_directive_may_become_completed: Active => Completed, allowed;
    an_active_directive_may_become_failed: Active => Failed, allowed;
    an_active_directive_never_becomes_archived: Active => Archived, refused;
    a_paused_directive_never_becomes_draft: Paused => Draft, refused;
    a_paused_directive_may_become_planning: Paused => Planning, allowed;
    a_paused_directive_may_become_active: Paused => Active, allowed;
    a_paused_directive_never_becomes_paused_again: Paused => Paused, refused;
    a_paused_directive_may_become_completed: Paused => Completed, allowed;
    a_paused_directive_may_become_failed: Paused => Failed, allowed;
    a_paused_directive_never_becomes_archived: Paused => Archived, refused;
    a_completed_directive_never_becomes_draft: Completed => Draft, refused;
    a_completed_directive_never_becomes_planning: Completed => Planning, refused;
    a_completed_directive_never_becomes_active: Completed => Active, refused;
    a_completed_directive_never_becomes_paused: Completed => Paused, refused;
    a_completed_directive_never_becomes_completed_again: Completed => Completed, refused;
    a_completed_directive_never_becomes_failed: Completed => Failed, refused;
    a_completed_directive_may_become_archived: Completed => Archived, allowed;
    a_failed_directive_never_becomes_draft: Failed => Draft, refused;
    a_failed_directive_never_becomes_planning: Failed => Planning, refused;
    a_failed_directive_never_becomes_active: Failed => Active, refused;
    a_failed_directive_never_becomes_paused: Failed => Paused, refused;
    a_failed_directive_never_becomes_completed: Failed => Completed, refused;
    a_failed_directive_never_becomes_failed_again: Failed => Failed, refused;
    a_failed_directive_may_become_archived: Failed => Archived, allowed;
    an_archived_directive_never_becomes_draft: Archived => Draft, refused;
    an_archived_directive_never_becomes_planning: Archived => Planning, refused;
    an_archived_directive_never_becomes_active: Archived => Active, refused;
    an_archived_directive_never_becomes_paused: Archived => Paused, refused;
    an_archived_directive_never_becomes_completed: Archived => Completed, refused;
    an_archived_directive_never_becomes_failed: Archived => Failed, refused;
    an_archived_directive_never_becomes_archived_again: Archived => Archived, refused;
}

transitions! { steps, StepStatus:
    a_pending_step_never_becomes_pending_again: Pending => Pending, refused;
    a_pending_step_may_become_ready: Pending => Ready, allowed;
    a_pending_step_never_becomes_running: Pending => Running, refused;
    a_pending_step_never_becomes_evaluating: Pending => Evaluating, refused;
    a_pending_step_may_become_passed: Pending => Passed, allowed;
    a_pending_step_never_becomes_rework: Pending => Rework, refused;
    a_pending_step_may_become_blocked: Pending => Blocked, allowed;
    a_pending_step_never_becomes_failed: Pending => Failed, refused;
    a_pending_step_may_become_skipped: Pending => Skipped, allowed;
    a_ready_step_may_become_pending: Ready => Pending, allowed;
    a_ready_step_never_becomes_ready_again: Ready => Ready, refused;
    a_ready_step_may_become_running: Ready => Running, allowed;
    a_ready_step_never_becomes_evaluating: Ready => Evaluating, refused;
    a_ready_step_may_become_passed: Ready => Passed, allowed;
    a_ready_step_never_becomes_rework: Ready => Rework, refused;
    a_ready_step_may_become_blocked: Ready => Blocked, allowed;
    a_ready_step_never_becomes_failed: Ready => Failed, refused;
    a_ready_step_may_become_skipped: Ready => Skipped, allowed;
    a_running_step_never_becomes_pending: Running => Pending, refused;
    a_running_step_may_become_ready: Running => Ready, allowed;
    a_running_step_never_becomes_running_again: Running => Running, refused;
    a_running_step_may_become_evaluating: Running => Evaluating, allowed;
    a_running_step_may_become_passed: Running => Passed, allowed;
    a_running_step_may_become_rework: Running => Rework, allowed;
    a_running_step_may_become_blocked: Running => Blocked, allowed;
    a_running_step_may_become_failed: Running => Failed, allowed;
    a_running_step_may_become_skipped: Running => Skipped, allowed;
    an_evaluating_step_never_becomes_pending: Evaluating => Pending, refused;
    an_evaluating_step_never_becomes_ready: Evaluating => Ready, refused;
    an_evaluating_step_never_becomes_running: Evaluating => Running, refused;
    an_evaluating_step_never_becomes_evaluating_again: Evaluating => Evaluating, refused;
    an_evaluating_step_may_become_passed: Evaluating => Passed, allowed;
    an_evaluating_step_may_become_rework: Evaluating => Rework, allowed;
    an_evaluating_step_may_become_blocked: Evaluating => Blocked, allowed;
    an_evaluating_step_may_become_failed: Evaluating => Failed, allowed;
    an_evaluating_step_may_become_skipped: Evaluating => Skipped, allowed;
    a_passed_step_never_becomes_pending: Passed => Pending, refused;
    a_passed_step_never_becomes_ready: Passed => Ready, refused;
    a_passed_step_never_becomes_running: Passed => Running, refused;
    a_passed_step_never_becomes_evaluating: Passed => Evaluating, refused;
    a_passed_step_never_becomes_passed_again: Passed => Passed, refused;
    a_passed_step_never_becomes_rework: Passed => Rework, refused;
    a_passed_step_never_becomes_blocked: Passed => Blocked, refused;
    a_passed_step_never_becomes_failed: Passed => Failed, refused;
    a_passed_step_never_becomes_skipped: Passed => Skipped, refused;
    a_rework_step_never_becomes_pending: Rework => Pending, refused;
    a_rework_step_never_becomes_ready: Rework => Ready, refused;
    a_rework_step_may_become_running: Rework => Running, allowed;
    a_rework_step_may_become_evaluating: Rework => Evaluating, allowed;
    a_rework_step_may_become_passed: Rework => Passed, allowed;
    a_rework_step_never_becomes_rework_again: Rework => Rework, refused;
    a_rework_step_may_become_blocked: Rework => Blocked, allowed;
    a_rework_step_never_becomes_failed: Rework => Failed, refused;
    a_rework_step_may_become_skipped: Rework => Skipped, allowed;
    a_blocked_step_may_become_pending: Blocked => Pending, allowed;
    a_blocked_step_may_become_ready: Blocked => Ready, allowed;
    a_blocked_step_never_becomes_running: Blocked => Running, refused;
    a_blocked_step_may_become_evaluating: Blocked => Evaluating, allowed;
    a_blocked_step_may_become_passed: Blocked => Passed, allowed;
    a_blocked_step_may_become_rework: Blocked => Rework, allowed;
    a_blocked_step_never_becomes_blocked_again: Blocked => Blocked, refused;
    a_blocked_step_never_becomes_failed: Blocked => Failed, refused;
    a_blocked_step_may_become_skipped: Blocked => Skipped, allowed;
    a_failed_step_never_becomes_pending: Failed => Pending, refused;
    a_failed_step_may_become_ready: Failed => Ready, allowed;
    a_failed_step_never_becomes_running: Failed => Running, refused;
    a_failed_step_may_become_evaluating: Failed => Evaluating, allowed;
    a_failed_step_may_become_passed: Failed => Passed, allowed;
    a_failed_step_may_become_rework: Failed => Rework, allowed;
    a_failed_step_may_become_blocked: Failed => Blocked, allowed;
    a_failed_step_never_becomes_failed_again: Failed => Failed, refused;
    a_failed_step_may_become_skipped: Failed => Skipped, allowed;
    a_skipped_step_never_becomes_pending: Skipped => Pending, refused;
    a_skipped_step_never_becomes_ready: Skipped => Ready, refused;
    a_skipped_step_never_becomes_running: Skipped => Running, refused;
    a_skipped_step_never_becomes_evaluating: Skipped => Evaluating, refused;
    a_skipped_step_never_becomes_passed: Skipped => Passed, refused;
    a_skipped_step_never_becomes_rework: Skipped => Rework, refused;
    a_skipped_step_never_becomes_blocked: Skipped => Blocked, refused;
    a_skipped_step_never_becomes_failed: Skipped => Failed, refused;
    a_skipped_step_never_becomes_skipped_again: Skipped => Skipped, refused;
}

transitions! { tasks, TaskStatus:
    a_queued_task_never_becomes_queued_again: Queued => Queued, refused;
    a_queued_task_may_become_running: Queued => Running, allowed;
    a_queued_task_may_become_succeeded: Queued => Succeeded, allowed;
    a_queued_task_may_become_failed: Queued => Failed, allowed;
    a_queued_task_may_become_cancelled: Queued => Cancelled, allowed;
    a_running_task_never_becomes_queued: Running => Queued, refused;
    a_running_task_never_becomes_running_again: Running => Running, refused;
    a_running_task_may_become_succeeded: Running => Succeeded, allowed;
    a_running_task_may_become_failed: Running => Failed, allowed;
    a_running_task_may_become_cancelled: Running => Cancelled, allowed;
    a_succeeded_task_never_becomes_queued: Succeeded => Queued, refused;
    a_succeeded_task_never_becomes_running: Succeeded => Running, refused;
    a_succeeded_task_never_becomes_succeeded_again: Succeeded => Succeeded, refused;
    a_succeeded_task_never_becomes_failed: Succeeded => Failed, refused;
    a_succeeded_task_never_becomes_cancelled: Succeeded => Cancelled, refused;
    a_failed_task_never_becomes_queued: Failed => Queued, refused;
    a_failed_task_never_becomes_running: Failed => Running, refused;
    a_failed_task_never_becomes_succeeded: Failed => Succeeded, refused;
    a_failed_task_never_becomes_failed_again: Failed => Failed, refused;
    a_failed_task_never_becomes_cancelled: Failed => Cancelled, refused;
    a_cancelled_task_never_becomes_queued: Cancelled => Queued, refused;
    a_cancelled_task_never_becomes_running: Cancelled => Running, refused;
    a_cancelled_task_never_becomes_succeeded: Cancelled => Succeeded, refused;
    a_cancelled_task_never_becomes_failed: Cancelled => Failed, refused;
    a_cancelled_task_never_becomes_cancelled_again: Cancelled => Cancelled, refused;
}

transitions! { approvals, ApprovalStatus:
    a_pending_approval_never_becomes_pending_again: Pending => Pending, refused;
    a_pending_approval_may_become_approved: Pending => Approved, allowed;
    a_pending_approval_may_become_denied: Pending => Denied, allowed;
    a_pending_approval_may_become_stale: Pending => Stale, allowed;
    a_pending_approval_may_become_expired: Pending => Expired, allowed;
    an_approved_approval_never_becomes_pending: Approved => Pending, refused;
    an_approved_approval_never_becomes_approved_again: Approved => Approved, refused;
    an_approved_approval_never_becomes_denied: Approved => Denied, refused;
    an_approved_approval_never_becomes_stale: Approved => Stale, refused;
    an_approved_approval_never_becomes_expired: Approved => Expired, refused;
    a_denied_approval_never_becomes_pending: Denied => Pending, refused;
    a_denied_approval_never_becomes_approved: Denied => Approved, refused;
    a_denied_approval_never_becomes_denied_again: Denied => Denied, refused;
    a_denied_approval_never_becomes_stale: Denied => Stale, refused;
    a_denied_approval_never_becomes_expired: Denied => Expired, refused;
    a_stale_approval_never_becomes_pending: Stale => Pending, refused;
    a_stale_approval_never_becomes_approved: Stale => Approved, refused;
    a_stale_approval_never_becomes_denied: Stale => Denied, refused;
    a_stale_approval_never_becomes_stale_again: Stale => Stale, refused;
    a_stale_approval_never_becomes_expired: Stale => Expired, refused;
    an_expired_approval_never_becomes_pending: Expired => Pending, refused;
    an_expired_approval_may_become_approved: Expired => Approved, allowed;
    an_expired_approval_may_become_denied: Expired => Denied, allowed;
    an_expired_approval_may_become_stale: Expired => Stale, allowed;
    an_expired_approval_never_becomes_expired_again: Expired => Expired, refused;
}

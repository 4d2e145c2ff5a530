//! The money of runs whose process died.

use uuid::Uuid;

use crate::runtime::sink::SignalSink;
use crate::store::{Store, StoreError};
use adjutant_domain::ids::{TaskId, Usd};
use adjutant_domain::signal::Signal;
use adjutant_domain::task::Measure;

/// Counts what earlier runs of a task cost whose processes died before they could say so. What such a run had set aside
/// counts as spent. `but` is counted by the caller.
pub(super) async fn book_lost_runs(
    store: &Store,
    sink: &SignalSink<'_>,
    task: TaskId,
    but: Option<Uuid>,
) -> Result<(), StoreError> {
    for lost in store.close_lost_model_runs(task).await? {
        if but == Some(lost.run) {
            continue;
        }
        let measure = Measure {
            run: lost.run,
            exit: "lost".to_owned(),
            cost: Usd(i64::try_from(lost.cost.micros()).unwrap_or(i64::MAX)),
            unknown: false,
            input_tokens: lost.input_tokens,
            output_tokens: lost.output_tokens,
        };
        sink.send(Signal::TaskMeasured { task, measure }).await?;
    }
    Ok(())
}

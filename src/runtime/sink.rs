//! How a handler sends signals to the engine before its work is done.

use super::app::App;
use super::apply::Settle;
use crate::store::StoreError;
use adjutant_domain::ids::DirectiveId;
use adjutant_domain::signal::Signal;

/// Sends signals to one directive while one of its effects is carried out. The signals that a handler returns at the
/// end do not go through here: they are applied in the transaction that settles the effect.
pub(super) struct SignalSink<'a> {
    app: &'a App,
    directive: DirectiveId,
}

impl<'a> SignalSink<'a> {
    pub(super) fn new(app: &'a App, directive: DirectiveId) -> Self {
        Self { app, directive }
    }

    /// Applies a signal. It is committed when this returns.
    pub(super) async fn send(&self, signal: Signal) -> Result<(), StoreError> {
        Box::pin(self.app.apply(self.directive, &[signal], Settle::Nothing)).await.map(drop)
    }
}

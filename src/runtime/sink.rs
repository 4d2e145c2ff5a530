//! The one door by which a handler speaks to the engine before its work is done.

use super::app::App;
use super::apply::Settle;
use crate::store::StoreError;
use adjutant_domain::ids::DirectiveId;
use adjutant_domain::signal::Signal;

/// Takes signals for one directive while an effect of it is carried out. What a handler returns in the end is applied
/// together with the settling of its effect, and does not go through here.
pub(super) struct SignalSink<'a> {
    app: &'a App,
    directive: DirectiveId,
}

impl<'a> SignalSink<'a> {
    pub(super) fn new(app: &'a App, directive: DirectiveId) -> Self {
        Self { app, directive }
    }

    /// Applies a signal. When this returns, it is committed.
    pub(super) async fn send(&self, signal: Signal) -> Result<(), StoreError> {
        Box::pin(self.app.apply(self.directive, &[signal], Settle::Nothing)).await.map(drop)
    }
}

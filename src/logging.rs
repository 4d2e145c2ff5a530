//! Logging, and the redaction of secrets.
//!
//! Lines go to standard error, for people or as JSON. Each has the spans it was written in, with the ids of the
//! delivery, the directive and the step. `redact` processes every line before it is written. The types keep secrets out
//! of the log already; `redact` removes a secret that got into the text of an error.

mod redact;

use std::io;
use std::sync::Arc;

use secrecy::SecretString;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::settings::{LogFormat, LogSettings};
use redact::Redactor;

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The settings refuse such a filter, so only a filter from elsewhere ends here.
    #[error("the log filter is not one such as `info,adjutant=debug`: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Logging can be set up once per process.
    #[error("logging is set up already: {0}")]
    Again(#[from] tracing_subscriber::util::TryInitError),
}

/// Sets up logging for the whole process. `secrets` are removed from every line, whatever their form.
pub fn init(settings: &LogSettings, secrets: &[SecretString]) -> Result<(), LoggingError> {
    let writer = Redacted::new(io::stderr, secrets);
    let filter: EnvFilter = settings.filter.parse()?;
    match settings.format {
        LogFormat::Human => human(filter, writer, io::IsTerminal::is_terminal(&io::stderr())).try_init()?,
        LogFormat::Json => json(filter, writer).try_init()?,
    }
    Ok(())
}

fn human<W>(filter: EnvFilter, writer: W, colour: bool) -> impl SubscriberInitExt
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(colour).with_target(false).finish()
}

fn json<W>(filter: EnvFilter, writer: W) -> impl SubscriberInitExt
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter)
        .with_writer(writer)
        .finish()
}

/// Makes writers that redact the lines they write.
#[derive(Debug, Clone)]
struct Redacted<M> {
    inner: M,
    redactor: Arc<Redactor>,
}

impl<M> Redacted<M> {
    fn new(inner: M, secrets: &[SecretString]) -> Self {
        Self { inner, redactor: Arc::new(Redactor::new(secrets)) }
    }
}

impl<'w, M: MakeWriter<'w>> MakeWriter<'w> for Redacted<M> {
    type Writer = RedactedWriter<M::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        RedactedWriter { inner: self.inner.make_writer(), redactor: Arc::clone(&self.redactor) }
    }
}

/// The subscriber writes each line whole, so a secret is never split between two writes.
struct RedactedWriter<W> {
    inner: W,
    redactor: Arc<Redactor>,
}

impl<W: io::Write> io::Write for RedactedWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.inner.write_all(&self.redactor.redact(line)).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The log output of a call that logs a token and the webhook secret inside a span.
    fn logged(format: LogFormat) -> String {
        let buffer = Buffer::default();
        let sink = buffer.clone();
        let writer = Redacted::new(move || sink.clone(), &["the webhook secret".to_owned().into()]);
        let filter = || "info".parse::<EnvFilter>().unwrap();
        let guard = match format {
            LogFormat::Human => human(filter(), writer, false).set_default(),
            LogFormat::Json => json(filter(), writer).set_default(),
        };
        let span = tracing::info_span!("receive", delivery = "d-1");
        span.in_scope(|| {
            tracing::warn!(error = "Authorization: token ghs_16C7e42F292c6912E7", "the webhook secret is wrong");
        });
        drop(guard);
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_for_people_names_its_span_and_no_secret() {
        let line = logged(LogFormat::Human);
        assert!(line.contains("receive{delivery=\"d-1\"}"), "{line}");
        assert!(line.contains("ghs_[redacted]"), "{line}");
        assert!(!line.contains("16C7e42F") && !line.contains("webhook secret"), "{line}");
    }

    #[test]
    fn a_json_line_is_json_after_redaction_and_carries_the_spans() {
        let line = logged(LogFormat::Json);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["spans"][0]["delivery"], "d-1");
        assert_eq!(value["error"], "Authorization: token ghs_[redacted]");
        assert_eq!(value["message"], "[redacted] is wrong");
    }
}

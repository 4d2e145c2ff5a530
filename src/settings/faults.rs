//! Faults of the settings, collected so that the operator can fix all of them at once.

use std::fmt;

use super::keys::{Key, Sources, nearest};

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The variable and the file's key, or the file.
    pub subject: String,
    /// The fault and the remedy.
    pub message: String,
}

/// All faults of the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    pub faults: Vec<Fault>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.faults.len();
        let noun = if count == 1 { "fault" } else { "faults" };
        write!(formatter, "the settings have {count} {noun}:")?;
        for Fault { subject, message } in &self.faults {
            write!(formatter, "\n  {subject} {message}")?;
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, key: &Key, message: &str) {
        self.add_about(&format!("{} ({})", key.variable, key.name), message);
    }

    /// Adds a fault of something that is not a setting itself.
    pub(super) fn add_about(&mut self, subject: &str, message: &str) {
        self.0.push(Fault { subject: subject.to_owned(), message: message.to_owned() });
    }

    /// Adds that a required setting is missing, unless it is set and was refused already.
    pub(super) fn missing(&mut self, key: &Key, sources: &Sources, what: &str) {
        let subject = format!("{} ({})", key.variable, key.name);
        if self.0.iter().any(|fault| fault.subject == subject) {
            return;
        }
        let hint = nearest(key.variable, sources.unknown_variables().iter().map(String::as_str))
            .map(|variable| format!("; {variable} is set: is that what was meant?"))
            .unwrap_or_default();
        self.add(key, &format!("is missing: give {what}{hint}"));
    }

    pub(super) fn into_result(self) -> Result<(), SettingsError> {
        if self.0.is_empty() { Ok(()) } else { Err(SettingsError { faults: self.0 }) }
    }
}

//! Faults of the settings, collected so that the operator can fix all of them at once.

use std::fmt;

use super::keys::{Key, Sources, nearest};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The variable and the file's key, or the file.
    pub subject: String,
    /// What is wrong with it and what to do.
    pub message: String,
}

/// All that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    /// In the order in which they were found.
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

/// The faults found so far.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault of a setting.
    pub(super) fn add(&mut self, key: &Key, message: &str) {
        self.add_about(&format!("{} ({})", key.variable, key.name), message);
    }

    /// Notes a fault of something that is no setting of its own.
    pub(super) fn add_about(&mut self, subject: &str, message: &str) {
        self.0.push(Fault { subject: subject.to_owned(), message: message.to_owned() });
    }

    /// Notes that a required setting is not there, unless it is and was refused already.
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

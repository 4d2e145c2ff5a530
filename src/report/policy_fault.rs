//! What is wrong with a policy, in a sentence with the remedy each.

use adjutant_domain::policy::{Expected, FileFault, Found, LineFault, Mapping, PolicyFault};

/// One fault.
pub fn words(fault: &PolicyFault) -> String {
    match fault {
        PolicyFault::Line(LineFault { line, fault }) => format!("Line {line}: {}", of_file(fault)),
        PolicyFault::NoText { path, message } => format!("`{path}` cannot be read: {message}."),
        PolicyFault::UnknownAgent { key, name, known } => {
            let offered = match known.as_slice() {
                [] => "there is none".to_owned(),
                known => format!("there are {}", quoted(known).join(", ")),
            };
            format!("`{key}` names `{name}`, which the operator of Adjutant has not set up: {offered}.")
        }
        PolicyFault::More { faults } => format!("{faults} more are not listed."),
        PolicyFault::Legacy(text) => text.clone(),
    }
}

/// One fault of a file, without its line.
pub fn of_file(fault: &FileFault) -> String {
    match fault {
        FileFault::NotUtf8 => "the file is no UTF-8 text from here on; save it as UTF-8.".to_owned(),
        FileFault::TooLarge { bytes, allowed } => format!("the file has {bytes} bytes; make it {allowed} at most."),
        FileFault::NotYaml { error } => format!("this cannot be read as YAML: {error}."),
        FileFault::Unstorable => "this text has the character U+0000, which cannot be stored: take it out.".to_owned(),
        FileFault::NotAMapping { mapping, found } => {
            format!("{} must be a mapping (`key: value`), but is {}.", name(*mapping), instead(found))
        }
        FileFault::UnknownKey { mapping, key, nearest: Some(nearest), .. } => {
            format!("{} has no key `{key}`; did you mean `{nearest}`?", name(*mapping))
        }
        FileFault::UnknownKey { mapping, key, nearest: None, known } => {
            format!("{} has no key `{key}`; known are {}.", name(*mapping), known.join(", "))
        }
        FileFault::Unexpected { key, expected, found } => {
            format!("`{key}` must be {}, but is {}.", wanted(expected), instead(found))
        }
        FileFault::TooManyEntries { key, entries, allowed } => {
            format!("`{key}` has {entries} entries; at most {allowed} are allowed.")
        }
        FileFault::YellowAboveGreen { yellow, green } => {
            format!("`thresholds.yellow` ({yellow}) must not be above `thresholds.green` ({green}).")
        }
        FileFault::CeilingBelowCost { ceiling, cost } => {
            format!("`limits.cost_ceiling_usd` ({ceiling}) must not be below `limits.cost_usd` ({cost}).")
        }
        FileFault::VerifierNamedCi => {
            "a verifier must not be named `ci` beside the key `ci`: give it another name.".to_owned()
        }
        FileFault::VerifierNamedAdjutant => {
            "a verifier must not be named `adjutant`: that is the check of the whole.".to_owned()
        }
        FileFault::SameVerifier { name } => {
            format!("the verifier `{name}` is there twice; give each a name of its own.")
        }
        FileFault::NoVerifierName => "a verifier needs a `name`, such as `test`.".to_owned(),
        FileFault::NoVerifierCommand => "a verifier needs a command to `run`, such as `cargo test`.".to_owned(),
        FileFault::BadGlob { key, error } => format!("`{key}` has a glob that does not compile: {error}."),
    }
}

fn name(mapping: Mapping) -> &'static str {
    match mapping {
        Mapping::File => "the file",
        Mapping::Thresholds => "`thresholds`",
        Mapping::Limits => "`limits`",
        Mapping::Verifier => "a verifier",
        Mapping::Judge => "`judge`",
        Mapping::Agents => "`agents`",
        Mapping::Diff => "`diff`",
    }
}

fn wanted(expected: &Expected) -> String {
    let fixed = match expected {
        Expected::Word(words) => {
            return match quoted(words).split_last() {
                Some((last, [])) => last.clone(),
                Some((last, others)) => format!("{} or {last}", others.join(", ")),
                None => String::new(),
            };
        }
        Expected::Count(most) => return format!("a whole number from 1 to {most}"),
        Expected::Number(most) => return format!("a number above 0 and at most {most}"),
        Expected::NumberOrNone(most) => return format!("a number from 0 to {most}"),
        Expected::Flag => "`true` or `false`",
        Expected::Text => "a text",
        Expected::QuotedText => "a text (in quotes)",
        Expected::TrimmedText => "a text without blanks around it",
        Expected::Label => "a text of 1 to 50 characters",
        Expected::Branch => "a branch's name, without `refs/heads/`",
        Expected::Agent => "the name of one of the operator's agents",
        Expected::VerifierName => "kebab-case of at most 40 characters, such as `unit-tests`",
        Expected::Command => "a shell command",
        Expected::List => "a list",
        Expected::Globs => "a list of globs from the root of the tree, such as `migrations/**`",
        Expected::Network => "`true`, `false` or a list of hosts",
        Expected::Hosts => "a list of hosts, such as `api.example.org` or `*.example.org`",
    };
    fixed.to_owned()
}

fn instead(found: &Found) -> String {
    match found {
        Found::Nothing => "empty".to_owned(),
        Found::Value(value) => format!("`{value}`"),
        Found::List => "a list".to_owned(),
        Found::Mapping => "a mapping".to_owned(),
    }
}

fn quoted(words: &[String]) -> Vec<String> {
    words.iter().map(|word| format!("`{word}`")).collect()
}

#[cfg(test)]
#[path = "policy_fault_tests.rs"]
mod tests;

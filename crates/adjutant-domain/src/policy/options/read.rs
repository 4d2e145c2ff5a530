//! From an issue's text to policy overrides.
//!
//! Options stand below a heading *Options*, one a line: `option: value`, as items of a list, as ticked boxes, or below
//! headings of their own. A form's field may also be labelled *Options: budget*, with the value alone below it.

use super::{MOST_WISHES, OverrideSource, PolicyOverride, about};
use crate::brief;
use crate::policy::Autonomy;

/// What an issue's text policy overrides of the policy.
pub fn overrides(body: &str) -> Vec<PolicyOverride> {
    let mut overrides = Vec::new();
    for (option, text) in brief::options(body) {
        let mut heading = Some(option).filter(|option| !option.is_empty());
        for line in text.lines().map(str::trim).filter(|line| !is_decoration(line)) {
            if line.starts_with('#') {
                heading = Some(line.trim_start_matches('#').trim().to_owned());
            } else if line == "_No response_" {
                heading = None;
            } else {
                overrides.extend(policy_override(line, heading.take()));
            }
            if overrides.len() == MOST_WISHES {
                return overrides;
            }
        }
    }
    overrides
}

/// What only holds other lines together.
fn is_decoration(line: &str) -> bool {
    line.is_empty() || line.starts_with("```") || line.starts_with("~~~") || line.chars().all(|c| "-*_=".contains(c))
}

/// The policy override on one line; none where its box is not ticked, or it announces others.
fn policy_override(line: &str, heading: Option<String>) -> Option<PolicyOverride> {
    let item = ["- ", "* ", "+ "].iter().find_map(|marker| line.strip_prefix(marker)).unwrap_or(line).trim_start();
    if item.starts_with("[ ]") {
        return None;
    }
    let item = ["[x]", "[X]"].iter().find_map(|ticked| item.strip_prefix(ticked)).unwrap_or(item).trim();
    let (key, value) = match (heading, item.split_once(':')) {
        (Some(heading), _) => (heading, item),
        (None, Some((_, ""))) => return None,
        (None, Some((key, value))) => (key.to_owned(), value),
        (None, None) if Autonomy::parse(bare(item)).is_some() => ("autonomy".to_owned(), item),
        (None, None) if about(bare(item)).is_some() => (item.to_owned(), "true"),
        (None, None) => (String::new(), item),
    };
    let (key, value) = (bare(&key), bare(value.split('(').next().unwrap_or_default()));
    let shown = if item.contains(value) && item.contains(key) { item.to_owned() } else { format!("{key}: {value}") };
    Some(PolicyOverride { from: OverrideSource::Options, shown, key: key.to_owned(), value: value.to_owned() })
}

/// Without emphasis, back ticks and quotes around it.
fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || "*_`\"'".contains(c))
}

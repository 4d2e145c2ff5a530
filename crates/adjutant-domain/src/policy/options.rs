//! Labels and an issue's options: how whoever may write an issue or set a label makes a policy stricter.
//!
//! In go a policy and policy overrides, out come the policy that holds and what of the policy overrides does not count, with the reason.
//! What never happens: no policy override makes anything looser than it was. Text of policy overrides is anybody's, and is told to people
//! only as code.

use serde::{Deserialize, Serialize};

use super::{Autonomy, Delivery, FinalMerge, Policy};
use crate::ids::Usd;
use crate::text;

pub use read::overrides;

mod read;

/// The most policy overrides that are looked at: more are an accident.
const MOST_WISHES: usize = 40;
/// The longest policy override that is told again, in characters.
const MOST_CHARS: usize = 80;

/// Something that is wanted of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyOverride {
    /// Where it stands.
    pub from: OverrideSource,
    /// As it was written.
    pub shown: String,
    /// What it is about, as it was written.
    pub key: String,
    /// What is wanted, as it was written.
    pub value: String,
}

/// Where a policy override stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverrideSource {
    /// A label of the issue.
    Label,
    /// The options in the text.
    Options,
}

/// What became of a directive's policy overrides, and the autonomy that people with write access may go back to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyOverrides {
    /// The level of the policy file itself; none in states from before there were policy overrides.
    pub ceiling: Option<Autonomy>,
    /// What made the policy stricter, in words of ours.
    pub counted: Vec<String>,
    /// What does not count.
    pub ignored: Vec<IgnoredOption>,
}

/// a policy override that does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoredOption {
    /// As it was written: text of anybody's.
    pub shown: String,
    /// Why, in words of ours.
    pub why: String,
}

/// What an option is about. The names are in lower case, without what is in brackets and without `max`.
const OPTIONS: &[(&str, About)] = &[
    ("autonomy", About::Autonomy),
    ("plan approval", About::PlanApproval),
    ("merge", About::Merge),
    ("budget", About::Budget),
    ("cost", About::Budget),
    ("wall time", About::WallTime),
    ("time limit", About::WallTime),
    ("parallel tasks", About::ParallelTasks),
    ("steps", About::Steps),
    ("rework cycles", About::ReworkCycles),
    ("reworks", About::ReworkCycles),
    ("chain generations", About::ChainGenerations),
    ("plans", About::ChainGenerations),
    ("open pull requests", About::OpenPulls),
    ("delivery", About::Delivery),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Autonomy,
    PlanApproval,
    Merge,
    Budget,
    WallTime,
    ParallelTasks,
    Steps,
    ReworkCycles,
    ChainGenerations,
    OpenPulls,
    Delivery,
}

/// The policy override that a label of an issue is, where the policy's own label is `trigger`; none where it is another label.
///
/// `directive:manual` is one where `directive` is the trigger; labels know no case.
pub fn label_override(trigger: &str, label: &str) -> Option<PolicyOverride> {
    let (before, word) = label.split_at_checked(trigger.len())?;
    let word = word.strip_prefix(':').filter(|_| before.to_lowercase() == trigger.to_lowercase())?.trim();
    let (key, value) = match normal(word).as_str() {
        "plan" | "plan approval" => ("plan approval", "true"),
        "merge person" | "person" => ("merge", "person"),
        level if Autonomy::parse(&level.replace(' ', "_")).is_some() => ("autonomy", word),
        _ => ("", word),
    };
    let policy_override = |text: &str| text.to_owned();
    Some(PolicyOverride {
        from: OverrideSource::Label,
        shown: policy_override(label),
        key: policy_override(key),
        value: policy_override(value),
    })
}

/// Whether a heading's words name an option: text below `Options: budget` is about the budget.
pub(crate) fn is_option(words: &str) -> bool {
    about(words).is_some()
}

/// The policy with these policy overrides, as far as they make it stricter. What does not count is added to `told`, and so is
/// what did, each once.
pub fn tighten(policy: &Policy, overrides: &[PolicyOverride], told: &mut PolicyOverrides) -> Policy {
    let mut tighter = policy.clone();
    for policy_override in overrides.iter().take(MOST_WISHES) {
        let outcome = about(&policy_override.key)
            .map_or_else(|| Err(unknown(policy_override)), |about| one(about, policy_override, policy, &mut tighter));
        match outcome {
            Ok(None) => {}
            Ok(Some(counted)) => {
                let by = match policy_override.from {
                    OverrideSource::Label => "a label",
                    OverrideSource::Options => "the issue's options",
                };
                let counted = format!("{counted} by {by}");
                if !told.counted.contains(&counted) {
                    told.counted.push(counted);
                }
            }
            Err(why) => {
                let ignored = IgnoredOption { shown: policy_override.shown.chars().take(MOST_CHARS).collect(), why };
                if !told.ignored.contains(&ignored) {
                    told.ignored.push(ignored);
                }
            }
        }
    }
    tighter
}

/// One policy override: what it made stricter, if anything, or why it does not count.
fn one(
    about: About,
    policy_override: &PolicyOverride,
    policy: &Policy,
    into: &mut Policy,
) -> Result<Option<String>, String> {
    let (value, has, limits) = (policy_override.value.trim(), &policy.limits, &mut into.limits);
    match about {
        About::Autonomy => {
            let level = Autonomy::parse(&value.replace(' ', "_"))
                .ok_or("the levels are `manual`, `guardrails` and `full_auto`")?;
            lower(level, policy.autonomy, &mut into.autonomy, "the autonomy is", |level| {
                format!("`{}`", level.as_str())
            })
        }
        About::PlanApproval => match flag(value).ok_or("write `true` or `false`")? {
            false if policy.plan_approval => Err("the policy has the plan approved".to_owned()),
            wanted => {
                let news = wanted && !into.plan_approval;
                into.plan_approval |= wanted;
                Ok(news.then(|| "the plan waits for `/approve`".to_owned()))
            }
        },
        About::Merge => match normal(value).as_str() {
            "person" | "a person" => {
                let news = into.merge == FinalMerge::Auto;
                into.merge = FinalMerge::Person;
                Ok(news.then(|| "a person merges into the base".to_owned()))
            }
            "auto" if policy.merge == FinalMerge::Auto => Ok(None),
            "auto" => Err("the policy has a person merge into the base".to_owned()),
            _ => Err("write `person`".to_owned()),
        },
        About::Budget => {
            let cost = Usd::from_dollars(number(value).ok_or("write dollars, such as `5`")?);
            let cost = Some(cost).filter(|cost| *cost > Usd::ZERO).ok_or("write more than 0 dollars")?;
            // People with write access may still raise it to where the file lets them.
            let ceiling = has.cost_ceiling();
            let told = lower(cost, has.cost, &mut limits.cost, "the budget is", |cost| cost.to_string())?;
            if told.is_some() {
                limits.cost_ceiling = Some(ceiling);
            }
            Ok(told)
        }
        About::WallTime => {
            let hours = number(value).filter(|hours| *hours >= 0.1).ok_or("write hours, at least 0.1")?;
            lower(hours, has.wall_time_hours, &mut limits.wall_time_hours, "the working time is", |hours| {
                format!("{hours} h")
            })
        }
        About::ParallelTasks => count(value, has.parallel_tasks, &mut limits.parallel_tasks, "agents at a time:"),
        About::Steps => count(value, has.steps, &mut limits.steps, "steps in a plan:"),
        About::ReworkCycles => {
            count(value, has.rework_cycles, &mut limits.rework_cycles, "automatic reworks of a step:")
        }
        About::ChainGenerations => count(value, has.chain_generations, &mut limits.chain_generations, "plans:"),
        About::OpenPulls => {
            count(value, has.open_pull_requests, &mut limits.open_pull_requests, "open pull requests that wait:")
        }
        About::Delivery => match (normal(value).as_str(), policy.delivery) {
            ("integration", Delivery::Integration) | ("direct", Delivery::Direct) => Ok(None),
            _ => Err("only the policy says where pull requests go".to_owned()),
        },
    }
}

fn count(value: &str, has: u32, into: &mut u32, what: &str) -> Result<Option<String>, String> {
    let count = value.parse().ok().filter(|count: &u32| *count >= 1).ok_or("write a whole number from 1")?;
    lower(count, has, into, what, |count| count.to_string())
}

/// Lowers a value; one that is above the policy's does not count.
fn lower<T: PartialOrd + Copy>(
    wanted: T,
    policy: T,
    into: &mut T,
    what: &str,
    shown: impl Fn(T) -> String,
) -> Result<Option<String>, String> {
    if wanted > policy {
        return Err(format!("it would loosen the policy, which says {}", shown(policy)));
    }
    if wanted >= *into {
        return Ok(None);
    }
    *into = wanted;
    Ok(Some(format!("{what} {}", shown(wanted))))
}

fn about(key: &str) -> Option<About> {
    let key = normal(key);
    OPTIONS.iter().find(|(name, _)| *name == key).map(|(_, about)| *about)
}

/// Why a policy override is not understood.
fn unknown(policy_override: &PolicyOverride) -> String {
    let key = normal(&policy_override.key);
    match (policy_override.from, text::nearest(&key, OPTIONS.iter().map(|(name, _)| *name))) {
        (OverrideSource::Label, _) => {
            "it is no label of Adjutant's; those after the colon are `manual`, `guardrails`, \
                                 `plan-approval` and `merge-person`"
                .to_owned()
        }
        (OverrideSource::Options, Some(near)) if !key.is_empty() => format!("did you mean `{near}`?"),
        (OverrideSource::Options, _) => "it is no option, written `option: value`".to_owned(),
    }
}

/// Words in lower case, one blank between them; what is in brackets, units and `max` are left out.
fn normal(words: &str) -> String {
    let words = words.split('(').next().unwrap_or_default().to_lowercase();
    let words = words.split(|c: char| c.is_whitespace() || "_-".contains(c));
    let mut words = words.filter(|word| !matches!(*word, "" | "max" | "maximum" | "usd" | "hours" | "in")).peekable();
    let mut normal = String::new();
    while let Some(word) = words.next() {
        normal.push_str(word);
        if words.peek().is_some() {
            normal.push(' ');
        }
    }
    normal
}

fn flag(value: &str) -> Option<bool> {
    match value.to_lowercase().as_str() {
        "true" | "yes" | "on" | "x" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// A number, with or without its unit.
fn number(value: &str) -> Option<f64> {
    let value = value.to_lowercase();
    let value = value.trim_start_matches('$');
    let value =
        ["usd", "dollars", "hours", "hour", "h", "$"].iter().find_map(|unit| value.strip_suffix(unit)).unwrap_or(value);
    value.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;

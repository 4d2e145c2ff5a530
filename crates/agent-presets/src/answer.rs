//! What the last message must be, and what is read out of it.

use serde_json::Value;

use crate::driver::{Task, TaskKind};
use crate::schema::without_nulls;

/// The places in a text at which a JSON object is looked for.
const MAX_PLACES: usize = 2_000;

/// The section at the end of the prompt that says what is handed in. `structured`: the program asks for it by itself.
pub(crate) fn how_to_hand_in(task: &Task, schema: Option<&Value>, structured: bool) -> String {
    let block = |what: &str| {
        let schema = schema.map(|schema| format!("\n\nIts JSON Schema:\n\n```json\n{schema}\n```")).unwrap_or_default();
        format!(
            "End your last message with {what} as one block of JSON between ```json and ```, and write nothing after it.{schema}"
        )
    };
    let words = match task.kind {
        TaskKind::Plan | TaskKind::Judge if structured => {
            "Your structured output is what is handed in. Nothing else of your last message is read.".to_owned()
        }
        TaskKind::Plan => block("the plan"),
        TaskKind::Judge => block("the judgement"),
        TaskKind::Step | TaskKind::Rework if task.owes_report() => {
            "Your last message is handed in as the report: write the findings there, whole, in Markdown. Leave out what \
             you are about to do, and greetings."
                .to_owned()
        }
        TaskKind::Step | TaskKind::Rework => {
            "The files that you leave in the working tree are handed in, and your last message as the summary: say in two \
             or three sentences what you did. Where a field of the result is asked for above (`report` or `evidence`), end \
             that message with a block of JSON that has it: ```json {\"report\": \"…\"} ```."
                .to_owned()
        }
    };
    format!(
        "## How to hand in\n\nThe fields of the result that are named above are written for you; there is no file to write. \
         {words}"
    )
}

/// The last JSON object in a text that `fits`: the whole text, else its last fenced block, else any object in it.
pub(crate) fn last_object(text: &str, fits: impl Fn(&Value) -> bool) -> Option<Value> {
    let parse =
        |text: &str| serde_json::from_str::<Value>(text.trim()).ok().filter(|value| value.is_object() && fits(value));
    if let Some(whole) = parse(text) {
        return Some(without_nulls(whole));
    }
    let fenced = text.split("```").skip(1).step_by(2).collect::<Vec<_>>();
    let of_fence = |block: &&str| parse(block).or_else(|| parse(block.split_once('\n').map_or("", |(_, rest)| rest)));
    let found = fenced.iter().rev().find_map(of_fence).or_else(|| {
        let mut last = None;
        let mut from = 0;
        for _ in 0..MAX_PLACES {
            let Some(at) = text[from..].find('{').map(|at| from + at) else { break };
            let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
            match values.next() {
                Some(Ok(value)) => {
                    from = at + values.byte_offset().max(1);
                    last = Some(value).filter(|value| fits(value)).or(last);
                }
                _ => from = at + 1,
            }
        }
        last
    });
    found.map(without_nulls)
}

/// A plan, also where it stands in a member `plan`.
pub(crate) fn plan(value: Value) -> Option<Value> {
    unwrapped(value, "plan", |plan| plan["steps"].is_array())
}

/// A judgement, also where it stands in a member `judgement`.
pub(crate) fn judgement(value: Value) -> Option<Value> {
    unwrapped(value, "judgement", |judgement| judgement["criteria"].is_array())
}

pub(crate) fn fits_plan(value: &Value) -> bool {
    value["steps"].is_array() || value["plan"]["steps"].is_array()
}

pub(crate) fn fits_judgement(value: &Value) -> bool {
    value["criteria"].is_array() || value["judgement"]["criteria"].is_array()
}

pub(crate) fn fits_step(value: &Value) -> bool {
    ["report", "evidence", "summary"].iter().any(|name| value[*name].is_string())
}

fn unwrapped(mut value: Value, name: &str, fits: impl Fn(&Value) -> bool) -> Option<Value> {
    if let Some(inner) = value.get_mut(name).filter(|inner| fits(inner)) {
        return Some(inner.take());
    }
    Some(value).filter(fits)
}

/// The text before the block of JSON that it ends with, if it ends with one.
pub(crate) fn without_block(text: &str) -> &str {
    let trimmed = text.trim_end();
    let Some(body) = trimmed.strip_suffix("```") else { return trimmed };
    match body.rfind("```") {
        Some(at) => trimmed[..at].trim_end(),
        None => trimmed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(text: &str) -> Option<Value> {
        last_object(text, fits_plan).and_then(plan)
    }

    #[test]
    fn a_plan_is_found_bare_fenced_wrapped_and_in_prose() {
        let wanted = json!({ "steps": [{ "name": "a" }] });
        for text in [
            r#"{"steps":[{"name":"a","x":null}]}"#,
            "Here:\n```json\n{\"steps\":[{\"name\":\"a\"}]}\n```\nDone. {\"other\": 1}",
            "```\n{\"steps\":[]}\n```\n\n```JSON\n{\"plan\": {\"steps\":[{\"name\":\"a\"}]}}\n```",
            "So { this } and {\"steps\":[{\"name\":\"a\"}]} and {\"note\": 2}",
            "unclosed ```json\n{\"steps\":[{\"name\":\"a\"}]}",
        ] {
            assert_eq!(found(text), Some(wanted.clone()), "{text}");
        }
    }

    #[test]
    fn what_is_no_plan_is_none_however_long_it_is() {
        for text in ["", "{", "no", "[]", "```json\n{\"steps\": 3}\n```", r#"{"steps":"#] {
            assert_eq!(found(text), None, "{text}");
        }
        assert_eq!(found(&"{".repeat(1_000_000)), None);
        assert_eq!(found(&"{\"a\":".repeat(100_000)), None);
        assert_eq!(found(&"```".repeat(100_000)), None);
    }

    #[test]
    fn the_block_at_the_end_is_cut_from_the_summary() {
        assert_eq!(without_block("Done.\n\n```json\n{}\n```\n"), "Done.");
        assert_eq!(without_block("Use `x` ```a``` so"), "Use `x` ```a``` so");
        assert_eq!(without_block("```"), "```");
    }
}

//! The issue form that users copy: it is valid for GitHub, and its answers are read correctly.

use std::collections::BTreeSet;

use adjutant_domain::brief;
use adjutant_domain::ids::Usd;
use adjutant_domain::policy::options::{PolicyOverrides, overrides, tighten};
use adjutant_domain::policy::{Autonomy, FinalMerge, Policy};
use serde_json::Value;

fn form() -> Value {
    serde_saphyr::from_str(include_str!("../../docs/issue-form.yml")).unwrap()
}

/// The body that GitHub generates from a filled-in form: each field's label as a heading, and its answer below.
///
/// `answer` returns a field's text, or the labels of the ticked boxes, one per line.
fn rendered(form: &Value, answer: impl Fn(&str) -> &'static str) -> String {
    let mut sections = Vec::new();
    for field in form["body"].as_array().unwrap().iter().filter(|field| field["type"] != "markdown") {
        let answer = answer(field["id"].as_str().unwrap());
        let value = match (field["type"].as_str().unwrap(), answer) {
            ("checkboxes", answer) => {
                let boxes = field["attributes"]["options"].as_array().unwrap().iter().map(|option| {
                    let label = option["label"].as_str().unwrap();
                    let ticked = answer.lines().any(|line| label.starts_with(line));
                    format!("- [{}] {label}", if ticked { "X" } else { " " })
                });
                boxes.collect::<Vec<_>>().join("\n")
            }
            (_, "") => "_No response_".to_owned(),
            ("dropdown", answer) => {
                let options = field["attributes"]["options"].as_array().unwrap();
                let option =
                    options.iter().map(|option| option.as_str().unwrap()).find(|option| option.starts_with(answer));
                option.unwrap().to_owned()
            }
            (_, answer) => answer.to_owned(),
        };
        sections.push(format!("### {}\n\n{value}", field["attributes"]["label"].as_str().unwrap()));
    }
    sections.join("\n\n").replace('\n', "\r\n")
}

/// <https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests/syntax-for-githubs-form-schema>
#[test]
fn the_form_is_valid_by_githubs_rules_and_sets_no_label() {
    let form = form();
    let keys: BTreeSet<_> = form.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["body", "description", "name"].into(), "neither labels nor assignees");
    let mut names = BTreeSet::new();
    for field in form["body"].as_array().unwrap() {
        let (kind, attributes) = (field["type"].as_str().unwrap(), field["attributes"].as_object().unwrap());
        let allowed: &[&str] = match kind {
            "markdown" => &["value"],
            "textarea" => &["label", "description", "placeholder", "value", "render"],
            "input" => &["label", "description", "placeholder", "value"],
            "dropdown" => &["label", "description", "multiple", "options", "default"],
            "checkboxes" => &["label", "description", "options"],
            other => panic!("GitHub has no field of type `{other}`"),
        };
        assert!(attributes.keys().all(|key| allowed.contains(&key.as_str())), "{field}");
        for text in ["label", "description", "placeholder", "value"] {
            assert!(attributes.get(text).is_none_or(Value::is_string), "{field}");
        }
        if kind == "markdown" {
            assert!(attributes.contains_key("value") && field.get("id").is_none(), "{field}");
            continue;
        }
        let id = field["id"].as_str().unwrap();
        assert!(id.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)), "{id}");
        assert!(
            names.insert(id.to_owned()) && names.insert(format!("label {}", attributes["label"])),
            "{id} is there twice"
        );
        let options = attributes.get("options").map(|options| options.as_array().unwrap().clone()).unwrap_or_default();
        assert_eq!(matches!(kind, "dropdown" | "checkboxes"), !options.is_empty(), "{field}");
        let told: BTreeSet<_> =
            options.iter().map(|option| option["label"].as_str().or(option.as_str()).unwrap()).collect();
        assert!(told.len() == options.len() && !told.contains("None"), "{field}");
    }
    assert!(names.len() > 2);
}

#[test]
fn a_form_that_was_filled_in_becomes_the_brief_and_the_options() {
    let body = rendered(&form(), |field| match field {
        "goal" => "Print lengths in miles.",
        "requirements" => "- parse lengths\n- convert them",
        "criteria" => "- `3 km` is `1.86 mi`",
        "constraints" => "no new dependencies",
        "autonomy" => "manual",
        "budget" => "5",
        "wall-time" => "2",
        "options" => "Plan approval\nMerge",
        "more-options" => "parallel tasks: 1\nsteps: 4",
        other => panic!("nobody filled `{other}` in"),
    });
    let brief = brief::parse("Miles", &body);
    assert_eq!(brief.goal, "Print lengths in miles.");
    let texts: Vec<_> = brief.requirements.iter().map(|requirement| requirement.description.as_str()).collect();
    assert_eq!(texts, ["parse lengths", "convert them"]);
    assert_eq!(brief.criteria[0].criterion, "`3 km` is `1.86 mi`");
    assert_eq!(brief.constraints, ["no new dependencies"]);

    let loose = Policy { autonomy: Autonomy::FullAuto, merge: FinalMerge::Auto, ..Policy::default() };
    let mut told = PolicyOverrides::default();
    let policy = tighten(&loose, &overrides(&body), &mut told);
    let mut expected = Policy { autonomy: Autonomy::Manual, plan_approval: true, ..Policy::default() };
    expected.limits.cost = Usd::from_dollars(5.0);
    expected.limits.cost_ceiling = Some(Usd::from_dollars(50.0));
    expected.limits.wall_time_hours = 2.0;
    expected.limits.parallel_tasks = 1;
    expected.limits.steps = 4;
    assert_eq!(policy, expected);
    assert_eq!(told.ignored, []);
}

#[test]
fn a_form_with_nothing_but_a_goal_overrides_nothing() {
    let body = rendered(&form(), |field| if field == "goal" { "Do it." } else { "" });
    assert_eq!(brief::parse("t", &body), brief::Brief { goal: "Do it.".to_owned(), ..brief::Brief::default() });
    assert_eq!(overrides(&body), []);
}

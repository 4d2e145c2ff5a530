//! Plans by example.

use super::*;
use crate::actor::Actor;
use crate::brief::{Criterion, Requirement};
use crate::ids::{Branch, StepId};
use crate::step::{PassedBy, StepKind, StepState};

fn brief() -> Brief {
    Brief {
        goal: "Print lengths.".to_owned(),
        requirements: vec![
            Requirement { id: "R1".to_owned(), description: "Parse.".to_owned() },
            Requirement { id: "R2".to_owned(), description: "Print.".to_owned() },
        ],
        criteria: vec![Criterion { id: "A1".to_owned(), criterion: "It prints.".to_owned() }],
        constraints: Vec::new(),
    }
}

fn faults(plan: &Value) -> Vec<String> {
    validate(plan, &brief(), 3, &[]).expect_err("the plan should have been turned down")
}

#[test]
fn a_good_plan_is_taken_as_it_is() {
    let plan = json!({ "rationale": "small", "steps": [
        { "name": "parse", "type": "implement", "description": "Parse it.", "requirements": ["R1"] },
        { "name": "print", "type": "implement", "description": "Print it.", "depends_on": ["parse", "parse"],
          "requirements": ["R2"], "criteria": ["A1"] },
    ]});
    let plan = validate(&plan, &brief(), 3, &[]).expect("a good plan");
    assert_eq!(plan.steps.len(), 2);
    assert_eq!(plan.steps[1].depends_on, [StepName::new("parse")]);
}

#[test]
fn every_fault_is_named_at_once() {
    let plan = json!({ "steps": [
        { "name": "Parse It", "type": "hack", "description": " ", "depends_on": ["nothing"], "requirements": ["R9"] },
        { "name": "twice", "type": "test", "description": "x", "criteria": ["A7"] },
        { "name": "twice", "type": "test", "description": "x", "requirements": ["R1"] },
        { "name": "final", "type": "test", "description": "x" },
    ]});
    let faults = faults(&plan).join("\n");
    for part in [
        "4 steps, and at most 3",
        "`Parse It` is no step name",
        "unknown type `hack`",
        "says nothing",
        "depends on `nothing`",
        "requirement `R9`",
        "criterion `A7`",
        "two steps are named `twice`",
        "`final` is taken",
        "requirement R2 is covered by no step",
    ] {
        assert!(faults.contains(part), "{part} is missing in:\n{faults}");
    }
}

#[test]
fn a_cycle_is_named_with_its_path() {
    let plan = json!({ "steps": [
        { "name": "a", "type": "implement", "description": "x", "depends_on": ["c"], "requirements": ["R1", "R2"] },
        { "name": "b", "type": "implement", "description": "x", "depends_on": ["a"] },
        { "name": "c", "type": "implement", "description": "x", "depends_on": ["b"] },
    ]});
    assert_eq!(faults(&plan), ["the dependencies form a cycle: a → b → c → a"]);
    let own = json!({ "steps": [
        { "name": "a", "type": "implement", "description": "x", "depends_on": ["a"], "requirements": ["R1", "R2"] },
    ]});
    assert_eq!(faults(&own), ["the dependencies form a cycle: a → a"]);
}

#[test]
fn nonsense_is_a_fault_and_not_a_panic() {
    for nonsense in [json!(null), json!([]), json!({ "steps": 3 }), json!({ "steps": [{}] })] {
        assert!(faults(&nonsense)[0].contains("does not have the shape"));
    }
    assert_eq!(faults(&json!({ "steps": [] }))[0], "the plan has no steps");
}

#[test]
fn the_default_chain_passes_its_own_validation_however_few_steps_are_allowed() {
    for (max_steps, names) in
        [(1, "implement"), (2, "implement test"), (3, "research implement test"), (12, "research implement test")]
    {
        let chain = default_chain(&brief(), max_steps);
        let found: Vec<_> = chain.steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(found.join(" "), names);
        let steps = chain.steps.iter().map(|step| {
            json!({ "name": step.name, "type": step.kind.as_str(), "description": step.description,
                    "depends_on": step.depends_on, "requirements": step.requirements, "criteria": step.criteria })
        });
        let steps: Vec<_> = steps.collect();
        assert_eq!(validate(&json!({ "steps": steps }), &brief(), max_steps, &[]).map(|_| ()), Ok(()));
        let covered: Vec<_> = chain.steps.iter().flat_map(|step| &step.criteria).collect();
        assert_eq!(covered.len(), brief().criteria.len(), "every criterion has its step");
    }
}

/// A finished step of an earlier plan.
fn finished(name: &str, status: StepStatus, requirements: &[&str]) -> Step {
    let (id, name) = (StepId(uuid::Uuid::nil()), StepName::new(name));
    Step {
        description: "Do it.".to_owned(),
        requirements: requirements.iter().map(|id| (*id).to_owned()).collect(),
        state: match status {
            StepStatus::Skipped => StepState::Skipped { by: Actor::Unknown, cause: None, last: None },
            _ => StepState::Passed { by: PassedBy::Merge, candidate: None },
        },
        ..Step::new(id, name, StepKind::Implement, Branch::new("b"), Branch::new("t"))
    }
}

#[test]
fn every_fault_of_the_list_is_found_alone() {
    let ok =
        |name: &str| json!({ "name": name, "type": "implement", "description": "x", "requirements": ["R1", "R2"] });
    let with = |key: &str, value: Value| {
        let mut step = ok("a");
        step[key] = value;
        json!({ "steps": [step] })
    };
    let cases = [
        (
            json!({ "steps": [] }),
            vec!["the plan has no steps", "requirement R1 is covered", "requirement R2 is covered"],
        ),
        (json!({ "steps": [ok("a"), ok("b"), ok("c"), ok("d")] }), vec!["the plan has 4 steps"]),
        (json!({ "steps": [ok("a"), ok("a")] }), vec!["two steps are named `a`"]),
        (with("name", json!("A_b")), vec!["`A_b` is no step name"]),
        (with("name", json!("main")), vec!["`main` is taken"]),
        (with("depends_on", json!(["z"])), vec!["depends on `z`"]),
        (with("depends_on", json!(["a"])), vec!["form a cycle: a → a"]),
        (with("requirements", json!(["R1"])), vec!["requirement R2 is covered by no step"]),
        (with("requirements", json!(["R1", "R2", "R3"])), vec!["covers requirement `R3`"]),
        (with("criteria", json!(["A2"])), vec!["covers criterion `A2`"]),
        (with("type", json!("final")), vec!["unknown type `final`"]),
        (with("type", json!("")), vec!["unknown type ``"]),
        (with("description", json!(" ")), vec!["says nothing"]),
        (with("done", json!(true)), vec!["declared done, and no earlier step"]),
    ];
    for (plan, expected) in cases {
        let found = faults(&plan);
        assert_eq!(found.len(), expected.len(), "{plan}: {found:?}");
        for part in expected {
            assert!(found.iter().any(|fault| fault.contains(part)), "{part} is missing in {found:?}");
        }
    }
}

#[test]
fn what_passed_may_be_depended_on_and_declared_done_and_covers_what_it_did() {
    let earlier = [finished("parse", StepStatus::Passed, &["R1"]), finished("old", StepStatus::Skipped, &["R2"])];
    let carried: Vec<&Step> = earlier.iter().collect();
    let print = |requirements: &[&str]| {
        json!({ "name": "print", "type": "implement", "description": "Print.", "depends_on": ["parse"],
                "requirements": requirements })
    };
    let good = validate(&json!({ "steps": [print(&["R2"])] }), &brief(), 1, &carried).expect("R1 passed");
    assert_eq!(good.steps.len(), 1);
    let declared = json!({ "steps": [{ "name": "parse", "done": true }, print(&["R2"])] });
    let good = validate(&declared, &brief(), 1, &carried).expect("what is done counts for no step");
    assert!(good.steps[0].done && !good.steps[1].done);
    let skipped = validate(&json!({ "steps": [print(&[])] }), &brief(), 1, &carried).unwrap_err();
    assert_eq!(skipped, ["requirement R2 is covered by no step"], "what was skipped covers nothing");
    let anew =
        json!({ "steps": [{ "name": "parse", "type": "implement", "description": "Otherwise." }, print(&["R2"])] });
    let uncovered = validate(&anew, &brief(), 2, &carried).unwrap_err();
    assert_eq!(uncovered, ["requirement R1 is covered by no step"], "its name is planned with something else to do");
}

#[test]
fn the_schema_offers_done_only_where_something_is() {
    assert!(schema(3, &[])["properties"]["steps"]["items"]["properties"]["done"].is_null());
    let earlier = finished("parse", StepStatus::Passed, &[]);
    let offered = schema(3, &[&earlier]);
    let steps = &offered["properties"]["steps"];
    assert!(steps["items"]["properties"]["done"]["description"].as_str().unwrap().ends_with("one of parse"));
    assert_eq!((&steps["maxItems"], &steps["items"]["required"]), (&json!(4), &json!(["name"])));
}

#[test]
fn a_plan_without_end_is_refused_by_its_size_and_its_faults_are_bounded() {
    let step = |n: usize| json!({ "name": format!("s{n}"), "type": "test", "description": "x", "depends_on": [format!("s{}", n + 1)] });
    let long = json!({ "steps": (0..100_000).map(step).collect::<Vec<_>>() });
    assert_eq!(faults(&long), ["the plan has 100000 steps, and at most 3 are allowed"]);
    let names: Vec<_> = (0..60_000).map(|n| format!("R{n}")).collect();
    let wide = json!({ "steps": [{ "name": "a", "type": "test", "description": "x", "requirements": names }] });
    let faults = faults(&wide);
    assert_eq!((faults.len(), faults[50].as_str()), (51, "59948 more faults are not listed"));
}

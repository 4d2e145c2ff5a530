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

fn faults(plan: &Value) -> Vec<PlanFault> {
    validate(plan, &brief(), 3, &[]).expect_err("the plan should have been turned down")
}

fn uncovered(requirement: &str) -> PlanFault {
    PlanFault::Uncovered { requirement: requirement.to_owned() }
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
    let (odd, twice) = (|| "Parse It".to_owned(), || "twice".to_owned());
    let expected = [
        PlanFault::TooManySteps { steps: 4, allowed: 3 },
        PlanFault::BadName { name: odd() },
        PlanFault::UnknownType { step: odd(), kind: "hack".to_owned() },
        PlanFault::NoDescription { step: odd() },
        PlanFault::UnknownDependency { step: odd(), dependency: "nothing".to_owned() },
        PlanFault::SameName { name: twice() },
        PlanFault::ReservedName { name: "final".to_owned() },
        PlanFault::UnknownRequirement { step: odd(), requirement: "R9".to_owned() },
        PlanFault::UnknownCriterion { step: twice(), criterion: "A7".to_owned() },
        PlanFault::Uncovered { requirement: "R2".to_owned() },
    ];
    assert_eq!(faults(&plan), expected);
}

#[test]
fn a_cycle_is_named_with_its_path() {
    let plan = json!({ "steps": [
        { "name": "a", "type": "implement", "description": "x", "depends_on": ["c"], "requirements": ["R1", "R2"] },
        { "name": "b", "type": "implement", "description": "x", "depends_on": ["a"] },
        { "name": "c", "type": "implement", "description": "x", "depends_on": ["b"] },
    ]});
    let cycle = |steps: &[&str]| [PlanFault::Cycle { steps: steps.iter().copied().map(str::to_owned).collect() }];
    assert_eq!(faults(&plan), cycle(&["a", "b", "c", "a"]));
    let own = json!({ "steps": [
        { "name": "a", "type": "implement", "description": "x", "depends_on": ["a"], "requirements": ["R1", "R2"] },
    ]});
    assert_eq!(faults(&own), cycle(&["a", "a"]));
}

#[test]
fn nonsense_is_a_fault_and_not_a_panic() {
    for nonsense in [json!(null), json!([]), json!({ "steps": 3 }), json!({ "steps": [{}] })] {
        assert!(matches!(faults(&nonsense)[0], PlanFault::Shape { .. }));
    }
    assert_eq!(faults(&json!({ "steps": [] }))[0], PlanFault::NoSteps);
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
    let a = || "a".to_owned();
    let cases = [
        (json!({ "steps": [] }), vec![PlanFault::NoSteps, uncovered("R1"), uncovered("R2")]),
        (
            json!({ "steps": [ok("a"), ok("b"), ok("c"), ok("d")] }),
            vec![PlanFault::TooManySteps { steps: 4, allowed: 3 }],
        ),
        (json!({ "steps": [ok("a"), ok("a")] }), vec![PlanFault::SameName { name: a() }]),
        (with("name", json!("A_b")), vec![PlanFault::BadName { name: "A_b".to_owned() }]),
        (with("name", json!("main")), vec![PlanFault::ReservedName { name: "main".to_owned() }]),
        (
            with("depends_on", json!(["z"])),
            vec![PlanFault::UnknownDependency { step: a(), dependency: "z".to_owned() }],
        ),
        (with("depends_on", json!(["a"])), vec![PlanFault::Cycle { steps: vec![a(), a()] }]),
        (with("requirements", json!(["R1"])), vec![uncovered("R2")]),
        (
            with("requirements", json!(["R1", "R2", "R3"])),
            vec![PlanFault::UnknownRequirement { step: a(), requirement: "R3".to_owned() }],
        ),
        (with("criteria", json!(["A2"])), vec![PlanFault::UnknownCriterion { step: a(), criterion: "A2".to_owned() }]),
        (with("type", json!("final")), vec![PlanFault::UnknownType { step: a(), kind: "final".to_owned() }]),
        (with("type", json!("")), vec![PlanFault::UnknownType { step: a(), kind: String::new() }]),
        (with("description", json!(" ")), vec![PlanFault::NoDescription { step: a() }]),
        (with("done", json!(true)), vec![PlanFault::NotFinished { step: a() }]),
    ];
    for (plan, expected) in cases {
        assert_eq!(faults(&plan), expected, "{plan}");
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
    assert_eq!(skipped, [uncovered("R2")], "what was skipped covers nothing");
    let anew =
        json!({ "steps": [{ "name": "parse", "type": "implement", "description": "Otherwise." }, print(&["R2"])] });
    let replaced = validate(&anew, &brief(), 2, &carried).unwrap_err();
    assert_eq!(replaced, [uncovered("R1")], "its name is planned with something else to do");
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
    assert_eq!(faults(&long), [PlanFault::TooManySteps { steps: 100_000, allowed: 3 }]);
    let names: Vec<_> = (0..60_000).map(|n| format!("R{n}")).collect();
    let wide = json!({ "steps": [{ "name": "a", "type": "test", "description": "x", "requirements": names }] });
    let faults = faults(&wide);
    assert_eq!((faults.len(), &faults[50]), (51, &PlanFault::More { faults: 59_948 }));
}

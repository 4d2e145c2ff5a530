//! Plans: what a planner proposes, and whether it can be worked on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::brief::Brief;
use super::ids::{Sha, StepName};
use super::step::StepKind;

/// A chain that can be worked on: known kinds, well-formed unique names, known and acyclic dependencies,
/// every requirement covered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Why it is cut this way, in the planner's words.
    pub rationale: String,
    /// In the planner's order.
    pub steps: Vec<PlannedStep>,
}

/// A step as planned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedStep {
    /// Unique in the plan.
    pub name: StepName,
    /// What kind of work it is.
    pub kind: StepKind,
    /// What is to be done.
    pub description: String,
    /// How.
    pub task_plan: String,
    /// What must be done before.
    pub depends_on: Vec<StepName>,
    /// Ids of the requirements covered.
    pub requirements: Vec<String>,
    /// Ids of the criteria covered.
    pub criteria: Vec<String>,
}

/// The longest texts taken from a planner, in characters.
const MAX_TEXT: usize = 8_000;

#[derive(Deserialize)]
struct RawPlan {
    #[serde(default)]
    rationale: String,
    steps: Vec<RawStep>,
}

#[derive(Deserialize)]
struct RawStep {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    description: String,
    #[serde(default)]
    task_plan: String,
    #[serde(default)]
    depends_on: Vec<String>,
    #[serde(default)]
    requirements: Vec<String>,
    #[serde(default)]
    criteria: Vec<String>,
}

/// The JSON Schema of what a planner is to answer.
pub fn schema(max_steps: u32) -> Value {
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    let kinds: Vec<_> = StepKind::PLANNABLE.iter().map(|kind| kind.as_str()).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["steps"],
        "properties": {
            "rationale": { "type": "string" },
            "steps": {
                "type": "array", "minItems": 1, "maxItems": max_steps,
                "items": {
                    "type": "object",
                    "required": ["name", "type", "description"],
                    "properties": {
                        "name": { "type": "string", "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", "maxLength": StepName::MAX_CHARS },
                        "type": { "enum": kinds },
                        "description": { "type": "string", "minLength": 1 },
                        "task_plan": { "type": "string" },
                        "depends_on": texts, "requirements": texts, "criteria": texts
                    }
                }
            }
        }
    })
}

/// The plan in a planner's answer, or everything that is wrong with it, a sentence each.
pub fn validate(answer: &Value, brief: &Brief, max_steps: u32) -> Result<Plan, Vec<String>> {
    let raw: RawPlan = RawPlan::deserialize(answer)
        .map_err(|error| vec![format!("the plan does not have the shape of its schema: {error}")])?;
    let mut faults = size_faults(&raw, max_steps);
    faults.extend(name_faults(&raw));
    faults.extend(coverage_faults(&raw, brief));
    if let Some(path) = cycle(&raw) {
        faults.push(format!("the dependencies form a cycle: {}", path.join(" → ")));
    }
    let steps: Vec<_> = raw.steps.iter().filter_map(planned).collect();
    if faults.is_empty() && steps.len() == raw.steps.len() {
        Ok(Plan { rationale: clip(&raw.rationale), steps })
    } else {
        Err(faults)
    }
}

/// What is worked on when no planner gave a usable plan: find out, build, prove. Where fewer steps are allowed, finding
/// out goes first and then proving, which building then does too.
pub fn default_chain(brief: &Brief, max_steps: u32) -> Plan {
    let requirements: Vec<_> = brief.requirements.iter().map(|requirement| requirement.id.clone()).collect();
    let criteria: Vec<_> = brief.criteria.iter().map(|criterion| criterion.id.clone()).collect();
    let step = |name: &str, kind, description: &str, after: &[&str], requirements: &[String], criteria: &[String]| {
        PlannedStep {
            name: StepName::new(name),
            kind,
            description: description.to_owned(),
            task_plan: String::new(),
            depends_on: after.iter().copied().map(StepName::new).collect(),
            requirements: requirements.to_vec(),
            criteria: criteria.to_vec(),
        }
    };
    let after: &[&str] = if max_steps < 3 { &[] } else { &["research"] };
    let proved_there: &[String] = if max_steps < 2 { &criteria } else { &[] };
    let build = "Build what the brief asks for.";
    let mut steps = vec![
        step("research", StepKind::Research, "Find out what the change touches and report it.", &[], &[], &[]),
        step("implement", StepKind::Implement, build, after, &requirements, proved_there),
        step("test", StepKind::Test, "Prove the acceptance criteria by tests.", &["implement"], &[], &criteria),
    ];
    if max_steps < 3 {
        steps.remove(0);
    }
    steps.truncate(max_steps.max(1) as usize);
    Plan { rationale: "The default chain: find out, build, prove.".to_owned(), steps }
}

impl Plan {
    /// What an approval of the plan is bound to.
    pub fn hash(&self) -> Sha {
        Sha::of_text(&json!(self).to_string())
    }
}

fn size_faults(raw: &RawPlan, max_steps: u32) -> Vec<String> {
    let mut faults = Vec::new();
    if raw.steps.is_empty() {
        faults.push("the plan has no steps".to_owned());
    }
    if raw.steps.len() > max_steps as usize {
        faults.push(format!("the plan has {} steps, and at most {max_steps} are allowed", raw.steps.len()));
    }
    faults
}

fn name_faults(raw: &RawPlan) -> Vec<String> {
    let mut faults = Vec::new();
    let known: BTreeSet<_> = raw.steps.iter().map(|step| step.name.as_str()).collect();
    let mut seen = BTreeSet::new();
    for step in &raw.steps {
        let name = &step.name;
        if !StepName::is_well_formed(name) {
            faults.push(format!(
                "`{}` is no step name: kebab-case, a letter first, at most {} characters",
                clip_to(name, 60),
                StepName::MAX_CHARS
            ));
        } else if matches!(name.as_str(), "final" | "plan" | "budget" | "main") {
            faults.push(format!("`{name}` is taken by Adjutant itself: choose another step name"));
        }
        if !seen.insert(name) {
            faults.push(format!("two steps are named `{}`", clip_to(name, 60)));
        }
        if StepKind::parse(&step.kind).is_none() {
            let kinds: Vec<_> = StepKind::PLANNABLE.iter().map(|kind| kind.as_str()).collect();
            faults.push(format!(
                "step `{}` has the unknown type `{}`: one of {}",
                clip_to(name, 60),
                clip_to(&step.kind, 40),
                kinds.join(", ")
            ));
        }
        if step.description.trim().is_empty() {
            faults.push(format!("step `{}` says nothing about what is to be done", clip_to(name, 60)));
        }
        for dependency in step.depends_on.iter().filter(|dependency| !known.contains(dependency.as_str())) {
            faults.push(format!(
                "step `{}` depends on `{}`, which is no step of the plan",
                clip_to(name, 60),
                clip_to(dependency, 60)
            ));
        }
    }
    faults
}

fn coverage_faults(raw: &RawPlan, brief: &Brief) -> Vec<String> {
    let mut faults = Vec::new();
    let requirements: BTreeSet<_> = brief.requirements.iter().map(|requirement| requirement.id.as_str()).collect();
    let criteria: BTreeSet<_> = brief.criteria.iter().map(|criterion| criterion.id.as_str()).collect();
    let mut covered = BTreeSet::new();
    for step in &raw.steps {
        for (what, ids, known) in
            [("requirement", &step.requirements, &requirements), ("criterion", &step.criteria, &criteria)]
        {
            for id in ids.iter().filter(|id| !known.contains(id.as_str())) {
                faults.push(format!(
                    "step `{}` covers {what} `{}`, which the brief does not have",
                    clip_to(&step.name, 60),
                    clip_to(id, 40)
                ));
            }
        }
        covered.extend(step.requirements.iter().map(String::as_str));
    }
    faults.extend(requirements.difference(&covered).map(|id| format!("requirement {id} is covered by no step")));
    faults
}

/// A cycle among the dependencies, its first step named again at the end.
fn cycle(raw: &RawPlan) -> Option<Vec<String>> {
    let mut graph = petgraph::graphmap::DiGraphMap::<&str, ()>::new();
    for step in &raw.steps {
        graph.add_node(step.name.as_str());
        for dependency in &step.depends_on {
            graph.add_edge(dependency.as_str(), step.name.as_str(), ());
        }
    }
    let knot: BTreeSet<_> = petgraph::algo::tarjan_scc(&graph)
        .into_iter()
        .find(|component| component.len() > 1 || graph.contains_edge(component[0], component[0]))?
        .into_iter()
        .collect();
    // Inside a strongly connected component every walk comes back: go on until a step is met again.
    let mut path: Vec<&str> = knot.iter().take(1).copied().collect();
    let mut met = BTreeMap::new();
    while let Some(&at) = path.last() {
        if let Some(start) = met.insert(at, path.len() - 1) {
            return Some(path[start..].iter().map(|name| clip_to(name, 60)).collect());
        }
        path.push(graph.neighbors(at).find(|next| knot.contains(next))?);
    }
    None
}

fn planned(raw: &RawStep) -> Option<PlannedStep> {
    Some(PlannedStep {
        name: StepName::new(raw.name.clone()),
        kind: StepKind::parse(&raw.kind)?,
        description: clip(&raw.description),
        task_plan: clip(&raw.task_plan),
        depends_on: unique(&raw.depends_on).into_iter().map(StepName::new).collect(),
        requirements: unique(&raw.requirements),
        criteria: unique(&raw.criteria),
    })
}

fn unique(texts: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    texts.iter().filter(|text| seen.insert(text.as_str())).cloned().collect()
}

fn clip(text: &str) -> String {
    clip_to(text, MAX_TEXT)
}

fn clip_to(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::brief::{Criterion, Requirement};

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
        validate(plan, &brief(), 3).expect_err("the plan should have been turned down")
    }

    #[test]
    fn a_good_plan_is_taken_as_it_is() {
        let plan = json!({ "rationale": "small", "steps": [
            { "name": "parse", "type": "implement", "description": "Parse it.", "requirements": ["R1"] },
            { "name": "print", "type": "implement", "description": "Print it.", "depends_on": ["parse", "parse"],
              "requirements": ["R2"], "criteria": ["A1"] },
        ]});
        let plan = validate(&plan, &brief(), 3).expect("a good plan");
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
            assert_eq!(validate(&json!({ "steps": steps }), &brief(), max_steps).map(|_| ()), Ok(()));
            let covered: Vec<_> = chain.steps.iter().flat_map(|step| &step.criteria).collect();
            assert_eq!(covered.len(), brief().criteria.len(), "every criterion has its step");
        }
    }
}

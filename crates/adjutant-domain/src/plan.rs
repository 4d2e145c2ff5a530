//! Plans: what a planner proposes, and whether it can be worked on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::brief::Brief;
use super::ids::{Digest, PlanHash, StepName};
use super::status::StepStatus;
use super::step::{Step, StepKind};

mod fault;

pub use fault::PlanFault;

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
    /// Whether the planner declares that the carried step of this name is all there is to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub done: bool,
}

/// The longest texts taken from a planner, in characters.
const MAX_TEXT: usize = 8_000;
/// A plan with more steps is not looked into: a policy allows 50, and the search for cycles is recursive.
const MOST_STEPS: usize = 500;
/// More faults than these are not told: they go back to the planner and into the directive's history.
const MOST_FAULTS: usize = 50;

#[derive(Deserialize)]
struct RawPlan {
    #[serde(default)]
    rationale: String,
    steps: Vec<RawStep>,
}

#[derive(Deserialize)]
struct RawStep {
    name: String,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    task_plan: String,
    #[serde(default)]
    depends_on: Vec<String>,
    #[serde(default)]
    requirements: Vec<String>,
    #[serde(default)]
    criteria: Vec<String>,
    #[serde(default)]
    done: bool,
}

/// The JSON Schema of what a planner is to answer. `carried` is what earlier chains left done.
pub fn schema(max_steps: u32, carried: &[&Step]) -> Value {
    let mut schema = fresh_schema(max_steps);
    if !carried.is_empty() {
        let names: Vec<_> = carried.iter().map(|step| step.name.as_str()).collect();
        let steps = &mut schema["properties"]["steps"];
        steps["maxItems"] = json!(max_steps as usize + carried.len());
        steps["items"]["properties"]["done"] = json!({
            "type": "boolean",
            "description": format!("true where the earlier step of this name is taken as it is: one of {}", names.join(", "))
        });
        // A step that is taken as it is needs no more than its name.
        steps["items"]["required"] = json!(["name"]);
    }
    schema
}

fn fresh_schema(max_steps: u32) -> Value {
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

/// The plan in a planner's answer, or everything that is wrong with it. `carried` is what earlier
/// chains left done: it may be depended on and declared done, counts for coverage, and not for the number of steps.
pub fn validate(answer: &Value, brief: &Brief, max_steps: u32, carried: &[&Step]) -> Result<Plan, Vec<PlanFault>> {
    let raw: RawPlan =
        RawPlan::deserialize(answer).map_err(|error| vec![PlanFault::Shape { error: error.to_string() }])?;
    let mut faults = size_faults(&raw, max_steps);
    if raw.steps.len() > MOST_STEPS {
        return Err(faults);
    }
    faults.extend(name_faults(&raw, carried));
    faults.extend(coverage_faults(&raw, brief, carried));
    faults.extend(cycle(&raw).map(|steps| PlanFault::Cycle { steps }));
    let steps: Vec<_> = raw.steps.iter().filter_map(|step| planned(step, carried)).collect();
    if faults.is_empty() && steps.len() == raw.steps.len() {
        Ok(Plan { rationale: clip(&raw.rationale), steps })
    } else {
        let more = faults.len().saturating_sub(MOST_FAULTS);
        faults.truncate(MOST_FAULTS);
        faults.extend((more > 0).then_some(PlanFault::More { faults: more }));
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
            done: false,
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
    pub fn hash(&self) -> PlanHash {
        PlanHash::new(Digest::of(&json!(self).to_string()).as_str())
    }
}

fn size_faults(raw: &RawPlan, max_steps: u32) -> Vec<PlanFault> {
    let mut faults = Vec::new();
    if raw.steps.is_empty() {
        faults.push(PlanFault::NoSteps);
    }
    let to_do = raw.steps.iter().filter(|step| !step.done).count();
    if to_do > max_steps as usize || raw.steps.len() > MOST_STEPS {
        let steps = if raw.steps.len() > MOST_STEPS { raw.steps.len() } else { to_do };
        faults.push(PlanFault::TooManySteps { steps, allowed: max_steps });
    }
    faults
}

fn name_faults(raw: &RawPlan, carried: &[&Step]) -> Vec<PlanFault> {
    let mut faults = Vec::new();
    let carried: BTreeSet<_> = carried.iter().map(|step| step.name.as_str()).collect();
    let known: BTreeSet<_> = raw.steps.iter().map(|step| step.name.as_str()).chain(carried.iter().copied()).collect();
    let mut seen = BTreeSet::new();
    for step in &raw.steps {
        let name = clip_to(&step.name, 60);
        if !StepName::is_well_formed(&step.name) {
            faults.push(PlanFault::BadName { name: name.clone() });
        } else if matches!(name.as_str(), "final" | "plan" | "budget" | "main") {
            faults.push(PlanFault::ReservedName { name: name.clone() });
        }
        if !seen.insert(&step.name) {
            faults.push(PlanFault::SameName { name: name.clone() });
        }
        if step.done && !carried.contains(step.name.as_str()) {
            faults.push(PlanFault::NotFinished { step: name.clone() });
        }
        if !step.done && StepKind::parse(&step.kind).is_none() {
            faults.push(PlanFault::UnknownType { step: name.clone(), kind: clip_to(&step.kind, 40) });
        }
        if !step.done && step.description.trim().is_empty() {
            faults.push(PlanFault::NoDescription { step: name.clone() });
        }
        for dependency in step.depends_on.iter().filter(|dependency| !known.contains(dependency.as_str())) {
            faults.push(PlanFault::UnknownDependency { step: name.clone(), dependency: clip_to(dependency, 60) });
        }
    }
    faults
}

fn coverage_faults(raw: &RawPlan, brief: &Brief, carried: &[&Step]) -> Vec<PlanFault> {
    let mut faults = Vec::new();
    let requirements: BTreeSet<_> = brief.requirements.iter().map(|requirement| requirement.id.as_str()).collect();
    let criteria: BTreeSet<_> = brief.criteria.iter().map(|criterion| criterion.id.as_str()).collect();
    let mut covered = BTreeSet::new();
    for step in &raw.steps {
        let unknown = |ids: &[String], known: &BTreeSet<&str>| -> Vec<String> {
            ids.iter().filter(|id| !known.contains(id.as_str())).map(|id| clip_to(id, 40)).collect()
        };
        let name = || clip_to(&step.name, 60);
        faults.extend(
            unknown(&step.requirements, &requirements)
                .into_iter()
                .map(|requirement| PlanFault::UnknownRequirement { step: name(), requirement }),
        );
        faults.extend(
            unknown(&step.criteria, &criteria)
                .into_iter()
                .map(|criterion| PlanFault::UnknownCriterion { step: name(), criterion }),
        );
        covered.extend(step.requirements.iter().map(String::as_str));
    }
    // What passed stays, unless its name is planned with something else to do.
    let stays = |earlier: &Step| raw.steps.iter().all(|step| step.name != earlier.name.as_str() || step.done);
    for step in carried.iter().filter(|step| step.status() == StepStatus::Passed && stays(step)) {
        covered.extend(step.requirements.iter().map(String::as_str));
    }
    let uncovered = requirements.difference(&covered).map(|id| (*id).to_owned());
    faults.extend(uncovered.map(|requirement| PlanFault::Uncovered { requirement }));
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

fn planned(raw: &RawStep, carried: &[&Step]) -> Option<PlannedStep> {
    let done_as = carried.iter().find(|step| raw.done && step.name.as_str() == raw.name).map(|step| step.kind);
    Some(PlannedStep {
        name: StepName::new(raw.name.clone()),
        kind: done_as.or_else(|| StepKind::parse(&raw.kind))?,
        description: clip(&raw.description),
        task_plan: clip(&raw.task_plan),
        depends_on: unique(&raw.depends_on).into_iter().map(StepName::new).collect(),
        requirements: unique(&raw.requirements),
        criteria: unique(&raw.criteria),
        done: raw.done,
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
mod tests;

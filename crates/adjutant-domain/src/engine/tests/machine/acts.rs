//! Set-ups and acts, as they are drawn.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::super::*;
use crate::policy::{CiPolicy, JudgePolicy};

/// What a story begins with.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) policy: Policy,
    /// For each step: its type, and which of the steps before it must be done before.
    pub(super) plan: Vec<(&'static str, Vec<bool>)>,
}

impl Setup {
    /// The plan as a planner hands it in.
    pub(super) fn proposal(&self) -> Value {
        let steps: Vec<Value> = self.plan.iter().enumerate().map(|(at, (kind, after))| {
            let after: Vec<String> = (0..at).filter(|before| after[*before]).map(|before| format!("s{before}")).collect();
            json!({ "name": format!("s{at}"), "type": kind, "description": "Do it.", "depends_on": after, "requirements": ["R1"] })
        }).collect();
        json!({ "steps": steps })
    }
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Of what there is to do, the `nth` is done, and ends so.
    Work { nth: usize, ends: Ends },
    /// Somebody gives an order, about a step by its name or on its pull request, some minutes after it was written.
    Order { who: Who, what: Order, step: usize, on_pull: bool, review: bool, late: i64 },
    /// Something is told about a step, true or not.
    Tell { what: Told, step: usize, head: Head },
    /// The end of a run is told that nobody asked about.
    Finish { task: usize, ends: Ends },
    /// What was told before is told again.
    Again { nth: usize },
    /// A label that makes the policy stricter is set.
    PolicyOverride { who: Who, level: &'static str },
    /// The label is set, or taken off.
    Label { who: Who, on: bool },
    /// The issue is closed, or gone.
    Close { who: Who, merged: bool, gone: bool },
    /// Time passes.
    Wait { minutes: i64 },
}

/// How something ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ends {
    Well,
    /// As well, but for something small.
    Almost,
    Badly,
    /// It cannot be done at all.
    Never,
    /// With something that does not belong there.
    Strangely,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Who {
    Maintainer,
    Writer,
    Outsider,
    Bot,
}

impl Who {
    pub(super) fn actor(self) -> Requester {
        match self {
            Self::Maintainer => actor("maintainer", Permission::Admin),
            Self::Writer => actor("writer", Permission::Write),
            Self::Outsider => actor("outsider", Permission::Read),
            Self::Bot => Requester { bot: true, ..actor("other[bot]", Permission::Admin) },
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    Approve,
    ApproveBare,
    ApprovePlan,
    Rework,
    Retry,
    Skip,
    Pause,
    PauseNow,
    Resume,
    Stop,
    Autonomy(&'static str),
    Replan,
    Budget(f64),
    Status,
    Nonsense,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Told {
    IntegrationCut,
    Opened,
    Ready,
    Green,
    Yellow,
    Red,
    CiChanged,
    CiRed,
    Conflicted,
    Pushed,
    Merged,
    MergedByUs,
    Closed,
    MergeRefused,
    Integrated,
    IntegratedSame,
    Rerequested,
    Failed,
    FailedForAll,
}

/// Which head something is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Head {
    Current,
    Old(usize),
    New,
}

pub(super) fn setup() -> impl Strategy<Value = Setup> {
    let levels = (
        select(vec![Autonomy::Manual, Autonomy::Guardrails, Autonomy::FullAuto]),
        select(vec![FinalMerge::Person, FinalMerge::Auto]),
        select(vec![Delivery::Integration, Delivery::Integration, Delivery::Direct]),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.3),
        select(vec![CiPolicy::Off, CiPolicy::Off, CiPolicy::Optional, CiPolicy::Required]),
    );
    let limits = (1..4u32, 0..3u32, select(vec![1.0, 4.0, 50.0]), select(vec![0.5, 8.0]), 1..4u32);
    let kind = select(vec!["implement", "implement", "test", "research", "review"]);
    let plan = vec((kind, vec(prop::bool::weighted(0.4), 5)), 1..6);
    (levels, limits, plan).prop_map(|((autonomy, merge, delivery, plan_approval, judged, ci), limits, plan)| {
        let judge = judged.then_some(JudgePolicy { agent: None, weight: 1.0 });
        let mut policy = Policy { autonomy, plan_approval, delivery, merge, ci, judge, ..Policy::default() };
        let (parallel, cycles, dollars, hours, generations) = limits;
        policy.limits.parallel_tasks = parallel;
        policy.limits.rework_cycles = cycles;
        policy.limits.cost = Usd::from_dollars(dollars);
        policy.limits.wall_time_hours = hours;
        policy.limits.chain_generations = generations;
        Setup { policy, plan }
    })
}

fn ends() -> impl Strategy<Value = Ends> {
    prop_oneof![
        6 => Just(Ends::Well),
        2 => Just(Ends::Almost),
        2 => Just(Ends::Badly),
        1 => Just(Ends::Never),
        1 => Just(Ends::Strangely),
    ]
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![6 => Just(Who::Maintainer), 2 => Just(Who::Writer), 1 => Just(Who::Outsider), 1 => Just(Who::Bot)]
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![
        8 => Just(Order::Approve),
        2 => Just(Order::ApproveBare),
        2 => Just(Order::ApprovePlan),
        3 => Just(Order::Rework),
        2 => Just(Order::Retry),
        1 => Just(Order::Skip),
        2 => Just(Order::Pause),
        1 => Just(Order::PauseNow),
        3 => Just(Order::Resume),
        1 => select(vec!["manual", "guardrails", "full_auto", "wild"]).prop_map(Order::Autonomy),
        1 => Just(Order::Replan),
        1 => select(vec![0.1, 3.0, 400.0]).prop_map(Order::Budget),
        1 => select(vec![Order::Status, Order::Nonsense, Order::Stop]),
    ]
}

fn told() -> impl Strategy<Value = Told> {
    select(vec![
        Told::IntegrationCut,
        Told::Opened,
        Told::Ready,
        Told::Green,
        Told::Green,
        Told::Yellow,
        Told::Red,
        Told::CiChanged,
        Told::CiRed,
        Told::Conflicted,
        Told::Pushed,
        Told::Pushed,
        Told::Merged,
        Told::MergedByUs,
        Told::Closed,
        Told::MergeRefused,
        Told::Integrated,
        Told::IntegratedSame,
        Told::Rerequested,
        Told::Failed,
        Told::FailedForAll,
    ])
}

fn head() -> impl Strategy<Value = Head> {
    prop_oneof![4 => Just(Head::Current), 1 => (0..9usize).prop_map(Head::Old), 2 => Just(Head::New)]
}

pub(super) fn act() -> impl Strategy<Value = Act> {
    let late = select(vec![0, 0, 0, 1, 30]);
    prop_oneof![
        20 => (0..9usize, ends()).prop_map(|(nth, ends)| Act::Work { nth, ends }),
        7 => (who(), order(), 0..9usize, any::<bool>(), prop::bool::weighted(0.2), late)
            .prop_map(|(who, what, step, on_pull, review, late)| Act::Order { who, what, step, on_pull, review, late }),
        3 => (told(), 0..9usize, head()).prop_map(|(what, step, head)| Act::Tell { what, step, head }),
        1 => (0..9usize, ends()).prop_map(|(task, ends)| Act::Finish { task, ends }),
        2 => (0..60usize).prop_map(|nth| Act::Again { nth }),
        1 => (who(), any::<bool>()).prop_map(|(who, on)| Act::Label { who, on }),
        1 => (who(), select(vec!["directive:manual", "directive:guardrails"]))
            .prop_map(|(who, level)| Act::PolicyOverride { who, level }),
        1 => (who(), prop::bool::weighted(0.1), any::<bool>(), 0..6u8).prop_map(|(who, merged, gone, rare)| {
            // Closing ends most stories too early.
            if rare == 0 { Act::Close { who, merged, gone } } else { Act::Wait { minutes: 1 } }
        }),
        1 => select(vec![1, 20, 600]).prop_map(|minutes| Act::Wait { minutes }),
    ]
}

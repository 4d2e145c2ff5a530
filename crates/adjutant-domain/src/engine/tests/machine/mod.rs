//! Properties: whatever is planned and whatever is told, in whatever order, the rules hold.
//!
//! A story is a set-up (a policy and an arbitrary acyclic plan) and a list of acts: effects that end well, badly or
//! strangely, orders by people who may and who may not, facts that are true, late, told twice or made up. An act names what
//! it is about by a number that is counted around whatever there is, so that a story stays one when acts are left out of it:
//! a failure shrinks to a few acts. `rules` holds what must be true after every single signal; at the end everybody is
//! helpful, and the directive must come to its end, with a named thing that it waits for at each stand-still.

mod acts;
mod rules;
mod stage;

use std::fmt;

use proptest::prelude::*;
use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use acts::{Act, Setup};
use stage::Stage;

/// Enough for every rule to be put to the test, and some seconds in a debug build.
const STORIES: u32 = 800;

struct Story;

/// What is told of in one line, so that a story is read from top to bottom.
#[derive(Clone)]
struct Line<T>(T);

impl<T: fmt::Debug> fmt::Debug for Line<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl ReferenceStateMachine for Story {
    type State = Line<Setup>;
    type Transition = Line<Act>;

    fn init_state() -> BoxedStrategy<Line<Setup>> {
        acts::setup().prop_map(Line).boxed()
    }

    fn transitions(_: &Line<Setup>) -> BoxedStrategy<Line<Act>> {
        acts::act().prop_map(Line).boxed()
    }

    fn apply(setup: Line<Setup>, _: &Line<Act>) -> Line<Setup> {
        setup
    }
}

impl StateMachineTest for Stage {
    type SystemUnderTest = Self;
    type Reference = Story;

    fn init_test(setup: &Line<Setup>) -> Self {
        Self::open(setup.0.clone())
    }

    fn apply(mut stage: Self, _: &Line<Setup>, act: Line<Act>) -> Self {
        stage.play(&act.0);
        stage
    }

    fn teardown(mut stage: Self, _: Line<Setup>) {
        stage.end_well();
    }
}

prop_state_machine! {
    #![proptest_config(Config { cases: STORIES, failure_persistence: None, ..Config::default() })]

    #[test]
    fn whatever_is_told_in_whatever_order_the_rules_hold(sequential 1..90 => Stage);
}

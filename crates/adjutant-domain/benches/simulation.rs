//! How many whole directives a minute the engine takes through the simulated world, on one core:
//!
//!     cargo bench -p adjutant-domain --bench simulation            # 20,000 of them
//!     cargo bench -p adjutant-domain --bench simulation -- 500000  # a night's worth: a failure names its seed
//!
//! It is the simulation of the tests (`src/engine/tests/simulation.rs`), built as it ships, on as many seeds as one
//! likes. Each life is checked after every signal as in the tests.

use std::time::Instant;

use adjutant_domain::engine::{Decision, decide, open};
#[allow(unused_imports, clippy::wildcard_imports, reason = "the tests name the domain's modules from their root")]
use adjutant_domain::*;

#[path = "../src/engine/tests/mod.rs"]
#[allow(
    unused,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests, of which this uses one"
)]
mod tests;

fn main() {
    let wanted = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(20_000);
    let begin = Instant::now();
    let endings = tests::simulation::simulate(1..=wanted).endings;
    let seconds = begin.elapsed().as_secs_f64();
    #[allow(clippy::cast_precision_loss)] // a count of stories
    let rate = wanted as f64 / seconds * 60.0;
    println!("{wanted} directives in {seconds:.1} s: {rate:.0} a minute ({endings:?})");
}

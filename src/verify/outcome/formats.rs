//! The table of the formats that are read line by line.

use super::compilers::{Arrows, Eslint, Lines};
use super::found::Found;
use super::go::Go;
use super::jvm::{Gradle, Surefire};
use super::libtest::Libtest;
use super::node::Node;
use super::python::Python;
use super::ruby::{Minitest, Rspec};
use super::runners::{Ctest, Dotnet, Phpunit};
use super::tap::Tap;

/// A format: it is given every line of the log, and reports what it understands.
pub(super) trait Format {
    fn line(&mut self, line: &str, found: &mut Found<'_>);

    /// The log has ended.
    fn end(&mut self, _found: &mut Found<'_>) {}
}

/// Every format, in the state in which a log begins.
pub(super) fn all() -> [Box<dyn Format>; 15] {
    [
        // Tests.
        Box::<Libtest>::default(), // cargo test, cargo nextest
        Box::<Python>::default(),  // pytest, unittest, tracebacks
        Box::<Go>::default(),      // go test, as text and with -json
        Box::<Node>::default(),    // jest, vitest, mocha, ava, node --test as `spec`
        Box::<Tap>::default(),     // node --test, ava, tape, prove
        Box::<Surefire>::default(),
        Box::<Gradle>::default(),
        Box::<Rspec>::default(),
        Box::<Minitest>::default(),
        Box::<Phpunit>::default(),
        Box::<Dotnet>::default(),
        Box::<Ctest>::default(),
        // Diagnostics.
        Box::<Lines>::default(), // gcc, clang, javac, go, tsc, mypy, flake8, ruff, eslint as `unix`, …
        Box::<Arrows>::default(), // rustc, clippy, ruff
        Box::<Eslint>::default(), // eslint as `stylish`, xo
    ]
}

//! The second verification: the base's tests over the new code, and the new tests over the base's code.

use adjutant_domain::evaluation::Confidence;
use serde_json::json;

use super::verification::chain;
use crate::support::stage::{Stage, write};

const POLICY: &str = "setup: []\nverifiers:\n  - { name: test, run: python3 -m unittest discover -v -s tests }\n";

/// A test of `price`, which says what it has to be.
fn price_test(price: &str) -> String {
    format!(
        "import unittest, sys\nsys.path.insert(0, '.')\nimport price\n\nclass Price(unittest.TestCase):\n    def test_price(self):\n        self.assertEqual(price.price(), {price})\n"
    )
}

/// A further test of nothing that the change brings.
const IDLE: &str =
    "import unittest\n\nclass Idle(unittest.TestCase):\n    def test_idle(self):\n        self.assertEqual(1 + 1, 2)\n";

/// The confidence and the findings at the step `a`, after these files were written on a base with one test.
async fn found<const N: usize>(files: [(&str, &str); N]) -> (Confidence, Vec<String>) {
    let stage = Stage::set(POLICY, chain(json!([write(files)]))).await;
    let maintainer = stage.as_("maintainer");
    maintainer.write("main", "price.py", Some("def price():\n    return 3\n")).await;
    maintainer.write("main", "tests/test_price.py", Some(&price_test("3"))).await;
    let issue = stage.directive("Do it.").await;
    let step = stage.step_is(issue, "a", "is evaluated", |step| step.state.evaluation().is_some()).await;
    let found = step.state.candidate().map(|candidate| candidate.findings.clone()).unwrap_or_default();
    let confidence = step.state.evaluation().unwrap().confidence;
    stage.strike().await;
    (confidence, found.into_iter().map(|finding| finding.text).collect())
}

#[tokio::test]
async fn a_change_of_code_and_test_that_breaks_the_test_before_is_named() {
    let (confidence, found) =
        found([("price.py", "def price():\n    return 0\n"), ("tests/test_price.py", &price_test("0"))]).await;
    assert_eq!(confidence, Confidence::Yellow, "{found:?}");
    assert!(found.iter().any(|text| text.contains("With the tests that were there before the change")), "{found:?}");
}

#[tokio::test]
async fn a_test_that_passes_without_the_change_too_is_named() {
    let change = [("tax.py", "def tax():\n    return 1\n"), ("tests/test_idle.py", IDLE)];
    let (confidence, found) = found(change).await;
    assert_eq!(confidence, Confidence::Yellow, "{found:?}");
    assert!(found.iter().any(|text| text.contains("pass without the rest of the change")), "{found:?}");
}

#[tokio::test]
async fn code_that_passes_the_tests_before_and_a_new_test_that_fails_without_it_is_green() {
    let test = price_test("4").replace("price.price()", "price.double() - 2").replace("test_price", "test_double");
    let code = "def price():\n    return 3\n\ndef double():\n    return 2 * price()\n";
    assert_eq!(found([("price.py", code), ("tests/test_double.py", &test)]).await, (Confidence::Green, Vec::new()));
}

#[tokio::test]
async fn new_tests_in_a_file_of_the_base_are_compared_one_by_one() {
    let idle = "\n    def test_idle(self):\n        self.assertEqual(1 + 1, 2)\n";
    let change = [("tax.py", "def tax():\n    return 1\n"), ("tests/test_price.py", &(price_test("3") + idle))];
    let (confidence, texts) = found(change).await;
    assert_eq!(confidence, Confidence::Yellow, "{texts:?}");
    assert!(
        texts.iter().any(|text| text.contains("do not show that it works (`test_price.Price.test_idle`")),
        "{texts:?}"
    );

    let skipped = price_test("3").replace("    def test_price", "    @unittest.skipIf(True, '')\n    def test_price");
    let (confidence, texts) =
        found([("tax.py", "def tax():\n    return 1\n"), ("tests/test_price.py", &skipped)]).await;
    assert_eq!(confidence, Confidence::Yellow, "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("are skipped now: `test_price.Price.test_price`")), "{texts:?}");
}

use super::*;
use adjutant_domain::ids::Usd;
use adjutant_domain::policy;

fn told(yaml: &str) -> String {
    policy::parse(yaml).unwrap_err().iter().map(words).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_fault_is_told_at_once_with_its_line_and_remedy() {
    let yaml = r#"label: ""
autonmy: manual
autonomy: high
plan_approval: yes
thresholds: { green: 0.4, yellow: 0.6 }
limits:
  steps: 51
  cost_usd: 0
  rework_cycles: 1.5
  tokens: 3
verifiers:
  - { name: Test, run: cargo test }
  - { name: adjutant, run: "true" }
  - { name: lint }
  - { name: test, run: cargo test, weight: 0 }
  - { name: test, run: cargo test }
base: "-main"
judge: strict
protected_paths: ["a{b", "/etc"]
colour: blue
"#;
    insta::assert_snapshot!(told(yaml), @r"
    Line 1: `label` must be a text of 1 to 50 characters, but is empty.
    Line 2: the file has no key `autonmy`; did you mean `autonomy`?
    Line 3: `autonomy` must be `manual`, `guardrails` or `full_auto`, but is `high`.
    Line 4: `plan_approval` must be `true` or `false`, but is `yes`.
    Line 5: `thresholds.yellow` (0.6) must not be above `thresholds.green` (0.4).
    Line 7: `limits.steps` must be a whole number from 1 to 50, but is `51`.
    Line 8: `limits.cost_usd` must be a number above 0 and at most 10000, but is `0`.
    Line 9: `limits.rework_cycles` must be a whole number from 1 to 20, but is `1.5`.
    Line 10: `limits` has no key `tokens`; known are cost_usd, cost_ceiling_usd, wall_time_hours, rework_cycles, chain_generations, steps, parallel_tasks, open_pull_requests, ci_minutes, approval_hours.
    Line 12: `name` must be kebab-case of at most 40 characters, such as `unit-tests`, but is `Test`.
    Line 13: a verifier must not be named `adjutant`: that is the check of the whole.
    Line 14: a verifier needs a command to `run`, such as `cargo test`.
    Line 15: `weight` must be a number above 0 and at most 100, but is `0`.
    Line 16: the verifier `test` is there twice; give each a name of its own.
    Line 17: `base` must be a branch's name, without `refs/heads/`, but is `-main`.
    Line 18: `judge` must be a mapping (`key: value`), but is `strict`.
    Line 19: `protected_paths` has a glob that does not compile: error parsing glob 'a{b': unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?).
    Line 19: `protected_paths` must be a list of globs from the root of the tree, such as `migrations/**`, but is `/etc`.
    Line 20: the file has no key `colour`; known are label, autonomy, plan_approval, delivery, merge, merge_method, base, agent, agents, thresholds, limits, setup, verifiers, ci, judge, diff, protected_paths.
    ");
}

#[test]
fn yaml_faults_are_sentences() {
    insta::assert_snapshot!(told("label: [a"), @"Line 1: this cannot be read as YAML: unclosed bracket '['.");
    insta::assert_snapshot!(told("label: a\nlabel: b"), @"Line 2: this cannot be read as YAML: duplicate mapping key: label not allowed here.");
    insta::assert_snapshot!(told("a: 1\n---\nb: 2"), @"Line 2: this cannot be read as YAML: YAML document too large or too complex: limits breached: Documents { documents: 2 }.");
    insta::assert_snapshot!(told("label: a\n bad: b"), @"Line 2: this cannot be read as YAML: mapping values are not allowed in this context.");
    insta::assert_snapshot!(told("- a"), @"Line 1: the file must be a mapping (`key: value`), but is a list.");
}

#[test]
fn the_words_of_every_fault_of_a_policy() {
    let text = str::to_owned;
    let line = |fault| PolicyFault::Line(LineFault { line: 7, fault });
    let of = |mapping| line(FileFault::NotAMapping { mapping, found: Found::List });
    let key = |nearest: Option<&str>| {
        let known = vec![text("green"), text("yellow")];
        let (key, nearest) = (text("gren"), nearest.map(str::to_owned));
        line(FileFault::UnknownKey { mapping: Mapping::Thresholds, key, nearest, known })
    };
    let not = |expected| line(FileFault::Unexpected { key: text("limits.steps"), expected, found: Found::Mapping });
    let agent = |known| PolicyFault::UnknownAgent { key: text("judge.agent"), name: text("strict"), known };
    let faults = [
        line(FileFault::NotUtf8),
        line(FileFault::TooLarge { bytes: 70_000, allowed: 65_536 }),
        line(FileFault::NotYaml { error: text("unclosed bracket") }),
        line(FileFault::Unstorable),
        of(Mapping::File),
        of(Mapping::Thresholds),
        of(Mapping::Limits),
        of(Mapping::Verifier),
        of(Mapping::Judge),
        of(Mapping::Diff),
        key(Some("green")),
        key(None),
        not(Expected::Flag),
        not(Expected::Text),
        not(Expected::QuotedText),
        not(Expected::TrimmedText),
        not(Expected::Word(vec![text("person")])),
        not(Expected::Word(vec![text("required"), text("optional"), text("off")])),
        not(Expected::Count(50)),
        not(Expected::Number(1.0)),
        not(Expected::NumberOrNone(8_760.0)),
        not(Expected::Label),
        not(Expected::Branch),
        not(Expected::Agent),
        not(Expected::VerifierName),
        not(Expected::Command),
        not(Expected::List),
        not(Expected::Globs),
        not(Expected::Network),
        not(Expected::Hosts),
        line(FileFault::Unexpected { key: text("label"), expected: Expected::Label, found: Found::Nothing }),
        line(FileFault::Unexpected { key: text("ci"), expected: Expected::Text, found: Found::Value(text("12")) }),
        line(FileFault::TooManyEntries { key: text("setup"), entries: 21, allowed: 20 }),
        line(FileFault::YellowAboveGreen { yellow: 0.6, green: 0.4 }),
        line(FileFault::CeilingBelowCost { ceiling: Usd::from_dollars(5.0), cost: Usd::from_dollars(10.0) }),
        line(FileFault::VerifierNamedCi),
        line(FileFault::VerifierNamedAdjutant),
        line(FileFault::SameVerifier { name: text("test") }),
        line(FileFault::NoVerifierName),
        line(FileFault::NoVerifierCommand),
        line(FileFault::BadGlob { key: text("protected_paths"), error: text("unclosed") }),
        PolicyFault::NoText { path: text(".github/adjutant.yml"), message: text("it is a folder") },
        agent(vec![text("default"), text("fast")]),
        agent(Vec::new()),
        PolicyFault::More { faults: 7 },
        PolicyFault::Legacy(text("Line 1: as version 1 said it.")),
    ];
    for fault in &faults {
        let written = serde_json::to_value(fault).unwrap();
        assert_eq!(serde_json::from_value::<PolicyFault>(written).unwrap(), *fault);
    }
    insta::assert_snapshot!(faults.iter().map(words).collect::<Vec<_>>().join("\n"), @"
    Line 7: the file is no UTF-8 text from here on; save it as UTF-8.
    Line 7: the file has 70000 bytes; make it 65536 at most.
    Line 7: this cannot be read as YAML: unclosed bracket.
    Line 7: this text has the character U+0000, which cannot be stored: take it out.
    Line 7: the file must be a mapping (`key: value`), but is a list.
    Line 7: `thresholds` must be a mapping (`key: value`), but is a list.
    Line 7: `limits` must be a mapping (`key: value`), but is a list.
    Line 7: a verifier must be a mapping (`key: value`), but is a list.
    Line 7: `judge` must be a mapping (`key: value`), but is a list.
    Line 7: `diff` must be a mapping (`key: value`), but is a list.
    Line 7: `thresholds` has no key `gren`; did you mean `green`?
    Line 7: `thresholds` has no key `gren`; known are green, yellow.
    Line 7: `limits.steps` must be `true` or `false`, but is a mapping.
    Line 7: `limits.steps` must be a text, but is a mapping.
    Line 7: `limits.steps` must be a text (in quotes), but is a mapping.
    Line 7: `limits.steps` must be a text without blanks around it, but is a mapping.
    Line 7: `limits.steps` must be `person`, but is a mapping.
    Line 7: `limits.steps` must be `required`, `optional` or `off`, but is a mapping.
    Line 7: `limits.steps` must be a whole number from 1 to 50, but is a mapping.
    Line 7: `limits.steps` must be a number above 0 and at most 1, but is a mapping.
    Line 7: `limits.steps` must be a number from 0 to 8760, but is a mapping.
    Line 7: `limits.steps` must be a text of 1 to 50 characters, but is a mapping.
    Line 7: `limits.steps` must be a branch's name, without `refs/heads/`, but is a mapping.
    Line 7: `limits.steps` must be the name of one of the operator's agents, but is a mapping.
    Line 7: `limits.steps` must be kebab-case of at most 40 characters, such as `unit-tests`, but is a mapping.
    Line 7: `limits.steps` must be a shell command, but is a mapping.
    Line 7: `limits.steps` must be a list, but is a mapping.
    Line 7: `limits.steps` must be a list of globs from the root of the tree, such as `migrations/**`, but is a mapping.
    Line 7: `limits.steps` must be `true`, `false` or a list of hosts, but is a mapping.
    Line 7: `limits.steps` must be a list of hosts, such as `api.example.org` or `*.example.org`, but is a mapping.
    Line 7: `label` must be a text of 1 to 50 characters, but is empty.
    Line 7: `ci` must be a text, but is `12`.
    Line 7: `setup` has 21 entries; at most 20 are allowed.
    Line 7: `thresholds.yellow` (0.6) must not be above `thresholds.green` (0.4).
    Line 7: `limits.cost_ceiling_usd` ($5.00) must not be below `limits.cost_usd` ($10.00).
    Line 7: a verifier must not be named `ci` beside the key `ci`: give it another name.
    Line 7: a verifier must not be named `adjutant`: that is the check of the whole.
    Line 7: the verifier `test` is there twice; give each a name of its own.
    Line 7: a verifier needs a `name`, such as `test`.
    Line 7: a verifier needs a command to `run`, such as `cargo test`.
    Line 7: `protected_paths` has a glob that does not compile: unclosed.
    `.github/adjutant.yml` cannot be read: it is a folder.
    `judge.agent` names `strict`, which the operator of Adjutant has not set up: there are `default`, `fast`.
    `judge.agent` names `strict`, which the operator of Adjutant has not set up: there is none.
    7 more are not listed.
    Line 1: as version 1 said it.
    ");
}

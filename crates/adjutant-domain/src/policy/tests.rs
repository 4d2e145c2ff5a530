//! What a policy file may say, and what is told where it is wrong.

use proptest::prelude::*;

use super::*;

#[test]
fn an_empty_file_is_the_default() {
    for yaml in ["", "\n", "# nothing\n", "---\n", "null", "{}", "label:\nlimits:\nverifiers:\n"] {
        assert_eq!(parse(yaml), Ok(Policy::default()), "{yaml:?}");
    }
}

#[test]
fn the_documented_file_says_what_it_says() {
    let yaml = r#"
label: adjutant, please
autonomy: full_auto
plan_approval: true
delivery: direct
merge: auto
merge_method: rebase
base: release/1.x
agent: fast
agents: { plan: strong }
thresholds: { green: 0.9, yellow: 0.5 }
limits: { cost_usd: 2.5, cost_ceiling_usd: 7.5, approval_hours: 0, ci_minutes: 20, wall_time_hours: 1, rework_cycles: 2, chain_generations: 1, steps: 5, parallel_tasks: 2, open_pull_requests: 9 }
setup: [npm ci]
verifiers:
  - { name: test, run: cargo test }
  - { name: lint, run: cargo clippy }
  - { name: docs, run: cargo doc, required: false, weight: 0.25, timeout_minutes: 5, network: [crates.io, "*.example.org"] }
  - { name: all, run: make, network: true }
ci: required
judge: { agent: judge, weight: 2 }
diff: { max_files: 20, max_lines: 400, forbidden_paths: ["dist/**"], required_paths: [CHANGELOG.md] }
protected_paths: ["migrations/**", "*.sql"]
"#;
    let policy = parse(yaml).unwrap();
    let verifiers = vec![
        VerifierPolicy::named("test", "cargo test"),
        VerifierPolicy { required: false, weight: 0.5, ..VerifierPolicy::named("lint", "cargo clippy") },
        VerifierPolicy {
            name: "docs".to_owned(),
            run: "cargo doc".to_owned(),
            required: false,
            weight: 0.25,
            timeout_minutes: 5,
            network: VerifierNetwork::Hosts(
                ["crates.io", "*.example.org"].iter().map(|it| it.parse().unwrap()).collect(),
            ),
        },
        VerifierPolicy { network: VerifierNetwork::Switch(true), ..VerifierPolicy::named("all", "make") },
    ];
    let mut agents = AgentsPolicy::default();
    agents.name("plan", "strong".to_owned());
    let expected = Policy {
        label: "adjutant, please".to_owned(),
        autonomy: Autonomy::FullAuto,
        plan_approval: true,
        delivery: Delivery::Direct,
        merge: FinalMerge::Auto,
        merge_method: Some(MergeMethod::Rebase),
        base: Some("release/1.x".to_owned()),
        thresholds: Thresholds { green: 0.9, yellow: 0.5 },
        limits: Limits {
            cost: Usd::from_dollars(2.5),
            cost_ceiling: Some(Usd::from_dollars(7.5)),
            wall_time_hours: 1.0,
            rework_cycles: 2,
            chain_generations: 1,
            steps: 5,
            parallel_tasks: 2,
            open_pull_requests: 9,
            ci_minutes: 20,
            approval_hours: 0.0,
        },
        setup: Some(vec!["npm ci".to_owned()]),
        verifiers: Some(verifiers),
        ci: CiPolicy::Required,
        judge: Some(JudgePolicy { agent: Some("judge".to_owned()), weight: 2.0 }),
        diff: DiffPolicy {
            max_files: Some(20),
            max_lines: Some(400),
            forbidden_paths: vec!["dist/**".to_owned()],
            required_paths: vec!["CHANGELOG.md".to_owned()],
        },
        agent: Some("fast".to_owned()),
        agents,
        protected_paths: vec!["migrations/**".to_owned(), "*.sql".to_owned()],
    };
    assert_eq!(policy, expected);
}

#[test]
fn a_policy_that_was_kept_with_a_switch_is_read() {
    let mut kept = serde_json::to_value(VerifierPolicy::named("docs", "cargo doc")).unwrap();
    assert_eq!(kept["network"], serde_json::json!(false));
    kept["network"] = serde_json::json!(true);
    let read: VerifierPolicy = serde_json::from_value(kept).unwrap();
    assert_eq!(read.network, VerifierNetwork::Switch(true));
}

/// The faults of a file with their lines.
fn faults(yaml: &str) -> Vec<(u64, FileFault)> {
    read(yaml).unwrap_err().into_iter().map(|LineFault { line, fault }| (line, fault)).collect()
}

#[test]
fn what_is_no_yaml_is_told_with_its_line() {
    for (yaml, at) in [("label: [a", 1), ("label: a\nlabel: b", 2), ("a: &a [x]\nb: *c", 2), ("a: 1\n---\nb: 2", 2)] {
        let faults = faults(yaml);
        assert!(matches!(faults[..], [(line, FileFault::NotYaml { .. })] if line == at), "{yaml:?}: {faults:?}");
    }
    for (yaml, found) in [("- a", Found::List), ("text", Found::Value("text".to_owned()))] {
        assert_eq!(faults(yaml), [(1, FileFault::NotAMapping { mapping: Mapping::File, found })]);
    }
    let large = format!("# {}", "x".repeat(70_000));
    assert_eq!(faults(&large), [(1, FileFault::TooLarge { bytes: 70_002, allowed: 65_536 })]);
}

#[test]
fn more_faults_than_anybody_reads_are_counted() {
    let yaml = (0..40).map(|number| format!("key{number}: 1\n")).collect::<Vec<_>>().concat();
    let faults = parse(&yaml).unwrap_err();
    assert_eq!((faults.len(), faults.last()), (31, Some(&PolicyFault::More { faults: 10 })));
}

#[test]
fn what_a_fault_quotes_is_cut() {
    let long = "x".repeat(500);
    for yaml in [format!("{long}: 1"), format!("autonomy: {long}")] {
        let told = serde_json::to_string(&parse(&yaml).unwrap_err()).unwrap();
        assert!(told.contains(&long[..60]) && !told.contains(&long[..61]), "{told}");
    }
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let levels = (1..10).map(|level| {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        format!("a{level}: &a{level} [{aliases}]")
    });
    let yaml: Vec<String> =
        std::iter::once("a0: &a0 [x, x, x, x, x, x, x, x, x, x]".to_owned()).chain(levels).collect();
    assert_eq!(parse(&yaml.join("\n")).unwrap_err().len(), 1);
}

#[test]
fn a_level_of_autonomy_is_read_back_from_its_word() {
    for level in Autonomy::ALL {
        assert_eq!(Autonomy::parse(level.as_str()), Some(*level));
    }
    assert_eq!(Autonomy::parse("Full-Auto"), Some(Autonomy::FullAuto));
    assert_eq!(Autonomy::parse("all"), None);
}

proptest! {
    #[test]
    fn any_text_is_a_policy_or_has_faults(yaml in any::<String>()) {
        if let Err(faults) = parse(&yaml) {
            prop_assert!(!faults.is_empty());
        }
    }

    #[test]
    fn yaml_of_any_shape_is_a_policy_or_has_faults(
        yaml in "((label|limits|verifiers|judge|base|  steps|  - name|- run)(:|: |: \\[|: \\{|: &a|: \\*a)[a-z0-9.,\\]\\} ]{0,5}\n){0,8}"
    ) {
        if let Err(faults) = parse(&yaml) {
            let told = |fault: &PolicyFault| matches!(fault, PolicyFault::Line(_) | PolicyFault::More { .. });
            prop_assert!(!faults.is_empty() && faults.iter().all(told));
        }
    }
}

/// A policy file in which every key of the schema has a value, as JSON, which is YAML too.
fn filled(schema: &serde_json::Value, filled_in: &mut Vec<String>, path: &str) -> serde_json::Value {
    if let Some(properties) = schema["properties"].as_object() {
        let member = |(name, of): (&String, &serde_json::Value)| {
            (name.clone(), filled(of, filled_in, &format!("{path}/{name}")))
        };
        return properties.iter().map(member).collect();
    }
    if schema["items"].is_object() {
        return serde_json::json!([filled(&schema["items"], filled_in, &format!("{path}/0"))]);
    }
    let is_text =
        schema["type"] == "string" || schema["type"].as_array().is_some_and(|of| of.contains(&"string".into()));
    if is_text || schema["enum"].is_array() {
        filled_in.push(path.to_owned());
    }
    serde_json::Value::Null
}

/// The fields are taken from the schema, so that a new one is covered.
#[test]
fn u_0000_in_any_text_of_the_file_is_a_fault_with_its_line_and_is_told_without_it() {
    let mut texts = Vec::new();
    let file = filled(&schema(), &mut texts, "");
    assert!(texts.len() >= 10, "{texts:?}");
    for path in texts {
        let mut file = file.clone();
        *file.pointer_mut(&path).unwrap() = "a\0b".into();
        let faults = faults(&file.to_string());
        assert!(faults.contains(&(1, FileFault::Unstorable)), "{path}: {faults:?}");
        assert!(!format!("{faults:?}").contains("\\0"), "{path}: {faults:?}");
    }
    let faults = faults("a: 1\n\"b\\0c\": 1\n");
    assert_eq!(faults[1], (2, FileFault::Unstorable));
    assert!(!format!("{faults:?}").contains("\\0"), "{faults:?}");
}

#[test]
fn nesting_without_end_is_refused() {
    for open in ["[", "{a: ", "- "] {
        let faults = parse(&open.repeat(16_000)).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
    }
}

//! What labels and options make of a policy.

use proptest::prelude::*;

use super::*;
use crate::policy::Thresholds;

/// The policy with these lines of options, and what is told of them.
fn with(policy: &Policy, options: &str) -> (Policy, PolicyOverrides) {
    let mut told = PolicyOverrides::default();
    let tighter = tighten(policy, &overrides(&format!("Do it.\n\n## Options\n\n{options}\n")), &mut told);
    (tighter, told)
}

fn ignored(told: &PolicyOverrides) -> Vec<String> {
    told.ignored.iter().map(|policy_override| format!("{} | {}", policy_override.shown, policy_override.why)).collect()
}

fn auto() -> Policy {
    Policy { autonomy: Autonomy::FullAuto, merge: FinalMerge::Auto, ..Policy::default() }
}

#[test]
fn every_option_makes_the_policy_stricter() {
    let options = "autonomy: manual\nplan approval: true\nmerge: person\nbudget: 5\nwall time: 2\nparallel tasks: 1\n\
                   max steps: 4\nrework cycles: 1\nchain generations: 2\nopen pull requests: 2\ndelivery: integration\n";
    let (policy, told) = with(&auto(), options);
    let mut expected = Policy { autonomy: Autonomy::Manual, plan_approval: true, ..Policy::default() };
    expected.limits.cost = Usd::from_dollars(5.0);
    expected.limits.cost_ceiling = Some(Usd::from_dollars(50.0));
    expected.limits.wall_time_hours = 2.0;
    expected.limits.rework_cycles = 1;
    expected.limits.chain_generations = 2;
    expected.limits.steps = 4;
    expected.limits.parallel_tasks = 1;
    expected.limits.open_pull_requests = 2;
    assert_eq!(policy, expected);
    assert_eq!((told.counted.len(), ignored(&told)), (10, Vec::new()));
    assert_eq!(told.counted[0], "the autonomy is `manual` by the issue's options");
}

#[test]
fn what_would_loosen_or_is_not_understood_changes_nothing_and_is_told_with_why() {
    let strict = Policy { plan_approval: true, ..Policy::default() };
    let options = "- autonomy: full_auto\n- plan approval: false\n- merge: auto\n- budget: $25\n- steps: 13\n- wall time: 9h\n\
                   - delivery: direct\n- autonomy: wild\n- budget: lots\n- parallel tasks: 0\n- steps: 2.5\n- budgett: 5\n\
                   - base: other\n- Please hurry.\n";
    let (policy, told) = with(&strict, options);
    assert_eq!(policy, strict);
    assert_eq!(told.counted, [""; 0]);
    insta::assert_snapshot!(ignored(&told).join("\n"), @r"
    autonomy: full_auto | it would loosen the policy, which says `guardrails`
    plan approval: false | the policy has the plan approved
    merge: auto | the policy has a person merge into the base
    budget: $25 | it would loosen the policy, which says $10.00
    steps: 13 | it would loosen the policy, which says 12
    wall time: 9h | it would loosen the policy, which says 8 h
    delivery: direct | only the policy says where pull requests go
    autonomy: wild | the levels are `manual`, `guardrails` and `full_auto`
    budget: lots | write dollars, such as `5`
    parallel tasks: 0 | write a whole number from 1
    steps: 2.5 | write a whole number from 1
    budgett: 5 | did you mean `budget`?
    base: other | it is no option, written `option: value`
    Please hurry. | it is no option, written `option: value`
    ");
}

#[test]
fn an_option_is_read_in_whatever_form_it_is_written() {
    for options in [
        "autonomy: manual",
        "Autonomy: Manual",
        "- autonomy: manual",
        "* **Autonomy:** `manual`",
        "- [x] autonomy: manual",
        "- [X] Autonomy: manual (ask me about everything)",
        "- [ ] budget: 1\n- [x] manual",
        "manual",
        "These, please:\n\n- manual\n",
        "```yaml\nautonomy: manual\n```",
        "### Autonomy\n\nmanual\n\n### Budget\n\n_No response_",
        "autonomy: guardrails\nautonomy: manual\nautonomy: guardrails",
        "\n\n## Options: autonomy\n\nmanual",
        "_No response_\n\n## Option: Autonomy\n\n`manual`\n\n## Options\n\n_No response_",
    ] {
        let (policy, told) = with(&Policy::default(), options);
        assert_eq!(policy, Policy { autonomy: Autonomy::Manual, ..Policy::default() }, "{options}");
        assert_eq!(ignored(&told), [""; 0], "{options}");
    }
    for money in ["budget: 5", "cost_usd: 5", "budget (USD): $5", "Max budget: 5 USD", "budget: 5.00$"] {
        assert_eq!(with(&Policy::default(), money).0.limits.cost, Usd::from_dollars(5.0), "{money}");
    }
    assert!(with(&Policy::default(), "- [x] Plan approval").0.plan_approval);
}

#[test]
fn what_no_reader_sees_and_what_is_elsewhere_is_no_option() {
    for body in [
        "## Options\n\n<!-- autonomy: manual -->",
        "autonomy: manual",
        "## Goal\n\nautonomy: manual",
        "## Options considered\n\nautonomy: manual",
        "```\n## Options\nautonomy: manual\n```",
        "## Options\n\n- [ ] manual",
        "## Options\n\n_No response_\n",
        "## Options\n\n---\n",
    ] {
        assert_eq!(overrides(body), [], "{body}");
    }
}

#[test]
fn a_flood_of_options_is_cut() {
    let body = format!("## Options\r\n\r\n{}", "steps: 1000000\r\n".repeat(5_000));
    assert_eq!(overrides(&body).len(), MOST_WISHES);
    let long = format!("## Options\n\nautonomy: {}", "é".repeat(60_000));
    let (_, told) = with(&Policy::default(), &long);
    assert!(told.ignored.iter().all(|policy_override| policy_override.shown.chars().count() <= MOST_CHARS));
}

#[test]
fn a_label_beside_the_trigger_is_an_override_whatever_its_case() {
    let policy_override = |label: &str| {
        let mut told = PolicyOverrides::default();
        label_override("Directive", label)
            .map(|policy_override| (tighten(&auto(), &[policy_override], &mut told), ignored(&told)))
    };
    assert_eq!(policy_override("directive:manual"), Some((Policy { autonomy: Autonomy::Manual, ..auto() }, vec![])));
    assert_eq!(policy_override("DIRECTIVE: Guardrails").unwrap().0.autonomy, Autonomy::Guardrails);
    assert!(
        policy_override("directive:plan-approval").unwrap().0.plan_approval
            && policy_override("directive:plan").unwrap().0.plan_approval
    );
    assert_eq!(policy_override("directive:merge-person").unwrap().0.merge, FinalMerge::Person);
    assert_eq!(policy_override("directive:full_auto"), Some((auto(), vec![])));
    let (policy, told) = policy_override("directive:manul").unwrap();
    assert_eq!(policy, auto());
    assert!(told[0].starts_with("directive:manul | it is no label of Adjutant's"), "{told:?}");
    for other in ["directive", "directives:manual", "manual", "bug", "directiv:manual", "é", ""] {
        assert_eq!(label_override("Directive", other), None, "{other}");
    }
}

#[test]
fn a_label_that_would_loosen_is_told() {
    let mut told = PolicyOverrides::default();
    let policy_override = label_override("directive", "directive:full_auto").unwrap();
    assert_eq!(tighten(&Policy::default(), &[policy_override.clone(), policy_override], &mut told), Policy::default());
    assert_eq!(ignored(&told), ["directive:full_auto | it would loosen the policy, which says `guardrails`"]);
}

fn policies() -> impl Strategy<Value = Policy> {
    let limits = (1..10_000_u32, 0.1..720.0_f64, 1..20_u32, 1..20_u32, 1..50_u32, 1..20_u32, 1..100_u32);
    let words = (prop::sample::select(Autonomy::ALL), any::<bool>(), any::<bool>(), any::<bool>());
    (words, limits).prop_map(
        |((autonomy, plan_approval, direct, auto), (cost, hours, reworks, plans, steps, tasks, pulls))| {
            let mut policy = Policy {
                autonomy,
                plan_approval,
                delivery: if direct { Delivery::Direct } else { Delivery::Integration },
                merge: if auto { FinalMerge::Auto } else { FinalMerge::Person },
                thresholds: Thresholds { green: 0.9, yellow: 0.5 },
                ..Policy::default()
            };
            policy.limits.cost = Usd::from_dollars(f64::from(cost));
            policy.limits.wall_time_hours = hours;
            policy.limits.rework_cycles = reworks;
            policy.limits.chain_generations = plans;
            policy.limits.steps = steps;
            policy.limits.parallel_tasks = tasks;
            policy.limits.open_pull_requests = pulls;
            policy
        },
    )
}

fn any_override() -> impl Strategy<Value = PolicyOverride> {
    let names: Vec<_> = OPTIONS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let keys = prop_oneof![9 => prop::sample::select(names), 1 => "\\PC{0,12}"];
    let words = [
        "manual",
        "guardrails",
        "full_auto",
        "true",
        "false",
        "person",
        "auto",
        "direct",
        "integration",
        "inf",
        "-1",
        "0",
    ];
    let values =
        prop_oneof![prop::sample::select(words.map(str::to_owned).to_vec()), "[0-9]{1,6}(\\.[0-9]{1,3})?", "\\PC{0,9}"];
    let from = prop_oneof![Just(OverrideSource::Label), Just(OverrideSource::Options)];
    (from, keys, values).prop_map(|(from, key, value)| PolicyOverride {
        from,
        shown: format!("{key}: {value}"),
        key,
        value,
    })
}

proptest! {
    #[test]
    fn no_override_loosens_any_field(policy in policies(), overrides in prop::collection::vec(any_override(), 0..12)) {
        let mut told = PolicyOverrides::default();
        let after = tighten(&policy, &overrides, &mut told);
        prop_assert!(after.autonomy <= policy.autonomy);
        prop_assert!(after.plan_approval || !policy.plan_approval);
        prop_assert!(after.merge == FinalMerge::Person || policy.merge == FinalMerge::Auto);
        let (now, was) = (after.limits, policy.limits);
        prop_assert!(now.cost <= was.cost && now.cost > Usd::ZERO);
        prop_assert_eq!(now.cost_ceiling(), was.cost_ceiling(), "people may still raise it as far as the file says");
        prop_assert!(now.wall_time_hours <= was.wall_time_hours && now.wall_time_hours >= 0.1);
        for (now, was) in [
            (now.rework_cycles, was.rework_cycles),
            (now.chain_generations, was.chain_generations),
            (now.steps, was.steps),
            (now.parallel_tasks, was.parallel_tasks),
            (now.open_pull_requests, was.open_pull_requests),
        ] {
            prop_assert!((1..=was).contains(&now));
        }
        // Everything else is the policy's alone.
        let mut limits = now;
        limits.cost = was.cost;
        limits.cost_ceiling = was.cost_ceiling;
        limits.wall_time_hours = was.wall_time_hours;
        limits.rework_cycles = was.rework_cycles;
        limits.chain_generations = was.chain_generations;
        limits.steps = was.steps;
        limits.parallel_tasks = was.parallel_tasks;
        limits.open_pull_requests = was.open_pull_requests;
        let Policy { autonomy, plan_approval, merge, .. } = policy;
        prop_assert_eq!(Policy { autonomy, plan_approval, merge, limits, ..after }, policy);
    }

    #[test]
    fn any_text_below_options_is_read(options in "([a-z *#:`\\[\\]x_-]{0,20}\n){0,9}") {
        let (policy, _) = with(&Policy::default(), &options);
        prop_assert!(policy.autonomy <= Autonomy::Guardrails);
    }
}

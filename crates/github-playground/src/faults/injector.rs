//! The active rules: chooses the rule for an event, counts, draws random numbers, and writes the report.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use globset::GlobMatcher;
use serde_json::{Value, json};

use super::rule::{CallerKind, DeliveryAct, FaultRule, FaultRuleError, Meets, Patterns, RefAct, RequestAct};
use crate::state::{Delivery, Id, Time};

/// The most entries of the report. The oldest are dropped.
const REMEMBERED: usize = 10_000;

/// The reads of a hidden ref before it becomes visible, if a rule sets neither reads nor time.
const LOOKS: u64 = 3;

/// A fault that was injected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InjectedFault {
    /// The time by the playground's clock.
    pub at: Time,
    /// The rule's name, or its act's if it has none.
    pub rule: String,
    /// The act, for example `done_then_reset`.
    pub act: String,
    /// The subject: `POST /repos/acme/widgets/pulls`, `issues.labeled acme/widgets#1`, `refs/heads/topic`.
    pub what: String,
    /// The GUID of the delivery, if the subject is one.
    pub guid: Option<String>,
}

/// The active rules. A holder of the model's lock may take this lock, but never the other way round.
#[derive(Debug, Default)]
pub(crate) struct FaultInjector {
    on: AtomicBool,
    asks_caller: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// The state of `SplitMix64`. <https://prng.di.unimi.it/splitmix64.c>
    random: u64,
    rules: Vec<Active>,
    done: VecDeque<InjectedFault>,
    hidden: BTreeMap<(Id, String), Hidden>,
    held: Vec<Held>,
}

#[derive(Debug)]
struct Active {
    rule: FaultRule,
    patterns: Patterns,
    /// The number of matching events and of actions, per path, ref or subject, or in total.
    counts: HashMap<String, Count>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    met: u64,
    done: u64,
}

#[derive(Debug)]
struct Hidden {
    looks: Option<u64>,
    until: Option<Time>,
    rule: String,
}

/// A delivery that is held back.
#[derive(Debug)]
pub(crate) struct Held {
    /// An id of the model from the time of holding. Deliveries with a greater id came later.
    pub(crate) since: Id,
    pub(crate) delivery: Delivery,
    pub(crate) until: Until,
}

#[derive(Debug, Clone)]
pub(crate) enum Until {
    /// This many later deliveries were sent.
    Behind(u64),
    /// A later delivery about this subject was sent.
    About(String),
}

/// The facts of a request that rules match.
pub(crate) struct FaultSubject<'a> {
    pub(crate) method: &'a str,
    pub(crate) place: &'a str,
    pub(crate) caller: Option<CallerKind>,
}

impl FaultInjector {
    /// Whether there are rules or hidden refs.
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    /// Whether a rule matches on the caller. Identifying the caller needs a signature check.
    pub(crate) fn asks_caller(&self) -> bool {
        self.asks_caller.load(Ordering::Acquire)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds rules after the existing ones: all of them, or none if one has an error.
    pub(crate) fn add(&self, rules: Vec<FaultRule>) -> Result<(), FaultRuleError> {
        let (mut active, mut faults) = (Vec::new(), Vec::new());
        for (at, rule) in rules.into_iter().enumerate() {
            match rule.compile() {
                Ok(patterns) => active.push(Active { rule, patterns, counts: HashMap::new() }),
                Err(found) => faults.extend(found.into_iter().map(|fault| format!("rules[{at}].{fault}"))),
            }
        }
        if !faults.is_empty() {
            return Err(FaultRuleError(faults));
        }
        let mut inner = self.inner();
        inner.rules.extend(active);
        self.switch(&inner);
        Ok(())
    }

    /// Sets the seed of chance.
    pub(crate) fn seed(&self, seed: u64) {
        self.inner().random = seed;
    }

    /// Removes all rules and returns the deliveries that were held back. The report stays.
    pub(crate) fn end(&self) -> Vec<Delivery> {
        let mut inner = self.inner();
        inner.rules.clear();
        inner.hidden.clear();
        let held = inner.held.drain(..).map(|held| held.delivery).collect();
        self.switch(&inner);
        held
    }

    fn switch(&self, inner: &Inner) {
        let asks = inner.rules.iter().any(|active| match &active.rule.meets {
            Meets::Requests(which, act) => which.caller.is_some() || *act == RequestAct::RevokeToken,
            _ => false,
        });
        self.asks_caller.store(asks, Ordering::Release);
        let on = !(inner.rules.is_empty() && inner.hidden.is_empty() && inner.held.is_empty());
        self.on.store(on, Ordering::Release);
    }

    /// Holds a delivery back.
    pub(crate) fn hold(&self, held: Held) {
        self.inner().held.push(held);
    }

    /// Whether any delivery is held back.
    pub(crate) fn holds_any(&self) -> bool {
        !self.inner().held.is_empty()
    }

    /// Removes and returns the deliveries that are due. `due` may decrease the count they wait for.
    pub(crate) fn take_held(&self, mut due: impl FnMut(&mut Held) -> bool) -> Vec<Held> {
        self.inner().held.extract_if(.., |held| due(held)).collect()
    }

    /// The faults injected so far.
    pub(crate) fn report(&self) -> Vec<InjectedFault> {
        self.inner().done.iter().cloned().collect()
    }

    /// The active rules, with how many events each matched and acted on.
    pub(crate) fn shown(&self) -> Vec<Value> {
        let shown = |active: &Active| {
            let mut value = active.rule.shown();
            let sum = |of: fn(&Count) -> u64| active.counts.values().map(of).sum::<u64>();
            value["met"] = json!(sum(|count| count.met));
            value["done"] = json!(sum(|count| count.done));
            value
        };
        self.inner().rules.iter().map(shown).collect()
    }

    /// The act for a request, if a rule applies.
    pub(crate) fn request(&self, now: Time, asked: &FaultSubject<'_>) -> Option<RequestAct> {
        self.inner().due(now, asked.place, &format!("{} {}", asked.method, asked.place), None, |meets, patterns| {
            let Meets::Requests(which, act) = meets else { return None };
            let caller = which.caller.or((*act == RequestAct::RevokeToken).then_some(CallerKind::Installation));
            let met = (which.methods.is_empty() || which.methods.iter().any(|method| method == asked.method))
                && fits(patterns.first.as_ref(), asked.place)
                && caller.is_none_or(|caller| asked.caller == Some(caller));
            met.then(|| act.clone())
        })
    }

    /// The act for a delivery, if a rule applies.
    pub(crate) fn delivery(&self, now: Time, delivery: &Delivery, about: &str) -> Option<DeliveryAct> {
        let action = delivery.action.as_deref().unwrap_or_default();
        let dot = if action.is_empty() { "" } else { "." };
        let what = format!("{}{dot}{action} {about}", delivery.event);
        self.inner().due(now, about, &what, Some(&delivery.guid), |meets, patterns| {
            let Meets::Deliveries(_, act) = meets else { return None };
            let met = fits(patterns.first.as_ref(), &delivery.event) && fits(patterns.second.as_ref(), action);
            met.then(|| act.clone())
        })
    }

    /// Hides a new ref, if a rule says so.
    pub(crate) fn ref_created(&self, now: Time, (repo, full_name): (Id, &str), name: &str) {
        let mut inner = self.inner();
        inner.hidden.remove(&(repo, name.to_owned()));
        let found = inner.due(now, name, name, None, |meets, patterns| {
            let Meets::Refs(_, act) = meets else { return None };
            let met = fits(patterns.first.as_ref(), name) && fits(patterns.second.as_ref(), full_name);
            met.then(|| act.clone())
        });
        let Some(RefAct::Hidden { reads, ms }) = found else { return };
        let rule = inner.done.back().map(|last| last.rule.clone()).unwrap_or_default();
        let looks = if ms.is_none() { reads.or(Some(LOOKS)) } else { reads };
        let until = ms.map(|ms| now + std::time::Duration::from_millis(ms.min(MOST_MS)));
        inner.hidden.insert((repo, name.to_owned()), Hidden { looks, until, rule });
    }

    /// Counts a read of a ref and returns whether it is still hidden.
    pub(crate) fn is_hidden(&self, now: Time, repo: Id, name: &str) -> bool {
        let mut inner = self.inner();
        let key = (repo, name.to_owned());
        let Some(hidden) = inner.hidden.get_mut(&key) else { return false };
        let over = hidden.looks == Some(0) || hidden.until.is_some_and(|until| until <= now);
        if over {
            inner.hidden.remove(&key);
            return false;
        }
        hidden.looks = hidden.looks.map(|looks| looks - 1);
        let rule = hidden.rule.clone();
        inner.note(InjectedFault { at: now, rule, act: "hidden".to_owned(), what: name.to_owned(), guid: None });
        true
    }
}

/// The longest time: a century.
const MOST_MS: u64 = 100 * 365 * 24 * 3_600_000;

fn fits(pattern: Option<&GlobMatcher>, name: &str) -> bool {
    pattern.is_none_or(|pattern| pattern.is_match(name))
}

impl Inner {
    /// The act of the first rule that applies; it is added to the report.
    fn due<A>(
        &mut self,
        now: Time,
        key: &str,
        what: &str,
        guid: Option<&str>,
        meet: impl Fn(&Meets, &Patterns) -> Option<A>,
    ) -> Option<A> {
        let (act, rule, name) = {
            let random = &mut self.random;
            self.rules.iter_mut().find_map(|active| {
                let act = meet(&active.rule.meets, &active.patterns)?;
                let key = if active.rule.each { key } else { "" };
                let count = active.counts.entry(key.to_owned()).or_default();
                count.met += 1;
                let chance = active.rule.chance;
                let due = count.met > active.rule.skip
                    && active.rule.times.is_none_or(|times| count.done < times)
                    && (chance >= 1.0 || drawn(random) < chance);
                due.then(|| {
                    count.done += 1;
                    let name = active.rule.act_name();
                    (act, active.rule.name.clone().unwrap_or_else(|| name.clone()), name)
                })
            })?
        };
        let guid = guid.map(str::to_owned);
        self.note(InjectedFault { at: now, rule, act: name, what: what.to_owned(), guid });
        Some(act)
    }

    fn note(&mut self, done: InjectedFault) {
        if self.done.len() == REMEMBERED {
            self.done.pop_front();
        }
        self.done.push_back(done);
    }
}

/// A random number from 0 up to, but not including, 1.
fn drawn(random: &mut u64) -> f64 {
    let high = u32::try_from(split_mix(random) >> 32).unwrap_or(u32::MAX);
    f64::from(high) / (f64::from(u32::MAX) + 1.0)
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::RequestFilter;

    fn asked(method: &'static str, place: &'static str) -> FaultSubject<'static> {
        FaultSubject { method, place, caller: None }
    }

    #[test]
    fn the_generator_is_the_published_one() {
        // The first numbers of the reference implementation from the seed 1234567.
        let mut state = 1_234_567;
        let drawn: Vec<u64> = (0..3).map(|_| split_mix(&mut state)).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn one_seed_and_one_order_of_events_make_one_history() {
        let history = |seed| {
            let faults = FaultInjector::default();
            faults.seed(seed);
            faults.add(vec![FaultRule::to("GET", "/a/*", RequestAct::Reset).by_chance(0.5)]).unwrap();
            let mut met = Vec::new();
            for _ in 0..64 {
                met.push(faults.request(Time::default(), &asked("GET", "/a/b")).is_some());
            }
            met
        };
        assert_eq!(history(7), history(7));
        assert_ne!(history(7), history(8));
        let hits = history(7).iter().filter(|met| **met).count();
        assert!((16..48).contains(&hits), "{hits} of 64 is no even chance");
    }

    #[test]
    fn a_rule_skips_counts_and_ends_and_the_next_one_takes_over() {
        let faults = FaultInjector::default();
        let first = FaultRule::to("POST", "/repos/{owner}/{repo}/pulls", RequestAct::Reset).after(1).times(2);
        let second = FaultRule::to_requests(RequestFilter::default(), RequestAct::NotFound).named("rest");
        faults.add(vec![first, second]).unwrap();
        let pulls = asked("POST", "/repos/acme/widgets/pulls");
        let acts: Vec<_> = (0..4).map(|_| faults.request(Time::default(), &pulls).unwrap()).collect();
        assert_eq!(acts, [RequestAct::NotFound, RequestAct::Reset, RequestAct::Reset, RequestAct::NotFound]);
        assert_eq!(faults.request(Time::default(), &asked("GET", "graphql")), Some(RequestAct::NotFound));
        let rules: Vec<String> = faults.report().into_iter().map(|done| done.rule).collect();
        assert_eq!(rules, ["rest", "reset", "reset", "rest", "rest"]);
        assert_eq!((&faults.shown()[0]["met"], &faults.shown()[0]["done"]), (&json!(4), &json!(2)));
        faults.end();
        assert!(!faults.is_on() && faults.request(Time::default(), &pulls).is_none());
    }

    #[test]
    fn counting_for_each_path_counts_every_path_by_itself() {
        let faults = FaultInjector::default();
        faults.add(vec![FaultRule::to("GET", "/a/*", RequestAct::Reset).once().for_each()]).unwrap();
        let met = |place| faults.request(Time::default(), &asked("GET", place)).is_some();
        assert!(met("/a/1") && !met("/a/1") && met("/a/2") && !met("/a/2"));
        assert!(!met("/a/1/b"), "a star is one segment");
    }

    #[test]
    fn a_hidden_ref_shows_after_its_looks_or_its_time() {
        let faults = FaultInjector::default();
        let (looks, time) =
            (RefAct::Hidden { reads: Some(2), ms: None }, RefAct::Hidden { reads: None, ms: Some(500) });
        let rules = vec![FaultRule::to_new_refs("refs/heads/a", looks), FaultRule::to_new_refs("refs/heads/**", time)];
        faults.add(rules).unwrap();
        let now = Time::default();
        faults.ref_created(now, (1, "acme/widgets"), "refs/heads/a");
        faults.ref_created(now, (1, "acme/widgets"), "refs/heads/b/c");
        let looked: Vec<bool> = (0..3).map(|_| faults.is_hidden(now, 1, "refs/heads/a")).collect();
        assert_eq!(looked, [true, true, false]);
        assert!(!faults.is_hidden(now, 2, "refs/heads/b/c"), "another repository's");
        assert!(faults.is_hidden(now, 1, "refs/heads/b/c"));
        assert!(!faults.is_hidden(now + chrono::TimeDelta::milliseconds(500), 1, "refs/heads/b/c"));
    }
}

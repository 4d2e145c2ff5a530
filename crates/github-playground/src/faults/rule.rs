//! Fault rules in Rust.

use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A fault to inject: what it applies to, how often, and what it does. The table is in the module's documentation.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRule {
    /// The name in the report; that of the act, unless given.
    pub name: Option<String>,
    /// What it meets, and what it does to it.
    pub(super) meets: Meets,
    /// How many events it lets pass first.
    pub(super) skip: u64,
    /// How many events it acts on; all, if not given.
    pub(super) times: Option<u64>,
    /// The probability for each event, between 0 and 1.
    pub(super) chance: f64,
    /// Whether skip and times are counted for every path, ref or subject separately.
    pub(super) each: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meets {
    Requests(RequestFilter, RequestAct),
    Deliveries(DeliveryFilter, DeliveryAct),
    Refs(RefFilter, RefAct),
}

impl FaultRule {
    fn new(meets: Meets) -> Self {
        Self { name: None, meets, skip: 0, times: None, chance: 1.0, each: false }
    }

    /// A rule for requests.
    pub fn to_requests(which: RequestFilter, act: RequestAct) -> Self {
        Self::new(Meets::Requests(which, act))
    }

    /// The same for one method and one path pattern: `POST`, `/repos/*/*/pulls`.
    pub fn to(method: &str, path: &str, act: RequestAct) -> Self {
        Self::to_requests(
            RequestFilter { methods: vec![method.to_owned()], path: Some(path.to_owned()), caller: None },
            act,
        )
    }

    /// A rule for webhooks.
    pub fn to_deliveries(which: DeliveryFilter, act: DeliveryAct) -> Self {
        Self::new(Meets::Deliveries(which, act))
    }

    /// The same for one event and action; an empty action is any.
    pub fn to_webhook(event: &str, action: &str, act: DeliveryAct) -> Self {
        let action = (!action.is_empty()).then(|| action.to_owned());
        Self::to_deliveries(DeliveryFilter { event: Some(event.to_owned()), action }, act)
    }

    /// A rule for newly created refs whose full name matches, as `refs/heads/**`.
    pub fn to_new_refs(pattern: &str, act: RefAct) -> Self {
        Self::new(Meets::Refs(RefFilter { name: Some(pattern.to_owned()), repository: None }, act))
    }

    /// Sets the name in the report.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Lets this many events pass first.
    #[must_use]
    pub fn after(self, skip: u64) -> Self {
        Self { skip, ..self }
    }

    /// Acts on this many events at most.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Acts on one event.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Acts on each event with this probability, between 0 and 1.
    #[must_use]
    pub fn by_chance(self, chance: f64) -> Self {
        Self { chance, ..self }
    }

    /// Counts skip and times for every path, ref or subject of a delivery separately.
    #[must_use]
    pub fn for_each(self) -> Self {
        Self { each: true, ..self }
    }

    /// Acts on requests of this kind of caller only. It has no effect on webhooks and refs.
    #[must_use]
    pub fn of_caller(mut self, caller: CallerKind) -> Self {
        if let Meets::Requests(which, _) = &mut self.meets {
            which.caller = Some(caller);
        }
        self
    }
}

/// Which requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestFilter {
    /// `GET`, `POST`; all, if there are none.
    #[serde(default)]
    pub methods: Vec<String>,
    /// The path below `/api/v3`, as a pattern: `*` or `{name}` is one segment, `**` any number of them. `graphql` is the GraphQL
    /// API; `git` is git over HTTP, `git/**/git-receive-pack` its pushes. All, if it is not said.
    pub path: Option<String>,
    /// Who calls.
    pub caller: Option<CallerKind>,
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerKind {
    /// Nobody that is known.
    Anonymous,
    /// A person.
    User,
    /// The app with its JSON Web Token.
    App,
    /// The app's installation.
    Installation,
}

/// Which webhooks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryFilter {
    /// `issues`; all, if it is not said.
    pub event: Option<String>,
    /// `labeled`; all, if it is not said.
    pub action: Option<String>,
}

/// Which refs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefFilter {
    /// The full name, as a pattern: `refs/heads/**`. All, if it is not said.
    pub name: Option<String>,
    /// `owner/name`, as a pattern. All, if it is not said.
    pub repository: Option<String>,
}

/// What is done to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RequestAct {
    /// 401 "Bad credentials".
    Unauthorized,
    /// 403 "Resource not accessible by integration".
    Forbidden,
    /// 404.
    NotFound,
    /// 409.
    Conflict,
    /// 422 "was submitted too quickly".
    Unprocessable,
    /// "You have exceeded a secondary rate limit."
    SecondaryLimit {
        /// 403 or 429.
        #[serde(default = "forbidden")]
        status: u16,
        /// The seconds of the `retry-after` header, if there is to be one.
        retry_after: Option<u64>,
    },
    /// "API rate limit exceeded", nothing remaining.
    PrimaryLimit {
        /// How many seconds ahead `x-ratelimit-reset` lies.
        #[serde(default = "minute")]
        reset_in: u32,
    },
    /// 500.
    ServerError,
    /// 502.
    BadGateway {
        /// A page or JSON.
        #[serde(default)]
        body: Body,
    },
    /// 503.
    Unavailable {
        /// A page or JSON.
        #[serde(default)]
        body: Body,
    },
    /// The connection is reset; nothing is done.
    Reset,
    /// No answer, ever; nothing is done.
    Silence,
    /// It is done, and the connection is reset in place of the answer.
    DoneThenReset,
    /// It is done, and no answer comes.
    DoneThenSilence,
    /// It is done, and a 502 comes in place of the answer.
    DoneThenBadGateway,
    /// The answer comes so many milliseconds late.
    Slow {
        /// Of the machine's clock.
        ms: u64,
    },
    /// The installation token that asked is revoked.
    RevokeToken,
    /// `mergeable` is not known yet.
    MergeableUnknown,
}

/// What a failing gateway sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// A page for people, also where JSON was asked for.
    #[default]
    Html,
    /// A message.
    Json,
}

/// What is done to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DeliveryAct {
    /// Never sent, never listed.
    Drop,
    /// Not sent, and listed as failed.
    Fail,
    /// Sent twice.
    Duplicate {
        /// Whether the second has a GUID of its own.
        #[serde(default)]
        new_guid: bool,
    },
    /// Sent so many milliseconds later.
    Delay {
        /// Of the machine's clock.
        ms: u64,
    },
    /// Held back until so many later ones were sent.
    Reorder {
        /// How many.
        #[serde(default = "one")]
        behind: u64,
    },
    /// Held back until a later one about the same thing was sent.
    Stale,
}

/// What is done to a new ref.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RefAct {
    /// It cannot be seen yet; with neither limit, three looks long.
    Hidden {
        /// For so many looks.
        reads: Option<u64>,
        /// For so many milliseconds of the playground's clock.
        ms: Option<u64>,
    },
}

fn forbidden() -> u16 {
    403
}

fn minute() -> u32 {
    60
}

fn one() -> u64 {
    1
}

/// A rule that cannot be followed, and what to do about it: all faults at once, each with its place.
#[derive(Debug, Error)]
#[error("the fault rules have {} error{}:\n  - {}", .0.len(), if .0.len() == 1 { "" } else { "s" }, .0.join("\n  - "))]
pub struct FaultRuleError(pub Vec<String>);

/// The rule's patterns, ready to be held against names.
#[derive(Debug)]
pub(super) struct Patterns {
    pub(super) first: Option<GlobMatcher>,
    pub(super) second: Option<GlobMatcher>,
}

impl FaultRule {
    /// What is wrong with it, each with its place and the remedy; else its patterns.
    pub(super) fn compile(&self) -> Result<Patterns, Vec<String>> {
        let mut faults = Vec::new();
        if !(0.0..=1.0).contains(&self.chance) {
            faults.push(format!("chance: {} is no chance; give a number from 0 to 1", self.chance));
        }
        if self.times == Some(0) {
            faults.push("times: 0 would never happen; give 1 or more, or leave it out for all".to_owned());
        }
        let mut pattern = |place: &str, text: Option<&String>| match text.map(|text| glob(text)) {
            Some(Err(why)) => {
                faults.push(format!("{place}: {why}"));
                None
            }
            Some(Ok(glob)) => Some(glob),
            None => None,
        };
        let patterns = match &self.meets {
            Meets::Requests(which, _) => {
                Patterns { first: pattern("requests.path", which.path.as_ref()), second: None }
            }
            Meets::Deliveries(which, _) => Patterns {
                first: pattern("deliveries.event", which.event.as_ref()),
                second: pattern("deliveries.action", which.action.as_ref()),
            },
            Meets::Refs(which, _) => Patterns {
                first: pattern("refs.name", which.name.as_ref()),
                second: pattern("refs.repository", which.repository.as_ref()),
            },
        };
        self.check_request(&mut faults);
        if faults.is_empty() { Ok(patterns) } else { Err(faults) }
    }

    fn check_request(&self, faults: &mut Vec<String>) {
        let Meets::Requests(which, act) = &self.meets else { return };
        for method in &which.methods {
            if !["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str()) {
                faults.push(format!(
                    "requests.methods: `{method}` is not a method; give GET, POST and so on in capitals"
                ));
            }
        }
        if let Some(path) = &which.path
            && !path.starts_with(['/', '*'])
            && path != "graphql"
            && path != "git"
            && !path.starts_with("git/")
        {
            faults.push(format!(
                "requests.path: `{path}` meets nothing; give a path below /api/v3 (`/repos/*/*/pulls`), `graphql` or `git`"
            ));
        }
        if let RequestAct::SecondaryLimit { status, .. } = act
            && ![403, 429].contains(status)
        {
            faults.push(format!("does.secondary_limit.status: {status} is not what GitHub answers; give 403 or 429"));
        }
    }

    /// The word for what it does.
    pub(super) fn act_name(&self) -> String {
        let shown = match &self.meets {
            Meets::Requests(_, act) => serde_json::to_value(act),
            Meets::Deliveries(_, act) => serde_json::to_value(act),
            Meets::Refs(_, act) => serde_json::to_value(act),
        };
        match shown.unwrap_or_default() {
            serde_json::Value::String(word) => word,
            serde_json::Value::Object(members) => members.keys().next().cloned().unwrap_or_default(),
            _ => String::new(),
        }
    }
}

fn glob(pattern: &str) -> Result<GlobMatcher, String> {
    // A template of GitHub's documentation will do as well.
    let mut plain = String::new();
    for (at, segment) in pattern.split('/').enumerate() {
        if at > 0 {
            plain.push('/');
        }
        let is_parameter = segment.starts_with('{') && segment.ends_with('}') && !segment.contains(',');
        plain.push_str(if is_parameter { "*" } else { segment });
    }
    if plain == "git" {
        plain.push_str("/**");
    }
    let built = GlobBuilder::new(&plain).literal_separator(true).case_insensitive(true).build();
    built.map(|glob| glob.compile_matcher()).map_err(|error| format!("`{pattern}` is not a pattern: {error}"))
}

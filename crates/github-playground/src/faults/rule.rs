//! Fault rules in Rust.

use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A fault to inject: what it applies to, how often, and what it does. The table is in the module's documentation.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRule {
    /// The name in the report; by default that of the act.
    pub name: Option<String>,
    /// What the rule matches, and what it does.
    pub(super) meets: Meets,
    /// How many events it skips first.
    pub(super) skip: u64,
    /// How many events it acts on; `None` for all.
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

    /// The same for one event and action; an empty action matches any.
    pub fn to_webhook(event: &str, action: &str, act: DeliveryAct) -> Self {
        let action = (!action.is_empty()).then(|| action.to_owned());
        Self::to_deliveries(DeliveryFilter { event: Some(event.to_owned()), action }, act)
    }

    /// A rule for new refs whose full name matches, for example `refs/heads/**`.
    pub fn to_new_refs(pattern: &str, act: RefAct) -> Self {
        Self::new(Meets::Refs(RefFilter { name: Some(pattern.to_owned()), repository: None }, act))
    }

    /// Sets the name in the report.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Skips this many events first.
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

    /// Acts only on requests of this kind of caller. It has no effect on webhooks and refs.
    #[must_use]
    pub fn of_caller(mut self, caller: CallerKind) -> Self {
        if let Meets::Requests(which, _) = &mut self.meets {
            which.caller = Some(caller);
        }
        self
    }
}

/// The requests that a rule matches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestFilter {
    /// `GET`, `POST`; empty for all.
    #[serde(default)]
    pub methods: Vec<String>,
    /// A pattern for the path below `/api/v3`: `*` or `{name}` is one segment, `**` any number of them. `graphql` is
    /// the GraphQL API; `git` is git over HTTP, `git/**/git-receive-pack` its pushes. `None` for all.
    pub path: Option<String>,
    /// The kind of caller; `None` for all.
    pub caller: Option<CallerKind>,
}

/// The kind of a request's caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerKind {
    /// A caller without a valid token.
    Anonymous,
    /// A person.
    User,
    /// The app with its JSON Web Token.
    App,
    /// An installation of the app.
    Installation,
}

/// The webhooks that a rule matches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryFilter {
    /// `issues`; `None` for all.
    pub event: Option<String>,
    /// `labeled`; `None` for all.
    pub action: Option<String>,
}

/// The refs that a rule matches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefFilter {
    /// A pattern for the full name: `refs/heads/**`. `None` for all.
    pub name: Option<String>,
    /// A pattern for `owner/name`. `None` for all.
    pub repository: Option<String>,
}

/// What a rule does to a request.
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
        /// The seconds of the `retry-after` header; `None` for no header.
        retry_after: Option<u64>,
    },
    /// "API rate limit exceeded", nothing remaining.
    PrimaryLimit {
        /// How many seconds `x-ratelimit-reset` is in the future.
        #[serde(default = "minute")]
        reset_in: u32,
    },
    /// 500.
    ServerError,
    /// 502.
    BadGateway {
        /// An HTML page or JSON.
        #[serde(default)]
        body: Body,
    },
    /// 503.
    Unavailable {
        /// An HTML page or JSON.
        #[serde(default)]
        body: Body,
    },
    /// The connection is reset, and the request is not carried out.
    Reset,
    /// There is no answer, and the request is not carried out.
    Silence,
    /// The request is carried out, and the connection is reset instead of the answer.
    DoneThenReset,
    /// The request is carried out, and there is no answer.
    DoneThenSilence,
    /// The request is carried out, and the answer is a 502.
    DoneThenBadGateway,
    /// The answer is delayed.
    Slow {
        /// Milliseconds of the machine's clock.
        ms: u64,
    },
    /// The installation token of the request is revoked.
    RevokeToken,
    /// `mergeable` is not computed yet.
    MergeableUnknown,
}

/// The body of a failing gateway's answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// An HTML page, even if JSON was requested.
    #[default]
    Html,
    /// A JSON message.
    Json,
}

/// What a rule does to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DeliveryAct {
    /// Not sent and not listed.
    Drop,
    /// Not sent, but listed as failed.
    Fail,
    /// Sent twice.
    Duplicate {
        /// Whether the second one has a new GUID.
        #[serde(default)]
        new_guid: bool,
    },
    /// Sent later.
    Delay {
        /// Milliseconds of the machine's clock.
        ms: u64,
    },
    /// Held back until later deliveries were sent.
    Reorder {
        /// The number of later deliveries.
        #[serde(default = "one")]
        behind: u64,
    },
    /// Held back until a later delivery about the same subject was sent.
    Stale,
}

/// What a rule does to a new ref.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RefAct {
    /// It is not visible yet. Without any limit, it is hidden for three reads.
    Hidden {
        /// The number of reads.
        reads: Option<u64>,
        /// Milliseconds of the playground's clock.
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

/// The faults of an invalid rule, all at once, each with its place and the remedy.
#[derive(Debug, Error)]
#[error("the fault rules have {} error{}:\n  - {}", .0.len(), if .0.len() == 1 { "" } else { "s" }, .0.join("\n  - "))]
pub struct FaultRuleError(pub Vec<String>);

/// The rule's compiled patterns.
#[derive(Debug)]
pub(super) struct Patterns {
    pub(super) first: Option<GlobMatcher>,
    pub(super) second: Option<GlobMatcher>,
}

impl FaultRule {
    /// Compiles the patterns, or returns all faults, each with its place and the remedy.
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

    /// The act's name in the file and in the report.
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
    // A path template from GitHub's documentation also works.
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

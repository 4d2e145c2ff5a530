//! GitHub's own description, held against everything that a playground answers and sends.
//!
//! `scripts/github-description` brings the description into `tests/fixtures/github`. A [`Watched`] playground looks at each
//! answer and webhook as it passes; when the test is over, it fails on the first one that GitHub would not have made.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use adjutant::playground::{Exchange, Observer, Playground, PlaygroundOptions, start};
use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

/// Parameters of a path that may hold slashes.
const DEEP: &[&str] = &["{path}", "{ref}", "{branch}", "{basehead}"];
/// What the playground serves beyond the description, as GitHub does.
const UNDESCRIBED: &[(&str, &str)] = &[
    // Redirects of a repository that was renamed go there, and octocrab reads it.
    ("GET", "/repositories/{id}"),
];
/// Violations that are told at most; the first ones say it all.
const TOLD: usize = 8;

/// A playground whose every answer is held against the description.
pub(crate) struct Watched {
    playground: Option<Playground>,
    truth: Arc<Truth>,
}

impl Watched {
    /// Starts one.
    pub(crate) async fn start(mut options: PlaygroundOptions) -> Self {
        let truth = Arc::<Truth>::default();
        options.observer = Some(truth.clone());
        Self { playground: Some(start(options).await.unwrap()), truth }
    }

    /// Stops it.
    pub(crate) async fn shutdown(mut self) {
        self.playground.take().unwrap().shutdown().await;
    }
}

impl Deref for Watched {
    type Target = Playground;

    fn deref(&self) -> &Playground {
        self.playground.as_ref().unwrap()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let seen = self.truth.0.lock().unwrap_or_else(PoisonError::into_inner);
        remember(&seen.names);
        if !std::thread::panicking() {
            let told: Vec<_> = seen.violations.iter().take(TOLD).map(String::as_str).collect();
            assert!(told.is_empty(), "GitHub would not do that:\n{}", told.join("\n"));
        }
    }
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Truth(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// The operations and webhooks, each as the fixtures name it.
    names: BTreeSet<String>,
    violations: BTreeSet<String>,
}

impl Truth {
    fn note(&self, name: String, violation: Result<(), String>) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(violation) = violation {
            seen.violations.insert(format!("{name}: {violation}"));
        }
        seen.names.insert(name);
    }
}

impl Observer for Truth {
    fn answered(&self, exchange: &Exchange<'_>) {
        let Exchange { method, path, status, .. } = exchange;
        match REST.operation(method, path) {
            Some((name, operation)) => self.note(name.to_owned(), operation.judge(exchange)),
            None if *status == 404 || is_undescribed(method, path) => {}
            None => {
                self.note(format!("{method} {path}"), Err(format!("{status}, and GitHub describes no such operation")))
            }
        }
    }

    fn sent(&self, event: &str, payload: &Value) {
        let action = payload["action"].as_str().map(|action| format!(".{action}"));
        let name = format!("{event}{}", action.unwrap_or_default());
        let verdict = match WEBHOOKS.get(&name) {
            Some(schema) => schema.judge(payload),
            None => Err("GitHub describes no such webhook, or webhooks.txt does not name it".to_owned()),
        };
        self.note(name, verdict);
    }
}

fn is_undescribed(method: &str, path: &str) -> bool {
    UNDESCRIBED.iter().any(|(known, template)| *known == method && fits(template, path).is_some())
}

static REST: LazyLock<Rest> = LazyLock::new(Rest::read);
static WEBHOOKS: LazyLock<BTreeMap<String, Shape>> = LazyLock::new(|| {
    let (url, described) = read("webhooks.json");
    let names = described["webhooks"].as_object().unwrap().keys();
    names.map(|name| (name.clone(), Shape::new(url, &format!("#/webhooks/{name}")))).collect()
});

/// The operations of the REST API.
struct Rest(BTreeMap<String, Operation>);

struct Operation {
    /// What may be asked, as JSON.
    request: Option<Shape>,
    /// The parameters of the query string.
    query: BTreeSet<String>,
    /// The answers by status; none where one has no JSON.
    answers: BTreeMap<u16, Option<Shape>>,
}

impl Rest {
    fn read() -> Self {
        let (url, described) = read("rest.json");
        let operations = described["operations"].as_object().unwrap().iter();
        Self(operations.map(|(name, operation)| (name.clone(), Operation::new(url, name, operation))).collect())
    }

    /// The operation of a request, the one with the fewest parameters where several fit.
    fn operation(&self, method: &str, path: &str) -> Option<(&str, &Operation)> {
        let fitting = self.0.iter().filter_map(|(name, operation)| {
            let (of, template) = name.split_once(' ').unwrap();
            (of == method).then(|| fits(template, path)).flatten().map(|parameters| (parameters, name, operation))
        });
        fitting.min_by_key(|(parameters, ..)| *parameters).map(|(_, name, operation)| (name.as_str(), operation))
    }
}

/// How many parameters a template needs to be this path; none where it is not.
fn fits(template: &str, path: &str) -> Option<usize> {
    let (mut parameters, mut parts) = (0, path.trim_end_matches('/').split('/').peekable());
    let mut pieces = template.trim_end_matches('/').split('/').peekable();
    while let Some(piece) = pieces.next() {
        let part = parts.next()?;
        if piece.starts_with('{') {
            parameters += 1;
            if part.is_empty() {
                return None;
            }
            let rest = pieces.clone().count();
            while DEEP.contains(&piece) && parts.clone().count() > rest {
                parts.next();
            }
        } else if piece != part {
            return None;
        }
    }
    parts.next().is_none().then_some(parameters)
}

impl Operation {
    fn new(url: &str, name: &str, described: &Value) -> Self {
        let at = format!("#/operations/{}", name.replace('~', "~0").replace('/', "~1").replace(' ', "%20"));
        let at = at.replace('{', "%7B").replace('}', "%7D");
        let shape = |schema: &Value, pointer: String| (!schema.is_null()).then(|| Shape::new(url, &pointer));
        let query = described["query"].as_array().unwrap().iter();
        let answers = described["responses"].as_object().unwrap().iter();
        Self {
            request: shape(&described["request"], format!("{at}/request")),
            query: query.map(|name| name.as_str().unwrap().to_owned()).collect(),
            answers: answers
                .filter_map(|(status, schema)| {
                    Some((status.parse().ok()?, shape(schema, format!("{at}/responses/{status}"))))
                })
                .collect(),
        }
    }

    fn judge(&self, exchange: &Exchange<'_>) -> Result<(), String> {
        let status = exchange.status;
        let taken = status < 400;
        if exchange.content_type.starts_with("application/json") || exchange.answer.is_empty() {
            let answer = self.answer(exchange);
            answer.map_err(|why| format!("{status}: {why}"))?;
        }
        if taken && exchange.method == "GET" && exchange.user_agent.starts_with("adjutant") {
            self.question(exchange.query)?;
        }
        match &self.request {
            // What is refused may be as wrong as it likes.
            Some(shape) if taken && !exchange.request.is_empty() => {
                let asked =
                    serde_json::from_slice(exchange.request).map_err(|error| format!("the request: {error}"))?;
                shape.judge(&asked).map_err(|why| format!("{status}, where the request is wrong: {why}"))
            }
            _ => Ok(()),
        }
    }

    fn answer(&self, exchange: &Exchange<'_>) -> Result<(), String> {
        let body = (!exchange.answer.is_empty()).then(|| serde_json::from_slice::<Value>(exchange.answer));
        let body = body.transpose().map_err(|error| error.to_string())?;
        match (self.answers.get(&exchange.status), body) {
            (Some(Some(shape)), Some(body)) => shape.judge(&body),
            (Some(Some(_)), None) if exchange.status < 300 => Err("there is no body".to_owned()),
            (Some(None), Some(body)) if exchange.status < 300 && body != serde_json::json!({}) => {
                Err(format!("there is a body: {body}"))
            }
            (Some(_), _) => Ok(()),
            // The description names few of the refusals that any operation may answer.
            (None, Some(body)) if exchange.status >= 400 => ERROR.judge(&body),
            (None, _) => Err("GitHub describes no such answer".to_owned()),
        }
    }

    /// The bot asks for nothing that GitHub does not know.
    fn question(&self, query: &str) -> Result<(), String> {
        let names = query.split('&').filter_map(|pair| pair.split('=').next()).filter(|name| !name.is_empty());
        let unknown: Vec<_> = names.filter(|name| !self.query.contains(*name)).collect();
        if unknown.is_empty() {
            Ok(())
        } else {
            Err(format!("the query has unknown parameters: {}", unknown.join(", ")))
        }
    }
}

static ERROR: LazyLock<Shape> = LazyLock::new(|| Shape::new(read("rest.json").0, "#/schemas/basic-error"));

/// A schema, compiled when it is first needed.
struct Shape {
    location: String,
    compiled: Mutex<Option<Arc<(Schemas, SchemaIndex)>>>,
}

impl Shape {
    fn new(url: &str, pointer: &str) -> Self {
        Self { location: format!("{url}{pointer}"), compiled: Mutex::default() }
    }

    fn judge(&self, value: &Value) -> Result<(), String> {
        let compiled = self.compiled();
        let verdict = compiled.0.validate(value, compiled.1);
        verdict.map_err(|error| format!("{error:#}").lines().skip(1).collect::<Vec<_>>().join("\n"))
    }

    fn compiled(&self) -> Arc<(Schemas, SchemaIndex)> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let made = compiled.get_or_insert_with(|| {
            let mut compiler = Compiler::new();
            compiler.enable_format_assertions();
            for file in ["rest.json", "webhooks.json"] {
                let (url, described) = read(file);
                compiler.add_resource(url, described.clone()).unwrap();
            }
            let mut schemas = Schemas::new();
            let index = compiler.compile(&self.location, &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
            Arc::new((schemas, index))
        });
        made.clone()
    }
}

/// One of the fixtures, with the address under which its schemas refer to each other.
fn read(file: &str) -> (&'static str, &'static Value) {
    static FILES: LazyLock<[(&str, Value); 2]> = LazyLock::new(|| {
        let load = |file: &str| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/github").join(file);
            serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
        };
        [
            ("http://github.test/rest.json", load("rest.json")),
            ("http://github.test/webhooks.json", load("webhooks.json")),
        ]
    });
    let (url, value) = FILES.iter().find(|(url, _)| url.ends_with(file)).unwrap();
    (url, value)
}

/// Adds what was exercised to the list of this build, which `scripts/github-coverage` reads.
fn remember(names: &BTreeSet<String>) {
    static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let new: Vec<_> = names.difference(&known).cloned().collect();
    if new.is_empty() {
        return;
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("github-exercised.txt");
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all((new.join("\n") + "\n").as_bytes()).unwrap();
    known.extend(new);
}
